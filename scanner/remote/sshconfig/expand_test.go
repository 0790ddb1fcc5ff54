package sshconfig

import (
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Where ssh -G prints no expansion, ssh -v does.
func TestExpansionAsOpenSSH(t *testing.T) {
	t.Parallel()
	all := "%h-%n-%p-%r-%u-%k-%l-%L-%C-%d-%%"
	for _, test := range []struct {
		name, config string
		read         bool
	}{
		{"tokens", "HostName 127.0.0.1\nPort 1\nUser bob\nHostKeyAlias Fleet\nProxyCommand true %h %p %n %r %k %% '#'\n" +
			"IdentityFile ~/k-" + all + "\nIdentityFile ${KEYS}/x\nCertificateFile ~/c-" + all + "\n", true},
		{"the user's number", "HostName x.Example\nProxyCommand true\nIdentityFile /k-%i\nCertificateFile /c-%i-%r\n", false},
		{"quotes and none", "ProxyCommand true \"%h\" '%n'\nIdentityFile none\nIdentityFile \"/k a\"\nCertificateFile ${KEYS}%%${KEYS}\n", true},
		{"in a Match", "Match exec true\nProxyCommand true %k\nIdentityFile ~/k-" + all + "\n", false},
		{"jump", "Host Alias\n User bob\n HostName 127.0.0.1\n Port 1\n ProxyJump %r@127.0.0.1:1\n", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := options(t, write(t, filepath.Join(t.TempDir(), "config"), test.config))
			r := newResolver(t, o)
			q := Query{Alias: "Alias"}
			s, err := r.ask(context.Background(), q)
			if err != nil {
				t.Fatal(err)
			}
			want := debugOf(t, o, q.Alias)
			check := func(s *Settings) {
				t.Helper()
				got := map[string][]string{"identity": s.IdentityFiles, "certificate": s.CertificateFiles}
				if s.ProxyCommand != "" {
					got["proxy"] = []string{s.ProxyCommand}
				}
				if s.ProxyJump != nil { // a command of ssh itself, with the jump's own words
					want["proxy"][0] = want["proxy"][0][strings.Index(want["proxy"][0], " -l ")+1:]
					got["proxy"] = []string{"-l " + s.ProxyJump[0].User + " -p 1 -F " + o.File + " -v -W '[" + s.HostName + "]:1' " + s.ProxyJump[0].Host}
					got["identity"] = want["identity"] // the defaults, and older ones of ssh
				}
				for _, kind := range []string{"proxy", "identity", "certificate"} {
					if diff := cmp.Diff(want[kind], got[kind]); diff != "" && !(len(want[kind]) == 0 && len(got[kind]) == 0) {
						t.Errorf("%s: (-ssh -v +got)\n%s", kind, diff)
					}
				}
			}
			check(s)
			if (r.Outside() == "") != test.read {
				t.Errorf("Outside: %q", r.Outside())
			} else if test.read {
				if s, _, err = r.read(q); err != nil {
					t.Fatal(err)
				}
				if s.ProxyJump == nil {
					check(s)
				}
			}
		})
	}
}

// debugOf runs ssh -v, which ends at once: its proxy command does.
func debugOf(t *testing.T, o Options, alias string) map[string][]string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, o.SSH, "-v", "-F", o.File, "-o", "BatchMode=yes", "--", alias)
	cmd.Env = testEnviron
	ownGroup(cmd)
	out, _ := cmd.CombinedOutput()
	said := make(map[string][]string)
	for line := range strings.Lines(string(out)) {
		line = strings.TrimRight(line, "\r\n")
		if text, ok := strings.CutPrefix(line, "debug1: Executing proxy command: exec "); ok {
			said["proxy"] = append(said["proxy"], text)
		}
		for _, kind := range []string{"identity", "certificate"} {
			text, ok := strings.CutPrefix(line, "debug1: "+kind+" file ")
			if path, _, found := strings.Cut(text, " type "); ok && found && !strings.HasSuffix(path, "-cert") {
				said[kind] = append(said[kind], path)
			}
		}
	}
	if said["proxy"] == nil {
		t.Fatalf("ssh -v says nothing of a proxy command:\n%s", out)
	}
	return said
}

func TestExpand(t *testing.T) {
	t.Parallel()
	s := scope{
		local: local{home: "/h%p", user: "me", host: "vm.lan", uid: "7", hashesJump: true},
		alias: "a", hostName: "h", port: "22", user: "r", keyAlias: "k", jump: "j", env: testEnv,
	}
	for _, test := range []struct{ name, keyword, value, want, err string }{
		{"every token", "identityfile", "%h%n%p%r%u%k%l%L%i%j%%", "ha22rmekvm.lanvm7j%", ""},
		{"values are not expanded again, but the home is, as in OpenSSH", "identityfile", "~/%d", "/h22//h%p", ""},
		{"the hash counts the jump host", "controlpath", "%C", connectionHash("vm.lan", "h", "22", "r", "j"), ""},
		{"variable", "identityagent", "a${KEYS}b$c${KEYS}", "a/keysb$c/keys", ""},
		{"variable not closed", "identityagent", "${KEYS", "", "environment variable"},
		{"proxycommand has no variables", "proxycommand", "${KEYS} %h", "${KEYS} h", ""},
		{"proxycommand has few tokens", "proxycommand", "%d", "", `proxycommand: the token "%d"`},
		{"lone percent", "controlpath", "a%", "", `controlpath: the token "%"`},
		{"global files are literal", "globalknownhostsfile", "~/%h${KEYS}", "/h%p/%h${KEYS}", ""},
		{"tilde in the middle", "identityfile", "/~/x", "/~/x", ""},
		{"another user", "identityfile", "~bob", "", "another user's home"},
	} {
		got, err := s.expand(test.keyword, test.value)
		if test.err != "" {
			wantError(t, err, test.err)
		} else if got != test.want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", test.name, got, err, test.want)
		}
	}
	if _, err := (&scope{}).expand("identityfile", "%i"); err == nil {
		t.Error("a token whose value is not known must be an error")
	}
}

func TestAlgorithmsOf(t *testing.T) {
	t.Parallel()
	defaults := []string{"a", "b1", "b2"}
	supported := []string{"a", "b1", "b2", "c1", "c2"}
	for _, test := range []struct{ name, list, want string }{
		{"not set", "", "a b1 b2"},
		{"a list replaces", "c1,a", "c1 a"},
		{"plus adds at the end, once", "+c1,a", "a b1 b2 c1"},
		{"plus with a wildcard", "+c*", "a b1 b2 c1 c2"},
		{"minus takes away", "-b1", "a b2"},
		{"minus with a wildcard", "-b?,c*", "a"},
		{"caret puts first", "^b2,c1", "b2 c1 a b1"},
		{"wildcards in a list", "c*,b?", "c1 c2 b1 b2"},
		{"unsupported names are dropped", "x,c2", "c2"},
		{"nothing in common", "x", ""},
		{"a name is once", "a,a", "a"},
	} {
		a := ParseAlgorithms(test.list)
		if got := strings.Join(a.Of(defaults, supported), " "); got != test.want || a.IsSet() != (test.list != "") || a.String() != test.list {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
	got := Algorithms{}.Of(defaults, supported)
	got[0] = "x"
	if defaults[0] != "a" {
		t.Error("the caller's list was changed")
	}
}

func TestParseJumps(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		value string
		want  []Jump
	}{
		{"b", []Jump{{Host: "b"}}},
		{"u@b:2,[::1]:3,ssh://v@c:4/", []Jump{{"u", "b", 2}, {"", "::1", 3}, {"v", "c", 4}}},
		{"a@b@c", []Jump{{"a@b", "c", 0}}},
		{"b:", []Jump{{Host: "b"}}},
		{"", nil},
		{"a,,b", nil},
		{"@b", nil},
		{"u@", nil},
		{"b:0", nil},
		{"b:65536", nil},
		{"b:x", nil},
		{"b/22", nil},
		{"::1", nil},
		{"[::1", nil},
		{"[::1]x", nil},
		{"-x", nil},
		{"a b", nil},
		{"a;b", nil},
		{"-u@b", nil},
		{"ssh://u;p@b", nil},
	} {
		got, err := parseJumps(test.value)
		if !slices.Equal(got, test.want) || (err == nil) != (test.want != nil) {
			t.Errorf("%q: got %v, %v, want %v", test.value, got, err, test.want)
		}
	}
}

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"none": 0, "0": 0, "10": 10 * time.Second, "10s": 10 * time.Second, "1m30": 90 * time.Second, "1H30M": 90 * time.Minute,
		"1w1d": 8 * 24 * time.Hour, "": -1, "s": -1, "1x": -1, "-1": -1, "+1": -1, "1 s": -1, "3000000000": -1, "9999999w": -1, "1s-": -1,
	} {
		got, err := parseDuration(text)
		if (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
}

func TestIdentityAgent(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"": "/run/agent", "SSH_AUTH_SOCK": "/run/agent", "none": "", "$SOCK": "/run/a.sock", "$NO_SUCH": "",
		"${SOCK}": "/run/a.sock", "~/x": "/h/x", "/a b": "/a b",
	} {
		d := directives{values: map[string][]string{"identityagent": {value}}}
		s, err := settle(d, Query{Alias: "a"}, local{home: "/h", user: "u"}, newDefaults("/h", "/s"), testEnv)
		if err != nil || s.IdentityAgent != want {
			t.Errorf("%q: got %+v, %v, want %q", value, s, err, want)
		}
	}
}
