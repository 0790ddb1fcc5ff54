package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"kletscan/scanner/probe"

	"kletscan/scanner/remote/sshdtest"
)

// sudoersRun runs the command alone.
func sudoersRun(args ...string) (stdout string, err error) {
	var out bytes.Buffer
	app := &cli.App{
		Name: "kletscan", Writer: io.Discard, ErrWriter: io.Discard, ExitErrHandler: func(*cli.Context, error) {},
		Commands: []*cli.Command{sudoersCommand(terminal{stdout: &out, stderr: io.Discard})},
	}
	err = app.Run(append([]string{"kletscan", "sudoers"}, args...))
	return out.String(), err
}

func TestSudoersNeedsAPlainName(t *testing.T) {
	for _, tt := range []struct{ name, err string }{
		{"scan", ""},
		{"k8s-scan.svc_1", ""},
		{"", "sudoers: expected the login name with --user NAME"},
		{"root", "--user root: root needs no lines, expected another login"},
		{"ALL", "--user ALL: sudoers reads a name in capitals as an alias: expected a login name with lower-case letters"},
		{"%wheel", `--user "%wheel": expected a login name of letters, digits, dots, dashes and underscores`},
		{"#0", `--user "#0": expected a login name of letters, digits, dots, dashes and underscores`},
		{"scan ALL=(ALL) ALL\n", `--user "scan ALL=(ALL) ALL\n": expected a login name of letters, digits, dots, dashes and underscores`},
		{strings.Repeat("a", 33), `--user "` + strings.Repeat("a", 33) + `": expected a login name of letters, digits, dots, dashes and underscores`},
	} {
		out, err := sudoersRun("--user", tt.name)
		if tt.err == "" && (err != nil || out != sudoersLines(tt.name)) || tt.err != "" && (err == nil || err.Error() != tt.err || out != "") {
			t.Errorf("%q: %v, want %q; printed %.80q", tt.name, err, tt.err, out)
		}
	}
	if _, err := sudoersRun("--user", "scan", "node7"); err == nil || err.Error() != `"node7": sudoers takes no arguments, only flags` {
		t.Errorf("an argument: %v", err)
	}
	if out, err := sudoersRun("--doas", "-u", "scan"); err != nil || out != doasLines("scan") {
		t.Errorf("--doas: %v, %.80q", err, out)
	}
}

// rules are the lines that count.
func rules(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			list = append(list, line)
		}
	}
	return list
}

// A rule is for one file or directory that the probe knows, and has nothing in
// it that sudoers(5) reads as more than itself.
func TestSudoersHasNoWildcard(t *testing.T) {
	known := map[string]probe.RootRead{}
	for _, r := range probe.RootReads() {
		known[r.Path] = r
	}
	cat := regexp.MustCompile(`^scan ALL=\(root\) NOPASSWD: /bin/cat -- (/[A-Za-z0-9/._-]+)$`)
	find := regexp.MustCompile(`^scan ALL=\(root\) NOPASSWD: /usr/bin/find (/[A-Za-z0-9/._-]+)$`)
	confs := regexp.MustCompile(`^scan ALL=\(root\) NOPASSWD: /bin/cat \^-- ((?:/|[A-Za-z0-9/_-]|\[\.\])+)/\[A-Za-z0-9\._-\]\+\[\.\]conf\$$`)
	seen := map[string]bool{}
	for _, line := range rules(sudoersLines("scan")) {
		switch {
		case cat.MatchString(line):
			path := cat.FindStringSubmatch(line)[1]
			if r, ok := known[path]; !ok || r.Dir || r.Reserve != "" {
				t.Errorf("%s: not for everybody", line)
			}
			seen[path] = true
		case find.MatchString(line):
			path := find.FindStringSubmatch(line)[1]
			if !known[path].Dir {
				t.Errorf("%s: no directory of drop-ins", line)
			}
			seen[path] = true
		case confs.MatchString(line):
			if path := strings.ReplaceAll(confs.FindStringSubmatch(line)[1], "[.]", "."); !known[path].Dir {
				t.Errorf("%s: no directory of drop-ins", line)
			}
		default:
			t.Errorf("unexpected: %s", line)
		}
	}
	for path, r := range known {
		if seen[path] != (r.Reserve == "") {
			t.Errorf("%s: a rule: %v; what speaks against one: %q", path, seen[path], r.Reserve)
		}
	}
}

func TestSudoersIsWhatItsReadersRead(t *testing.T) {
	for _, tt := range []struct {
		program, text string
		check         []string
	}{
		{"visudo", sudoersLines("scan"), []string{"-c", "-f"}},
		{"doas", doasLines("scan"), []string{"-C"}},
	} {
		t.Run(tt.program, func(t *testing.T) {
			program, err := exec.LookPath(tt.program)
			if err != nil {
				sshdtest.Missing(t, tt.program)
			}
			file := filepath.Join(t.TempDir(), "lines")
			every := regexp.MustCompile(`(?m)^# ((?:scan|permit|Defaults:scan) .*)$`).ReplaceAllString(tt.text, "$1")
			if len(rules(every)) <= len(rules(tt.text)) {
				t.Error("nothing is commented out")
			}
			for _, text := range []string{tt.text, every, tt.text + "scan scan ALL=\n"} {
				if err := os.WriteFile(file, []byte(text), 0o440); err != nil {
					t.Fatal(err)
				}
				out, err := exec.Command(program, append(tt.check, file)...).CombinedOutput()
				if bad := strings.HasSuffix(text, "ALL=\n"); (err != nil) != bad {
					t.Errorf("%v %s", err, out)
				}
				if err := os.Remove(file); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestSudoersInABox runs what real sudo and doas make of the lines.
func TestSudoersInABox(t *testing.T) {
	b := startBox(t, "dash")
	b.as(t, "root", `mkdir -p /var/lib/kubelet/kubelet.conf.d/sub; cd /var/lib/kubelet/kubelet.conf.d; echo a >10-a.conf; echo b >sub/20-b.conf; `+
		`echo s >secret; ln -s /etc/shadow ../evil.conf; cp /etc/shadow "x .conf"; chmod -R go= .`)
	for _, r := range probe.RootReads() {
		want := map[bool]int{true: 0, false: 1}[r.Reserve == ""]
		command := "sudo -n -l -- cat -- " + r.Path
		if r.Dir {
			command = "sudo -n -l -- find " + r.Path
		}
		if _, code := b.as(t, "lines", command); code != want {
			t.Errorf("%s: exit %d, want %d", command, code, want)
		}
	}
	const dir = "/var/lib/kubelet/kubelet.conf.d"
	for _, user := range []struct{ name, tool string }{{"lines", "sudo -n "}, {"doer", "doas -n "}} {
		for _, tt := range []struct {
			command string
			allowed bool
		}{
			{"cat -- /var/lib/kubelet/config.yaml", true},
			{"find " + dir, true},
			{"cat -- " + dir + "/10-a.conf", user.name == "lines"}, // doas.conf knows no patterns
			{"cat -- " + dir + "/sub/20-b.conf", false},
			{"cat -- " + dir + "/secret", false},
			{"cat -- '" + dir + "/x .conf'", false},
			{"cat -- " + dir + "/../evil.conf", false},
			{"cat -- " + dir + "/ /etc/shadow x.conf", false},
			{"cat -- " + dir + "/10-a.conf /etc/shadow", false},
			{"cat -- /etc/shadow " + dir + "/10-a.conf", false},
			{"cat /etc/shadow", false},
			{"cat -- /etc/shadow", false},
			{"cat -- /var/lib/kubelet/config.yaml /etc/shadow", false},
			{"cat -- /var/lib/kubelet/../../../etc/shadow", false},
			{"cat -- /proc/self/root/etc/shadow", false},
			{"cat -- /proc/1/root/var/lib/kubelet/config.yaml", false},
			{"cat -- /etc/kubernetes/kubelet.conf", false},
			{"cat /var/lib/kubelet/config.yaml", false},
			{"cat", false},
			{"find /etc -exec cat /etc/shadow +", false},
			{"find " + dir + " -exec cat /etc/shadow {} +", false},
			{"find " + dir + " /root", false},
			{"sh -c id", false},
			{"-u wheel cat -- /var/lib/kubelet/config.yaml", false},
		} {
			if out, code := b.as(t, user.name, user.tool+tt.command); (code == 0) != tt.allowed || !tt.allowed && out != "" {
				t.Errorf("%s%s: exit %d, want allowed: %v", user.tool, tt.command, code, tt.allowed)
			}
		}
	}
}
