package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// render is a Run in one format.
func render(t *testing.T, format string, run Run, opts Options) string {
	t.Helper()
	f, err := Lookup(format)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := f.Write(&out, run, opts); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestGolden(t *testing.T) {
	ordinary, wicked := testRun(fleet()...), testRun(hostileFleet()...)
	alone := fleet()[4:]
	for i := range alone {
		alone[i].Node.Labels = nil
	}
	bare := testRun(alone...)
	for _, tt := range []struct {
		file   string
		format string
		run    Run
		opts   Options
	}{
		{"fleet-80.table", "table", ordinary, Options{Width: 80}},
		{"fleet-120.table", "table", ordinary, Options{Width: 120}},
		{"fleet-160.table", "table", ordinary, Options{Width: 160}},
		{"fleet-piped.table", "table", ordinary, Options{}},
		{"fleet-120-color.table", "table", ordinary, Options{Width: 120, Color: true}},
		{"fleet.csv", "csv", ordinary, Options{}},
		{"fleet.json", "json", ordinary, Options{}},
		{"no-groups-80.table", "table", bare, Options{Width: 80}},
		{"empty.table", "table", testRun(), Options{Width: 80}},
		{"empty.csv", "csv", testRun(), Options{}},
		{"empty.json", "json", testRun(), Options{}},
		{"fleet.jsonl", "jsonl", ordinary, Options{}},
		{"empty.jsonl", "jsonl", testRun(), Options{}},
		{"hostile-80.table", "table", wicked, Options{Width: 80}},
		{"hostile.csv", "csv", wicked, Options{}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			got := render(t, tt.format, tt.run, tt.opts)
			path := filepath.Join("testdata", tt.file)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got), -update rewrites:\n%s", path, diff)
			}
		})
	}
}
