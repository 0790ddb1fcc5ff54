package scanner

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite what the tests record")

// ruleSources are the folders whose sources make a verdict.
var ruleSources = []string{".", "distro", "evidence", "kubelet", "probe", "serving", "systemd"}

const rulesDigestFile = "rulesdigest.go"

func TestRulesDigest(t *testing.T) {
	want := digestOfRules(t, os.DirFS("."))
	if RulesDigest == want {
		return
	}
	if !*update {
		t.Fatalf("RulesDigest is %s, and the sources have %s: a rule has changed; -update records it", RulesDigest, want)
	}
	content, err := os.ReadFile(rulesDigestFile)
	if err != nil {
		t.Fatal(err)
	}
	content = regexp.MustCompile(`"sha256:.*"`).ReplaceAll(content, []byte(`"`+want+`"`))
	if err := os.WriteFile(rulesDigestFile, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// digestOfRules is the digest of all sources, each behind its name and length.
func digestOfRules(t *testing.T, root fs.FS) string {
	t.Helper()
	digest, files := sha256.New(), 0
	for _, dir := range ruleSources {
		entries, err := fs.ReadDir(root, dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			name := path.Join(dir, entry.Name())
			isSource := strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, ".sh")
			if entry.IsDir() || !isSource || name == rulesDigestFile {
				continue
			}
			content, err := fs.ReadFile(root, name)
			if err != nil {
				t.Fatal(err)
			}
			content = bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")) // as git may check it out
			fmt.Fprintf(digest, "%s %d\n%s", name, len(content), content)
			files++
		}
	}
	if files < 50 {
		t.Fatalf("%d files of rules: expected all of them", files)
	}
	return fmt.Sprintf("sha256:%x", digest.Sum(nil))
}
