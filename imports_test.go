package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// layers lists who must never import whom, and why. A name that ends in /...
// stands for the package and all below it.
var layers = []struct {
	who     []string
	except  []string
	never   []string
	because string
}{
	{
		who: []string{"scanner/kubelet", "scanner/systemd", "scanner/distro", "scanner/evidence"},
		never: []string{
			"os/...", "net", "net/http/...", "net/rpc/...", "log/...", "time", "context",
			"kletscan/scanner", "kletscan/scanner/remote", "kletscan/scanner/probe",
		},
		because: "a verdict must be replayable from bytes: no I/O, no clock, no log",
	},
	{
		who:     []string{"scanner/serving"},
		never:   []string{"os/...", "log/...", "kletscan/scanner", "kletscan/scanner/remote", "kletscan/scanner/probe"},
		because: "it is given a connection and a clock, and judges what it saw",
	},
	{
		who:     []string{"inventory"},
		never:   []string{"kletscan/scanner/...", "golang.org/x/crypto/..."},
		because: "a list is not a connection",
	},
	{
		who:     []string{"./..."},
		except:  []string{"scanner/remote/...", "fixtures", "fixtures/bench"},
		never:   []string{"golang.org/x/crypto/ssh/...", "github.com/kevinburke/ssh_config"},
		because: "one room speaks SSH to nodes, one speaks it as a node",
	},
	{
		who:     []string{"scanner"},
		never:   []string{"kletscan/scanner/remote", "kletscan/report", "github.com/urfave/cli/..."},
		because: "the scan is tested without sockets, and formats cannot leak in",
	},
	{
		who:     []string{"report"},
		never:   []string{"kletscan/scanner/remote", "golang.org/x/crypto/..."},
		because: "rendering must not link an SSH client",
	},
	{
		who:     []string{"./..."},
		except:  []string{".", "fixtures/bench"},
		never:   []string{"github.com/urfave/cli/...", "kletscan/fixtures"},
		because: "flags are an adapter of main, and product code never leans on the demo",
	},
	{
		who:     []string{"scanner/remote/sshconfig", "scanner/remote/knownhosts", "scanner/remote/keys"},
		never:   []string{"kletscan/..."},
		because: "each answers one question about the operator's files, and the dialer alone puts the answers together",
	},
	{
		who:     []string{"./..."},
		never:   []string{"kletscan/scanner/remote/sshdtest"},
		because: "servers are for tests",
	},
	{
		who:     []string{"./..."},
		except:  []string{"report"},
		never:   []string{"github.com/olekukonko/tablewriter/..."},
		because: "one place to change when its API does",
	},
	{
		who:     []string{"./..."},
		except:  []string{"fixtures"},
		never:   []string{"github.com/gliderlabs/ssh", "mvdan.cc/sh/..."},
		because: "the server and its shell are one room",
	},
}

func TestLayers(t *testing.T) {
	imports := productImports(t)
	for _, layer := range layers {
		for _, name := range append(layer.who[:len(layer.who):len(layer.who)], layer.except...) {
			if _, ok := imports[strings.TrimSuffix(name, "/...")]; !ok {
				t.Errorf("the table names package %q, which does not exist any more", name)
			}
		}
		for pkg, list := range imports {
			if !matches(pkg, layer.who) || matches(pkg, layer.except) {
				continue
			}
			for _, imported := range list {
				if matches(imported, layer.never) {
					t.Errorf("%s imports %s, and must not: %s", pkg, imported, layer.because)
				}
			}
		}
	}
}

// productImports are the imports of every package, outside tests, by folder.
func productImports(t *testing.T) map[string][]string {
	t.Helper()
	imports := make(map[string][]string)
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := path.Dir(filepath.ToSlash(name))
		if _, ok := imports[pkg]; !ok {
			imports[pkg] = nil // a package without imports exists, too
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			imports[pkg] = append(imports[pkg], imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return imports
}

// matches reports whether name is one of the patterns, or below one that ends
// in /...
func matches(name string, patterns []string) bool {
	for _, pattern := range patterns {
		above, below := strings.CutSuffix(pattern, "/...")
		if name == above || below && (above == "." || strings.HasPrefix(name, above+"/")) {
			return true
		}
	}
	return false
}
