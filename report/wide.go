package report

import (
	"bufio"
	"io"
	"strings"
)

// wideColumns are what a wide terminal has room for, beside what the table
// shows. The reason stands last: it may be of any length.
var wideColumns = []string{
	"node", "host", "group", "distro", "kubelet_version", "kubelet_pid", "rotation", "after_restart",
	"cert_class", "cert_not_after", "cert_issuer", "effective_server_tls_bootstrap", "effective_gate", "tls_cert_file",
	"cis_1_5_1_letter", "datadog_letter", "kube_bench_letter", "source", "why",
}

// wideCell is the widest that a cell makes its column, in terminal columns. A
// wider one is not cut: it pushes the rest of its own row aside.
const wideCell = 48

// wideColumn is a column of the wide table.
type wideColumn struct {
	heading string
	width   int // of its widest cell, up to wideCell; 0: all are empty
	cell    func(finding) string
}

// writeWide writes one line for each node, never wrapped or cut, and the
// summary line. Columns that are empty for the whole fleet are left out. It
// ranges over the results to measure, and again to write.
func writeWide(w io.Writer, run Run, opts Options) error {
	list := wideList()
	var counts Counts
	for f, err := range findings(run, opts) {
		if err != nil {
			return err
		}
		counts.add(f.result, f.waiver != nil)
		for i := range list {
			list[i].width = max(list[i].width, min(measure(list[i].cell(f)), wideCell))
		}
	}
	var shown []wideColumn
	for _, c := range list {
		if c.width > 0 {
			c.width = max(c.width, measure(c.heading))
			shown = append(shown, c)
		}
	}
	out := bufio.NewWriter(w)
	if len(shown) > 0 {
		writeWideRow(out, shown, func(c wideColumn) (string, string) { return c.heading, "" })
		writeWideRow(out, shown, func(c wideColumn) (string, string) { return strings.Repeat("-", c.width), "" })
		for f, err := range findings(run, opts) {
			if err != nil {
				return err
			}
			writeWideRow(out, shown, func(c wideColumn) (string, string) {
				if opts.Color && c.heading == rotationHeading {
					return c.cell(f), colorOf(&f.result)
				}
				return c.cell(f), ""
			})
		}
		out.WriteByte('\n')
	}
	out.WriteString(counts.Line() + "\n")
	return out.Flush()
}

// wideList are the columns in the order of wideColumns, and the waiver before
// the reason.
func wideList() (list []wideColumn) {
	for _, key := range wideColumns {
		for _, c := range columns {
			if c.key != key {
				continue
			}
			heading := c.heading
			if heading == "" {
				heading = strings.ToUpper(strings.ReplaceAll(strings.TrimPrefix(key, "effective_"), "_", " "))
			}
			list = append(list, wideColumn{heading: heading, cell: func(f finding) string {
				return c.tableCell(&f.run, f.opts, &f.result).String()
			}})
		}
	}
	waived := wideColumn{heading: "WAIVED", cell: func(f finding) string { return strings.TrimPrefix(f.waived(), "waived: ") }}
	last := len(list) - 1
	return append(list[:last:last], waived, list[last])
}

// writeWideRow writes one line without trailing blanks. The colour does not
// count in its width.
func writeWideRow(out *bufio.Writer, list []wideColumn, cell func(wideColumn) (text, color string)) {
	pad := 0
	for _, c := range list {
		text, color := cell(c)
		if text != "" {
			out.WriteString(strings.Repeat(" ", pad))
			pad = 0
			if color != "" {
				out.WriteString(color + text + reset)
			} else {
				out.WriteString(text)
			}
		}
		pad += max(c.width-measure(text), 0) + gap
	}
	out.WriteByte('\n')
}
