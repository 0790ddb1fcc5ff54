package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"kletscan/scanner"
	"kletscan/scanner/serving"
)

// certClass is empty where nobody looked.
func certClass(r *scanner.Result) value {
	if !looked(r) {
		return text("")
	}
	return text(r.Verdict.Served.Class.String())
}

// looked reports whether the certificate of a node was looked for.
func looked(r *scanner.Result) bool { return r.Status == scanner.OK && r.Verdict.Served.Address != "" }

// certWords is the class and how long it has: "rotated 297d", "self-signed
// expired".
func certWords(r *scanner.Result) value {
	if !looked(r) {
		return text("")
	}
	served := r.Verdict.Served
	words := served.Class.String()
	switch {
	case !served.Life.Known:
	case served.Life.Expired:
		words += " expired"
	default:
		words += fmt.Sprintf(" %dd", served.Life.DaysLeft)
	}
	return text(words)
}

func certNotAfter(r *scanner.Result) value {
	if r.Verdict.Served.NotAfter == 0 {
		return value{}
	}
	return moment(time.Unix(r.Verdict.Served.NotAfter, 0))
}

func certDaysLeft(r *scanner.Result) value {
	if !r.Verdict.Served.Life.Known {
		return value{}
	}
	return value{kind: kindNumber, text: strconv.FormatInt(r.Verdict.Served.Life.DaysLeft, 10)}
}

// certLifeUsed is a share: 0.7 is when a kubelet begins to renew.
func certLifeUsed(r *scanner.Result) value {
	life := r.Verdict.Served.Life
	if !life.Known || math.IsNaN(life.Used) || math.IsInf(life.Used, 0) {
		return value{}
	}
	return value{kind: kindNumber, text: strconv.FormatFloat(life.Used, 'f', 4, 64)}
}

// certLife is one fact of a certificate's life; nothing where that is not known.
func certLife(fact func(serving.Life) bool) func(*scanner.Result) value {
	return func(r *scanner.Result) value {
		if !r.Verdict.Served.Life.Known {
			return value{}
		}
		return boolean(fact(r.Verdict.Served.Life))
	}
}

// nextToExpire is how many nodes a line about expiry names.
const nextToExpire = 10

// endings are the certificates that have expired and are served all the same,
// and the next to expire. The zero value has none.
type endings struct{ expired, next soonest }

func (e *endings) add(r *scanner.Result) {
	served := &r.Verdict.Served
	switch {
	case !looked(r), !served.Life.Known:
	case served.Life.Expired:
		e.expired.add(served.NotAfter, fmt.Sprintf("%s (%s)", Clean(r.Node.Name), served.Class))
	case served.Class != serving.NotObserved:
		e.next.add(served.NotAfter, fmt.Sprintf("%s %dd", Clean(r.Node.Name), served.Life.DaysLeft))
	}
}

// lines are one for each of the two that has any.
func (e *endings) lines() (lines []string) {
	if e.expired.count > 0 {
		line := "expired, and served all the same: " + e.expired.names()
		if more := e.expired.count - nextToExpire; more > 0 {
			line += fmt.Sprintf(" and %d more", more)
		}
		lines = append(lines, line)
	}
	if e.next.count > 0 {
		lines = append(lines, "next to expire: "+e.next.names())
	}
	return lines
}

// soonest are the first of many certificates to end.
type soonest struct {
	first []ending // at most nextToExpire, in their order
	count int      // of all
}

type ending struct {
	end  int64 // as in Served.NotAfter
	name string
}

func (s *soonest) add(end int64, name string) {
	s.count++
	i := len(s.first)
	for i > 0 && compareEnds(s.first[i-1].end, end) > 0 {
		i--
	}
	if i < nextToExpire {
		s.first = slices.Insert(s.first, i, ending{end, name})
		s.first = s.first[:min(len(s.first), nextToExpire)]
	}
}

func (s *soonest) names() string {
	list := make([]string, len(s.first))
	for i, e := range s.first {
		list[i] = e.name
	}
	return strings.Join(list, ", ")
}
