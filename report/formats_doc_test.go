package report

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// docs/formats.md names every format, every column and every stage, in their
// order, and no other.
func TestFormatsAreDocumented(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("..", "docs", "formats.md"))
	if err != nil {
		t.Fatal(err)
	}
	tables := map[string][]string{} // heading of the first column -> names in it
	name := regexp.MustCompile("`([^`]+)`")
	heading := ""
	for line := range strings.Lines(string(content)) {
		first, isRow := strings.CutPrefix(line, "| ")
		first, _, _ = strings.Cut(first, " |")
		switch {
		case !isRow:
			heading = ""
		case heading == "":
			heading = first
		default:
			for _, m := range name.FindAllStringSubmatch(first, -1) {
				tables[heading] = append(tables[heading], m[1])
			}
		}
	}
	want := map[string][]string{}
	for _, f := range Formats {
		want["format"] = append(want["format"], f.Name)
	}
	for _, c := range columns {
		want["column"] = append(want["column"], c.key)
	}
	want["stage"] = stageKeys[:]
	if diff := cmp.Diff(want, tables); diff != "" {
		t.Errorf("docs/formats.md (-program +document):\n%s", diff)
	}
}
