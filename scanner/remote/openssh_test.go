package remote

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kletscan/inventory"
)

// The reference implementation must read every accepted file as we do.
func TestAgreesWithOpenSSH(t *testing.T) {
	t.Parallel()
	ssh, err := exec.LookPath("ssh")
	if err != nil {
		missing(t, "ssh")
	}
	dir := t.TempDir()
	write(t, dir+"/inc", "Host node1 !web1\n Port 17\n IdentityFile /inc\nHost *\n IdentityFile /inc-all\n")
	configs := []string{
		"", "Host node1\n HostName 10.0.0.1", "HostName %h.b%%.example", "Port 2222", "User alice",
		"Host node*\n Port 1\nHost *\n Port 2\n User bob", "Port 1\nPort 2",
		"Host node* !node1\n Port 1\nHost *\n Port 2", "Host NODE1\n Port 1",
		"Host other\nPort 1\nMatch all\nPort 2", "Host\t\"other\"\tnode1\n\tPort\t7", "Host 'node1'\nPort 7",
		"host=node1 # mine\r\n# Port 8\r\nPort = 7 # really\r\n", "Port=7", "Port = \"7\"", "  Port\t=\t7  \f\n",
		"IdentityFile \"/a b/c#d\"\nIdentityFile /a#b\nIdentityFile /a\\ b\nIdentityFile /a\\b\nIdentityFile '/q\\'q'",
		"IdentityFile /x\nHost *\nIdentityFile /y\nIdentityFile /x", "IdentitiesOnly TRUE", "IdentitiesOnly no\nIdentitiesOnly yes",
		"UserKnownHostsFile /a \"/b c\"\nUserKnownHostsFile /d", "HostKeyAlias Fleet", "User al\\ ice",
		"Include " + dir + "/inc\nPort 3", "Host node*\n Include " + dir + "/inc\n Port 4\nHost *\n Port 5",
		"Include " + dir + "/missing\nPort 3", "Match all\nPort 3", "Match ALL\nPort 3", "Host ! node1\nPort 9",
		"Host *1\nPort 1\nHost n*d*\nUser x\nHost **\nUser y", "Host node1,web1\nPort 9", "Host [n]ode1\nPort 9",
		"Host node.\nPort 9", "Host 10.0.0.*\nPort 9", "Host fe80::*\nPort 9",
		// refused by both
		"Port 0", "Port", "Port x", "User a b", "HostNam x", "User \"bob", "Host", "IdentitiesOnly maybe", "AddressFamily x",
		"HostName %n", "LocalCommand echo 'x", "Match", "User \"\"", "Include",
	}
	for i, config := range configs {
		file := filepath.Join(dir, fmt.Sprint(i))
		write(t, file, config)
		hosts := []string{"node1"}
		if strings.ContainsAny(config, "*!,") {
			hosts = append(hosts, "web1", "10.0.0.9")
		}
		for _, host := range hosts {
			cmd := exec.CommandContext(t.Context(), ssh, "-G", "-F", file, "--", host)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, sshErr := cmd.Output()
			l := &configLoader{home: "/home/u", systemDir: "/etc/ssh"}
			f, ourErr := l.load(file, origin{}, 0)
			if (sshErr == nil) != (ourErr == nil) {
				t.Errorf("%q for %s: ssh says %v %s, we say %v", config, host, sshErr, stderr.String(), ourErr)
				continue
			}
			if ourErr == nil {
				compareWithSSH(t, config, host, f, string(out))
			}
		}
	}
}

// compareWithSSH compares what was explicitly set with the output of ssh -G.
func compareWithSSH(t *testing.T, config, host string, f *configFile, output string) {
	t.Helper()
	d := &Dialer{cfg: Config{Home: "/home/u", SystemDir: "/etc/ssh", LocalUser: "local"}, configs: []*configFile{f}, aliases: make(map[string]settings)}
	target, err := d.target(inventory.Node{Host: host})
	if err != nil {
		t.Errorf("%q for %s: %v", config, host, err)
		return
	}
	s := d.settings(host)
	got := map[string]string{
		"hostname": strings.ToLower(target.host), "port": target.port,
		"identitiesonly": map[bool]string{true: "yes", false: "no"}[target.identitiesOnly],
	}
	for _, keyword := range []string{"user", "hostkeyalias"} {
		if value := s.value(keyword); value != "" {
			got[keyword] = strings.ToLower(value)
		}
	}
	if len(target.identityFiles) > 0 {
		got["identityfile"] = strings.Join(target.identityFiles, "|")
	}
	if d, ok := s.first["userknownhostsfile"]; ok {
		got["userknownhostsfile"] = strings.Join(d.args, " ")
	}
	want := make(map[string]string)
	for line := range strings.Lines(output) {
		keyword, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if _, ok := got[keyword]; !ok {
			continue
		}
		if before, ok := want[keyword]; ok {
			value = before + "|" + value
		}
		want[keyword] = value
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%q for %s: (-ssh +kletscan)\n%s", config, host, diff)
	}
}

// matchPattern is OpenSSH's match.c match_pattern, less its ?.
func matchPattern(s, pattern string) bool {
	for ; pattern != ""; s, pattern = s[1:], pattern[1:] {
		if pattern[0] == '*' {
			for i := 0; i <= len(s); i++ {
				if matchPattern(s[i:], pattern[1:]) {
					return true
				}
			}
			return false
		}
		if s == "" || s[0] != pattern[0] {
			return false
		}
	}
	return s == ""
}

// The strict check never panics, and what it accepts the library reads as
// OpenSSH does: the same lines apply to the same host.
func FuzzStrictCheck(f *testing.F) {
	for _, seed := range []string{
		"", "Host node1\n HostName %h.x\n Port 22\n", "Host\t\"a\"\tb # c\nPort=2\nMatch all\nUser x", "Host a* !ab\nIdentityFile 'a b'",
		"Host web?\n", "Match final all\n", "ProxyJump none\r\nProxyCommand nc %h", "IgnoreUnknown Foo\nFoo \"x\"", "Include x", "Host a\\", "User \"",
		"Host [a] a.b (x) $ ^\nPort 1", "Host a=b\n", "Host = a\nPort = 1", "\xff", "Host *\x00", "Port 1\rPort 2",
	} {
		f.Add(seed, "node1")
		f.Add(seed, "ab")
	}
	f.Fuzz(func(t *testing.T, config, host string) {
		if strings.Contains(strings.ToLower(config), "include") || strings.Count(config, "*") > 8 {
			t.Skip("reads files, or costs the simple matcher too much")
		}
		for _, c := range []byte(host) {
			if c <= ' ' || c > '~' {
				t.Skip("no host name")
			}
		}
		l := &configLoader{home: "/home/u", systemDir: "/etc/ssh"}
		file, err := l.parse("f", config, origin{}, 0)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r\x00\x1b") {
				t.Errorf("error %q is not one clean line", err)
			}
			return
		}
		var got []string
		s := settings{first: map[string]directive{}}
		file.collect(host, &s)
		for _, d := range file.lines {
			if first, ok := s.first[d.keyword]; ok && first.at == d.at {
				got = append(got, d.at)
			}
		}
		if diff := cmp.Diff(activeLines(config, host), got); diff != "" {
			t.Errorf("config %q, host %q: (-want +got)\n%s", config, host, diff)
		}
	})
}

// activeLines says which lines give a keyword its first value, by the rules of
// ssh_config(5) alone. Of the two proxy keywords it leaves out both, as the
// fuzz test does.
func activeLines(config, host string) []string {
	var lines []string
	seen := make(map[string]bool)
	active := true
	l := &configLoader{}
	for i, text := range strings.Split(config, "\n") {
		d, err := l.directive(text)
		switch {
		case err != nil || d.keyword == "":
		case d.keyword == "match":
			active = true
		case d.keyword == "host":
			active = false
			for _, pattern := range d.args {
				negated := strings.HasPrefix(pattern, "!")
				if !matchPattern(host, strings.TrimPrefix(pattern, "!")) {
					continue
				}
				if active = !negated; negated {
					break
				}
			}
		case active && !strings.HasPrefix(d.keyword, "proxy") && !seen[d.keyword]:
			seen[d.keyword] = true
			lines = append(lines, fmt.Sprintf("f:%d", i+1))
		}
	}
	return lines
}

func BenchmarkLookup(b *testing.B) {
	var text strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&text, "Host node%d\n HostName 10.0.%d.%d\n User root\n IdentityFile ~/.ssh/k%d\n", i, i/256, i%256, i)
	}
	l := &configLoader{home: "/home/u", systemDir: "/etc/ssh"}
	f, err := l.parse("f", text.String(), origin{}, 0)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		lookup([]*configFile{f}, "node4999")
	}
}
