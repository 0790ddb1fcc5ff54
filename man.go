package main

import (
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v2"
)

// manCommand is for make man, and hidden: readers have man kletscan.
func manCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:   "man",
		Usage:  "write the manual page",
		Hidden: true,
		Description: `In the language of man(7), from the same words as --help.

Examples:
   kletscan man >kletscan.1` + exitStatusPlain,
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usageError(fmt.Errorf("%q: man takes no arguments", c.Args().First()))
			}
			_, err := io.WriteString(t.stdout, manual(c.App, commandTree(c.App)))
			return err
		},
	}
}

// manual is the page.
func manual(app *cli.App, commands []command) string {
	var m man
	m.line(`.TH KLETSCAN 1 "`+roff(buildDate())+`" "kletscan `+roff(app.Version)+`" "User Commands"`,
		".SH NAME", `kletscan \- `+roff(app.Usage), ".SH SYNOPSIS", ".nf")
	for _, c := range commands {
		m.line(strings.TrimSpace(`\fBkletscan ` + roff(c.name) + `\fR [\fIflags\fR] ` + roff(c.args)))
	}
	m.line(".fi", ".SH DESCRIPTION")
	description, examples, status := sections(app.Description)
	m.text(description + "\n\n" + manDescription)
	m.line(".SH COMMANDS")
	for _, c := range commands {
		m.command(c, status)
	}
	m.line(".SH EXIT STATUS")
	m.list(status)
	m.line(".SH ENVIRONMENT")
	m.terms(manEnvironment)
	m.line(".SH FILES")
	m.terms(manFiles)
	m.line(".SH EXAMPLES")
	m.verbatim(examples)
	m.line(".SH SEE ALSO", ".BR ssh (1),", ".BR ssh_config (5),", ".BR sshd (8),", ".BR sha256sum (1)")
	return m.String()
}

const manDescription = `It logs in to each node over SSH, reads the process table and a few files there, judges
them by the kubelet's own rules, and looks at the certificate that is served. Nothing is
installed on a node and nothing is changed there.

Every node of the inventory is once in every output. What could not be looked at is never
taken for on or for off.`

var manEnvironment = [][2]string{
	{"SSH_AUTH_SOCK", "the agent that holds keys to log in with"},
	{"HOME", "where .ssh lies: ssh_config, known_hosts and keys"},
	{"NO_COLOR", "no colours if it is set to anything, as with --no-color"},
	{"TERM", "no colours if it is dumb"},
	{"TMPDIR", "where report keeps results that it reads from a pipe"},
}

var manFiles = [][2]string{
	{"~/.ssh/config, /etc/ssh/ssh_config", "read as ssh(1) reads them, unless --ssh-config names another"},
	{"~/.ssh/known_hosts, /etc/ssh/ssh_known_hosts", "the host keys of nodes, unless --known-hosts names others; never written to"},
}

// buildDate is the day of the commit that was built, so that the page is the
// same however often it is made; empty where the build does not know.
func buildDate() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.time" {
				date, _, _ := strings.Cut(s.Value, "T")
				return date
			}
		}
	}
	return ""
}

// sections takes the description of a command apart: what stands before
// "Examples:", what stands behind it, and the exit status.
func sections(description string) (text, examples, status string) {
	text, status, _ = strings.Cut(description, "\n\nEXIT STATUS\n")
	text, examples, _ = strings.Cut(text, "\n\nExamples:\n")
	return text, examples, status
}

// man is a page in the language of man(7).
type man struct{ strings.Builder }

func (m *man) line(text ...string) { lines(m, text...) }

// command is one section. Its exit status is left out where it is the usual.
func (m *man) command(c command, usual string) {
	text, examples, status := sections(c.description)
	m.line(`.SS "` + strings.TrimSpace(`kletscan `+roff(c.name)+` [flags] `+roff(c.args)) + `"`)
	m.text(strings.ToUpper(c.usage[:1]) + c.usage[1:] + ".\n\n" + text)
	for _, f := range c.flags {
		m.line(".TP", manFlag(f), manLine(f.meaning()))
	}
	if examples != "" {
		m.line(".PP", "Examples:", ".PP")
		m.verbatim(examples)
	}
	if status != usual && status != "" {
		m.line(".PP", "Exit status:")
		m.list(status)
	}
}

func manFlag(f cliFlag) string {
	var names []string
	for _, name := range f.dashed() {
		names = append(names, `\fB`+roff(name)+`\fR`)
	}
	text := strings.Join(names, ", ")
	if f.value != "" {
		text += ` \fI` + roff(f.value) + `\fR`
	}
	return text
}

// text writes paragraphs; those whose lines are indented stay as they are.
func (m *man) text(text string) {
	for i, paragraph := range strings.Split(text, "\n\n") {
		if strings.HasPrefix(paragraph, " ") {
			m.line(".PP")
			m.verbatim(paragraph)
			continue
		}
		if i > 0 {
			m.line(".PP")
		}
		for line := range strings.Lines(paragraph) {
			m.line(manLine(strings.TrimSpace(line)))
		}
	}
}

func (m *man) verbatim(text string) {
	m.line(".RS 4", ".nf")
	for line := range strings.Lines(text) {
		m.line(manLine(strings.TrimSpace(line)))
	}
	m.line(".fi", ".RE")
}

// list writes lines such as "   0    done" as terms with their meaning, which
// may go on in lines that are indented further.
func (m *man) list(text string) {
	var terms [][2]string
	for line := range strings.Lines(text) {
		meaning := strings.TrimSpace(line)
		if !strings.HasPrefix(line, "    ") {
			term, rest, _ := strings.Cut(meaning, " ")
			terms = append(terms, [2]string{term, strings.TrimSpace(rest)})
		} else if len(terms) > 0 {
			terms[len(terms)-1][1] += " " + meaning
		}
	}
	m.terms(terms)
}

func (m *man) terms(terms [][2]string) {
	for _, term := range terms {
		m.line(".TP", `\fB`+roff(term[0])+`\fR`, manLine(term[1]))
	}
}

// manLine is a line of text that is no request, even if it begins like one.
func manLine(text string) string {
	text = roff(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}

// roff escapes what the language gives a meaning to. A "-" is a minus sign, so
// that what is copied from the page can be run.
func roff(text string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, `"`, `\(dq`, "~", `\(ti`, "^", `\(ha`, "`", `\(ga`).Replace(text)
}
