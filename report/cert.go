package report

import (
	"cmp"
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
func certClass(r scanner.Result) value {
	if !looked(r) {
		return text("")
	}
	return text(r.Verdict.Served.Class.String())
}

// looked reports whether the certificate of a node was looked for.
func looked(r scanner.Result) bool { return r.Status == scanner.OK && r.Verdict.Served.Address != "" }

// certWords is the class and how long it has: "rotated 297d", "self-signed
// expired".
func certWords(r scanner.Result) value {
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

func certNotAfter(r scanner.Result) value {
	if r.Verdict.Served.NotAfter == 0 {
		return value{}
	}
	return moment(time.Unix(r.Verdict.Served.NotAfter, 0))
}

func certDaysLeft(r scanner.Result) value {
	if !r.Verdict.Served.Life.Known {
		return value{}
	}
	return value{kind: kindNumber, number: strconv.FormatInt(r.Verdict.Served.Life.DaysLeft, 10)}
}

// certLifeUsed is a share: 0.7 is when a kubelet begins to renew.
func certLifeUsed(r scanner.Result) value {
	life := r.Verdict.Served.Life
	if !life.Known || math.IsNaN(life.Used) || math.IsInf(life.Used, 0) {
		return value{}
	}
	return value{kind: kindNumber, number: strconv.FormatFloat(life.Used, 'f', 4, 64)}
}

// certLife is one fact of a certificate's life; nothing where that is not known.
func certLife(fact func(serving.Life) bool) func(scanner.Result) value {
	return func(r scanner.Result) value {
		if !r.Verdict.Served.Life.Known {
			return value{}
		}
		return boolean(fact(r.Verdict.Served.Life))
	}
}

// SortByExpiry puts the nodes whose certificate ends first in front; those of
// which no end is known keep their order behind them.
func SortByExpiry(results []scanner.Result) {
	slices.SortStableFunc(results, func(a, b scanner.Result) int {
		x, y := a.Verdict.Served.NotAfter, b.Verdict.Served.NotAfter
		switch {
		case x == 0 && y == 0:
			return 0
		case x == 0:
			return 1
		case y == 0:
			return -1
		}
		return cmp.Compare(x, y)
	})
}

// nextToExpire is how many nodes the expiry line names.
const nextToExpire = 10

// expiryLines are the certificates that have expired and are served all the
// same, and the next to expire, in one line each; nothing where none is known.
func expiryLines(results []scanner.Result) []string {
	results = slices.Clone(results)
	SortByExpiry(results)
	var expired, next []string
	for _, r := range results {
		served := r.Verdict.Served
		switch {
		case !looked(r), !served.Life.Known:
		case served.Life.Expired:
			expired = append(expired, fmt.Sprintf("%s (%s)", Clean(r.Node.Name), served.Class))
		case len(next) < nextToExpire && served.Class != serving.NotObserved:
			next = append(next, fmt.Sprintf("%s %dd", Clean(r.Node.Name), served.Life.DaysLeft))
		}
	}
	var lines []string
	if expired != nil {
		lines = append(lines, "expired, and served all the same: "+firstOf(expired, nextToExpire))
	}
	if next != nil {
		lines = append(lines, "next to expire: "+strings.Join(next, ", "))
	}
	return lines
}

func firstOf(list []string, n int) string {
	if len(list) <= n {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:n], ", "), len(list)-n)
}
