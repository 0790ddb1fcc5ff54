package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"kletscan/scanner"
)

// chart is a drawing in SVG user units.
type chart struct {
	Width, Height int
	Desc          string // what it shows, for who cannot see it
	Rects         []chartRect
	Texts         []chartText
}

type chartRect struct {
	State      string // fill-STATE is its class
	X, Y, W, H int
	Title      string
}

type chartText struct {
	Class string // label ends at X; middle and inside are centred on it; start begins there
	X, Y  int
	Text  string
}

const (
	chartWidth = 900
	// maxBars bounds the groups that are drawn. The table has all of them.
	maxBars   = 24
	barLeft   = 200
	barWidth  = 640
	barHeight = 24
	barStep   = 32
	// letterWidth is about what a letter takes at 13px; texts longer than
	// their room are cut or left out.
	letterWidth = 8
)

// groupChart has one bar for each group, cut into its states; the bars are
// equally long, for a group's state does not depend on its size. Of more than
// maxBars groups it has those with the most nodes that are not on.
func groupChart(groups []groupRow, fleet groupRow) chart {
	drawn := groups
	if len(drawn) == 0 {
		drawn = []groupRow{fleet}
	}
	c := chart{Width: chartWidth, Desc: "One bar for each group, cut into the shares of its nodes; the table below has the numbers."}
	if left := len(drawn) - maxBars; left > 0 {
		drawn = slices.Clone(drawn)
		slices.SortStableFunc(drawn, func(a, b groupRow) int { return cmp.Compare(b.Total-b.Parts[0].Count, a.Total-a.Parts[0].Count) })
		drawn = drawn[:maxBars]
		c.Texts = append(c.Texts, chartText{"start", barLeft, maxBars*barStep + 16, fmt.Sprintf("and %d more groups, in the table below", left)})
		c.Height = barStep
	}
	for i, g := range drawn {
		c.addBar(i*barStep, g)
	}
	c.Height += len(drawn) * barStep
	return c
}

// addBar draws one group at height y.
func (c *chart) addBar(y int, g groupRow) {
	middle := y + barHeight/2 + 5
	c.Texts = append(c.Texts,
		chartText{"label", barLeft - 8, middle, shorten(g.Name, barLeft/letterWidth-2)},
		chartText{"start", barLeft + barWidth + 8, middle, strconv.Itoa(g.Total)})
	before := 0
	for _, p := range g.Parts {
		if p.Count == 0 {
			continue
		}
		from, to := barLeft+barWidth*before/g.Total, barLeft+barWidth*(before+p.Count)/g.Total
		before += p.Count
		words := fmt.Sprintf("%d %s", p.Count, p.State)
		c.Rects = append(c.Rects, chartRect{p.State, from, y, max(to-from, 1), barHeight, g.Name + ": " + words})
		if len(words)*letterWidth <= to-from {
			c.Texts = append(c.Texts, chartText{"inside", (from + to) / 2, middle, words})
		}
	}
}

// shorten cuts a text to n characters.
func shorten(s string, n int) string {
	if runes := []rune(s); len(runes) > n {
		return string(runes[:n-1]) + ellipsis
	}
	return s
}

// expiries counts nodes by the end of the certificate they serve.
type expiries struct {
	expired int         // by the node's own clock
	unseen  int         // nobody saw an end
	days    map[int]int // by days since the epoch, of those that have not expired
}

// bucket is how many certificates end in one span of time.
type bucket struct {
	State string // expired, valid or unseen
	Label string
	Count int
}

const (
	secondsPerDay = 24 * 60 * 60
	// lastDay is 2200-01-01; what ends behind it counts there, which bounds
	// how many days there can be.
	lastDay = 84006
	// maxWeeks is up to how many weeks are drawn one by one, maxMonths is the
	// same for months, which are drawn otherwise.
	maxWeeks  = 13
	maxMonths = 18
)

func expiriesOf(results Results) (expiries, error) {
	e := expiries{days: map[int]int{}}
	for r, err := range results {
		if err != nil {
			return e, err
		}
		end := r.Verdict.Served.NotAfter
		switch {
		case r.Status != scanner.OK || end == 0:
			e.unseen++
		case r.Verdict.Served.Life.Expired:
			e.expired++
		default:
			e.days[int(min(max(end/secondsPerDay, 0), lastDay))]++
		}
	}
	return e, nil
}

// spans are the certificates that have not expired, by weeks where all end
// within maxWeeks, else by months, all those from the first to the last.
func (e expiries) spans() []bucket {
	days := slices.Sorted(maps.Keys(e.days))
	if len(days) == 0 {
		return nil
	}
	first, last := days[0], days[len(days)-1]
	monday := first - (first+3)%7 // day 0 was a Thursday
	weekly := last < monday+7*maxWeeks
	var spans []bucket
	if weekly {
		for day := monday; day <= last; day += 7 {
			spans = append(spans, bucket{"valid", weekOf + dateOf(day).Format(time.DateOnly), 0})
		}
	} else {
		for i := 0; i <= min(monthOf(last)-monthOf(first), maxMonths-1); i++ {
			spans = append(spans, bucket{"valid", dateOf(first).AddDate(0, 0, 1-dateOf(first).Day()).AddDate(0, i, 0).Format("2006-01"), 0})
		}
		if monthOf(last)-monthOf(first) >= maxMonths {
			spans = append(spans, bucket{"valid", "later", 0})
		}
	}
	for _, day := range days {
		i := (day - monday) / 7
		if !weekly {
			i = min(monthOf(day)-monthOf(first), maxMonths)
		}
		spans[i].Count += e.days[day]
	}
	return spans
}

func dateOf(day int) time.Time { return time.Unix(int64(day)*secondsPerDay, 0).UTC() }

func monthOf(day int) int { return dateOf(day).Year()*12 + int(dateOf(day).Month()) }

// table has every node once: expired first, those whose end nobody saw last.
func (e expiries) table() []bucket {
	return slices.Concat([]bucket{{"expired", "expired", e.expired}}, e.spans(), []bucket{{"unseen", "not seen", e.unseen}})
}

const (
	weekOf        = "week of "
	columnsTop    = 24
	columnsHeight = 160
	chartMargin   = 20 // room for the first and the last label
)

// chart draws the table as columns.
func (e expiries) chart() chart {
	buckets := e.table()
	c := chart{Width: chartWidth, Height: columnsTop + columnsHeight + 60, Desc: "One column for each span of time, those that have expired first; the table below has the numbers."}
	most := slices.MaxFunc(buckets, func(a, b bucket) int { return cmp.Compare(a.Count, b.Count) }).Count
	step := (chartWidth - 2*chartMargin) / len(buckets)
	for i, b := range buckets {
		left, width := chartMargin+i*step+4, min(step-8, 80)
		height := columnsHeight * b.Count / max(most, 1)
		if b.Count > 0 {
			height = max(height, 2)
			c.Rects = append(c.Rects, chartRect{b.State, left, columnsTop + columnsHeight - height, width, height, fmt.Sprintf("%s: %d", b.Label, b.Count)})
		}
		center := left + width/2
		c.Texts = append(c.Texts, chartText{"middle", center, columnsTop + columnsHeight - height - 6, strconv.Itoa(b.Count)})
		// Every other one stands lower, for want of room.
		c.Texts = append(c.Texts, chartText{"middle", center, columnsTop + columnsHeight + 18 + i%2*18, strings.TrimPrefix(b.Label, weekOf)})
	}
	return c
}
