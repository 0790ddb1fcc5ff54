package report

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"

	"kletscan/scanner"
)

// writeJUnit writes the XML that CI servers read: a suite for each group, a
// case for each node. Off and invalid are failures; a node that is unknown or
// was not reached is an error; external, waived, and a host that is no node
// are skipped. Results that were not written to their end get a suite of their
// own with one error: they must not pass.
//
// The counts of a suite stand before its cases, and nodes of a group need not
// stand together, so the cases are held in memory: 60 MiB for 100,000 nodes.
func writeJUnit(w io.Writer, run Run, opts Options) error {
	var suites []*junitSuite
	index := map[string]*junitSuite{}
	for f, err := range findings(run, opts) {
		if err != nil {
			return err
		}
		s := index[f.group()]
		if s == nil {
			s = &junitSuite{name: f.group()}
			index[s.name] = s
			suites = append(suites, s)
		}
		if err := s.add(f); err != nil {
			return err
		}
	}
	if run.Incomplete {
		s, err := incompleteSuite()
		if err != nil {
			return err
		}
		suites = append(suites, s)
	}
	out := bufio.NewWriter(w)
	out.WriteString(xml.Header + "<testsuites>\n")
	for i, s := range suites {
		if err := s.write(out, i, run); err != nil {
			return err
		}
	}
	out.WriteString("</testsuites>\n")
	return out.Flush()
}

type junitSuite struct {
	name                             string
	tests, failures, errors, skipped int
	seconds                          float64
	counts                           Counts
	cases                            bytes.Buffer
}

type junitCase struct {
	XMLName xml.Name   `xml:"testcase"`
	Name    string     `xml:"name,attr"`
	Class   string     `xml:"classname,attr"`
	Time    string     `xml:"time,attr"`
	Skipped *junitNote `xml:"skipped"`
	Error   *junitNote `xml:"error"`
	Failure *junitNote `xml:"failure"`
}

type junitNote struct {
	Type    string `xml:"type,attr,omitempty"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func (s *junitSuite) add(f finding) error {
	seconds, err := strconv.ParseFloat(f.text("visit_seconds"), 64)
	if err != nil || seconds < 0 { // not visited, or a clock was set back
		seconds = 0
	}
	s.tests++
	s.seconds += seconds
	s.counts.add(f.result, f.waiver != nil)
	c := junitCase{Name: f.name, Class: s.name, Time: fmt.Sprintf("%.3f", seconds)}
	switch {
	case f.waiver != nil, f.outcome == outcomeNotApplicable:
		s.skipped++
		c.Skipped = &junitNote{Message: f.said()}
	case f.outcome == outcomeFail:
		s.failures++
		c.Failure = &junitNote{Type: f.state(), Message: f.said(), Text: junitDetails(f)}
	case f.outcome != outcomePass:
		s.errors++
		c.Error = &junitNote{Type: f.state(), Message: f.said(), Text: junitDetails(f)}
	}
	return s.encode(c)
}

func (s *junitSuite) encode(c junitCase) error {
	s.cases.WriteByte('\n')
	out := xml.NewEncoder(&s.cases)
	out.Indent("    ", "  ")
	return out.Encode(c)
}

// incompleteSuite stands for the nodes that are missing.
func incompleteSuite() (*junitSuite, error) {
	s := &junitSuite{name: "(incomplete)", tests: 1, errors: 1}
	return s, s.encode(junitCase{Name: "results", Class: s.name, Time: "0.000", Error: &junitNote{
		Type: "incomplete", Message: "the results were not written to their end: nodes are missing",
	}})
}

// junitDetails is what somebody needs who reads the log of a build.
func junitDetails(f finding) string {
	var lines []string
	for _, key := range []string{"distro", "kubelet_version", "conditions", "source", "cert_class", "cert_not_after"} {
		if s := f.text(key); s != "" {
			lines = append(lines, key+": "+s)
		}
	}
	if f.result.Status == scanner.OK {
		for _, step := range f.of("remediation").list {
			lines = append(lines, "to do: "+step)
		}
	}
	return strings.Join(lines, "\n")
}

// junitElement is a suite. The order of its members and that all are present,
// an empty system-err included, is the schema's.
type junitElement struct {
	XMLName    xml.Name        `xml:"testsuite"`
	ID         int             `xml:"id,attr"`
	Package    string          `xml:"package,attr"`
	Name       string          `xml:"name,attr"`
	Timestamp  string          `xml:"timestamp,attr"` // UTC; the schema allows no zone
	Hostname   string          `xml:"hostname,attr"`  // where kletscan ran
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Properties junitProperties `xml:"properties"`
	Cases      []byte          `xml:",innerxml"`
	SystemOut  string          `xml:"system-out"`
	SystemErr  string          `xml:"system-err"`
}

type junitProperties struct {
	List []junitProperty `xml:"property"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

func (s *junitSuite) write(out io.Writer, id int, run Run) error {
	_, host, _ := strings.Cut(Clean(run.Operator), "@")
	if host = strings.TrimSpace(host); host == "" {
		host = "localhost"
	}
	e := junitElement{
		ID: id, Package: "kletscan", Name: s.name, Timestamp: run.when().UTC().Format("2006-01-02T15:04:05"), Hostname: host,
		Tests: s.tests, Failures: s.failures, Errors: s.errors, Skipped: s.skipped, Time: fmt.Sprintf("%.3f", s.seconds),
		Cases: s.cases.Bytes(), SystemOut: s.counts.Line(),
	}
	for _, f := range runFacts(run) {
		e.Properties.List = append(e.Properties.List, junitProperty{f.key, f.value.String()})
	}
	x := xml.NewEncoder(out)
	x.Indent("  ", "  ")
	if err := x.Encode(e); err != nil {
		return err
	}
	_, err := io.WriteString(out, "\n")
	return err
}
