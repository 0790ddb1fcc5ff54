package sshconfig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fakeSSH writes a program that answers every ssh -G with text, after it has
// run before, and notes each run in the file count.
func fakeSSH(t testing.TB, before, text string) (program, count string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("a shell script stands in for ssh")
	}
	dir := t.TempDir()
	count = filepath.Join(dir, "count")
	probe := "controlpath /root/%|vm|0|root|x\nuserknownhostsfile /%\nidentityagent /%\nidentityfile /%%\ncertificatefile /%%"
	base := "user root\nport 22\nidentityfile ~/.ssh/id_rsa\nuserknownhostsfile /root/.ssh/known_hosts\n" +
		"globalknownhostsfile /etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2\nciphers a,b\nnewkeyword off"
	script := fmt.Sprintf("#!/bin/sh\ncase \"$*\" in *ControlPath*) text='%s';; *probe.invalid) text='%s';; *) echo run >>'%s'\n%s\ntext='%s';; esac\n"+
		"printf 'hostname h\\n%%s\\n' \"$text\"\n", probe, base, count, before, strings.TrimSpace(base+"\n"+text))
	program = write(t, filepath.Join(dir, "ssh"), script)
	if err := os.Chmod(program, 0o700); err != nil {
		t.Fatal(err)
	}
	return program, count
}

// outside is a resolver that asks program for everything.
func outside(t testing.TB, program string, change func(*Options)) *Resolver {
	t.Helper()
	o := Options{
		File: write(t, filepath.Join(t.TempDir(), "config"), "Match exec true\n"), Home: "/root", SystemDir: "/etc/ssh", LocalUser: "root",
		SSH: program, Environ: []string{"PATH=/usr/bin:/bin"},
	}
	if change != nil {
		change(&o)
	}
	return newResolver(t, o)
}

func runs(t testing.TB, count string) int {
	t.Helper()
	text, err := os.ReadFile(count)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Count(string(text), "run")
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, config string
		want         []string
	}{
		{"a value is missing", "# fine\nPort\n", []string{"config:2: port: its value is missing"}},
		{"a value is missing after =", "Port =\n", []string{"config:1: port: its value is missing"}},
		{"an open quote", "User \"bob\n", []string{"config:1: user: a quote that is not closed"}},
		{"an open quote in a harmless line", "LocalCommand echo 'x\n", []string{"config:1: localcommand: a quote that is not closed"}},
		{"an Include of itself", "Include config\n", []string{"config:1: include: ", "more than 16 levels of Include"}},
		{"an included file that everyone can write", "\nInclude writable\n", []string{"config:2: include: ", "everyone can write it", "chmod go-w"}},
		{"an unknown keyword, without ssh", "HostNam x\n", []string{`config:1: the keyword "hostnam" is not known`, "there is no ssh program", "-F"}},
		{"Match, without ssh", "\n\nMatch host x\n", []string{"config:3: match: a value that only ssh itself reads", "install OpenSSH"}},
		{"a control character, without ssh", "User a\x1b[2J\n", []string{"config:1: a control character"}},
		{"NUL, without ssh", "User a\x00\n", []string{"config:1: a control character"}},
		{"not UTF-8, without ssh", "User \xff\n", []string{"config:1: a control character or a byte that is no UTF-8"}},
		{"Match in an included file, without ssh", "Include inner\n", []string{"/inner:2: match"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			write(t, filepath.Join(home, ".ssh", "config"), test.config)
			write(t, filepath.Join(home, ".ssh", "inner"), "\nMatch exec true\n")
			if err := os.Chmod(write(t, filepath.Join(home, ".ssh", "writable"), "Port 1\n"), 0o666); err != nil {
				t.Fatal(err)
			}
			_, err := New(Options{Home: home, SystemDir: t.TempDir()})
			wantError(t, err, append(test.want, filepath.Join(home, ".ssh"))...)
		})
	}
	_, err := New(Options{File: "/nonexistent/config"})
	wantError(t, err, "ssh_config: open /nonexistent/config")
}

func TestFiles(t *testing.T) {
	t.Parallel()
	home, system := t.TempDir(), t.TempDir()
	user := write(t, filepath.Join(home, ".ssh", "config"), "Host node1\n Port 1\nInclude conf.d/*\n")
	write(t, filepath.Join(home, ".ssh", "conf.d", "a"), "Port 5\n")
	write(t, filepath.Join(home, ".ssh", "conf.d", ".b"), "User hidden\n")
	write(t, filepath.Join(system, "ssh_config"), "Port 2\nInclude inner\nStrictHostKeyChecking yes\n")
	write(t, filepath.Join(system, "inner"), "User system\n")
	given := write(t, filepath.Join(home, "given"), "Port 3\n")
	for _, test := range []struct {
		name string
		o    Options
		want string
	}{
		{"the user's before the system's", Options{Home: home, SystemDir: system}, "system@1 yes " + filepath.Join(system, "ssh_config") + ":3"},
		{"a given one alone", Options{File: given, Home: home, SystemDir: system}, "local@3 ask "},
		{"none", Options{File: "none", Home: home, SystemDir: system}, "local@22 ask "},
		{"no file is no error", Options{Home: t.TempDir(), SystemDir: t.TempDir()}, "local@22 ask "},
	} {
		test.o.LocalUser = "local"
		s, err := newResolver(t, test.o).Resolve(context.Background(), Query{Alias: "node1"})
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%s@%d %s %s", s.User, s.Port, s.StrictHostKeyChecking, s.StrictHostKeyCheckingAt); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
	if err := os.Chmod(user, 0o620); err != nil {
		t.Fatal(err)
	}
	_, err := New(Options{Home: home, SystemDir: system})
	wantError(t, err, user+": another user or a group can write it")
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	o := Options{File: "none", Home: "/h", SystemDir: "/s", LocalUser: "u", Env: testEnv}
	got, err := newResolver(t, o).Resolve(context.Background(), Query{Alias: "Node1"})
	if err != nil {
		t.Fatal(err)
	}
	want := &Settings{
		Alias: "Node1", HostName: "node1", Port: 22, User: "u", AddressFamily: "any", DefaultIdentityFiles: true,
		IdentityFiles: []string{
			"/h/.ssh/id_rsa", "/h/.ssh/id_ecdsa", "/h/.ssh/id_ecdsa_sk", "/h/.ssh/id_ed25519", "/h/.ssh/id_ed25519_sk",
		},
		IdentityAgent: "/run/agent", UserKnownHostsFiles: []string{"/h/.ssh/known_hosts", "/h/.ssh/known_hosts2"},
		GlobalKnownHostsFiles: []string{"/s/ssh_known_hosts", "/s/ssh_known_hosts2"}, StrictHostKeyChecking: "ask",
		ConnectionAttempts: 1, ServerAliveCountMax: 3, RequiredRSASize: 1024, PubkeyAuthentication: true, PasswordAuthentication: true, KbdInteractiveAuthentication: true, NumberOfPasswordPrompts: 3,
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Algorithms{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestResolveRefusesNames(t *testing.T) {
	t.Parallel()
	r := newResolver(t, Options{File: "none", LocalUser: "u"})
	for _, q := range []Query{
		{Alias: ""},
		{Alias: "-oProxyCommand=x"},
		{Alias: "a b"},
		{Alias: "a\nb"},
		{Alias: "a\x1b"},
		{Alias: "a;b"},
		{Alias: "u@h"},
		{Alias: "ssh://h"},
		{Alias: "a\xff"},
		{Alias: "h", User: "-x"},
		{Alias: "h", User: "a;b"},
		{Alias: "h", User: "a -b"},
		{Alias: "h", User: "a\n"},
		{Alias: "h", Port: -1},
		{Alias: "h", Port: 65536},
	} {
		if _, err := r.Resolve(context.Background(), q); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: got error %v, want one line", q, err)
		}
	}
	_, err := newResolver(t, Options{File: "none"}).Resolve(context.Background(), Query{Alias: "h"})
	wantError(t, err, "user: none is set")
}

func TestAliasLeftToSSHWithoutSSH(t *testing.T) {
	t.Parallel()
	file := write(t, filepath.Join(t.TempDir(), "c"), "Host c\n ControlPath /%C\nHost p\n ProxyJump none\n ProxyCommand x\n")
	r := newResolver(t, Options{File: file, LocalUser: "u"})
	for _, alias := range []string{"127.1", "017", "0x7f.1", "2001:DB8::1", "::ffff:1.2.3.4", "fe80::1%lo", "c", "p"} {
		_, err := r.Resolve(context.Background(), Query{Alias: alias})
		wantError(t, err, alias, "there is no ssh program")
	}
	for _, alias := range []string{"127.0.0.1", "2001:db8::1", "1a", "a.1"} {
		if _, err := r.Resolve(context.Background(), Query{Alias: alias}); err != nil {
			t.Error(err)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	program, _ := fakeSSH(t, "", "knownhostscommand /x\nproxycommand nc\nproxyusefdpass yes\nfuturekeyword 1\npkcs11provider none\npreferredauthentications gssapi-with-mic")
	s, err := outside(t, program, nil).Resolve(context.Background(), Query{Alias: "a"})
	if err != nil {
		t.Fatal(err)
	}
	want := []Refused{
		{Keyword: "futurekeyword", Value: "1"},
		{Keyword: "knownhostscommand", Value: "/x"},
		{Keyword: "proxyusefdpass", Value: "yes"},
		{Keyword: "preferredauthentications", Value: "gssapi-with-mic"},
	}
	if diff := cmp.Diff(want, s.Refused); diff != "" {
		t.Errorf("an unknown keyword counts where it differs from ssh's own default: (-want +got)\n%s", diff)
	}
	if got := (Refused{"k", "v\n", "f:1"}).String(); got != `f:1: k "v\n"` {
		t.Error(got)
	}
}

func TestUnusableAnswersOfSSH(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, before, text, want string }{
		{"ssh fails", "printf 'c: line 1: Bad x\\r\\nc: terminating\\n' >&2; exit 255", "", `exit status 255: "c: line 1: Bad x; c: terminating"`},
		{"too much output", "yes k | head -c 2000000", "", "printed more than 1048576 bytes"},
		{"a keyword twice", "", "hostkeyalias a\nhostkeyalias b", "printed hostkeyalias twice"},
		{"no hostname", "echo user x; exit 0", "", "printed no hostname"},
		{"an empty list", "", "macs \nuserx z", "prints an empty macs"},
		{"a bad number", "", "connectionattempts x", `connectionattempts: expected a number, not "x"`},
		{"a bad word", "", "stricthostkeychecking maybe", "stricthostkeychecking: expected one of"},
		{"a bad time", "", "connecttimeout x", "connecttimeout: expected a time"},
		{"a bad jump", "", "proxyjump @x", `proxyjump: "@x"`},
		{"a token unknown to ssh_config(5)", "", "certificatefile /%z", `certificatefile: the token "%z" is not understood`},
		{"a variable that is not set", "", "certificatefile ${NO}/x", `certificatefile: the environment variable in "${NO}/x" is not set`},
		{"another user's home", "", "certificatefile ~bob/x", "certificatefile: \"~bob/x\" names another user's home"},
		{"a host name for a shell", "", "proxycommand nc %h\nhostkeyalias x\nbindaddress y\nuserx z", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			program, _ := fakeSSH(t, test.before, test.text)
			_, err := outside(t, program, nil).Resolve(context.Background(), Query{Alias: "a"})
			if test.want != "" {
				wantError(t, err, test.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// What a shell would take apart never reaches a proxy command.
func TestProxyCommandNames(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		"HostName a;b\nProxyCommand nc %h":     `proxycommand: "a;b" is not a host name`,
		"User a`b\nProxyCommand nc %r":         "proxycommand: \"a`b\" is not a user name",
		"User $(x)\nProxyJump %r@b":            "is not a user name",
		"HostName -x\nProxyCommand nc %h":      `"-x" is not a host name`,
		"HostName a.b\nUser a.b\nProxyJump %h": "",
	} {
		file := write(t, filepath.Join(t.TempDir(), "c"), config)
		opts := options(t, file)
		_, err := newResolver(t, opts).Resolve(context.Background(), Query{Alias: "a"})
		if want != "" {
			wantError(t, err, want)
		} else if err != nil {
			t.Error(err)
		}
	}
}

func TestHomeOfSSH(t *testing.T) {
	t.Parallel()
	program, _ := fakeSSH(t, "", "identityagent /root/agent")
	home := t.TempDir()
	write(t, filepath.Join(home, ".ssh", "config"), "Match exec true\n")
	r := outside(t, program, func(o *Options) { o.Home, o.File = home, "" })
	_, err := r.Resolve(context.Background(), Query{Alias: "a"})
	wantError(t, err, "ssh uses /root as home directory, and not "+home, "-F")

	r = outside(t, program, func(o *Options) { o.Home = home })
	_, err = r.Resolve(context.Background(), Query{Alias: "a"})
	wantError(t, err, `identityagent: ssh prints "/root/agent"`, home)

	program, _ = fakeSSH(t, "", "certificatefile ~/c")
	s, err := outside(t, program, func(o *Options) { o.Home = home }).Resolve(context.Background(), Query{Alias: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.CertificateFiles[0] + s.UserKnownHostsFiles[0]; got != home+"/c"+home+"/.ssh/known_hosts" {
		t.Errorf("a given file with a private home: got %s", got)
	}
}

// ssh -G prints paths with blanks between them.
func TestPathsWithBlanks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, test := range []struct {
		name, config string
		want         []string
	}{
		{"two paths", "UserKnownHostsFile /a /b", []string{"/a", "/b"}},
		{"one path", "UserKnownHostsFile \"/a /b\"", []string{"/a /b"}},
		{"with tokens", "UserKnownHostsFile \"/a %k\" ~/b", []string{"/a x", "HOME/b"}},
		{"both in one file", "Match user nobody\n UserKnownHostsFile \"/a /b\"\nMatch all\n UserKnownHostsFile /a /b", nil},
		{"in a file that is not read here", "Match all\nInclude " + dir + "/[i]nc", nil},
	} {
		write(t, filepath.Join(dir, "inc"), "UserKnownHostsFile /a /b\n")
		o := options(t, write(t, filepath.Join(dir, "config"), "Match exec true\n"+test.config+"\n"))
		s, err := newResolver(t, o).Resolve(context.Background(), Query{Alias: "x"})
		if test.want == nil {
			wantError(t, err, "userknownhostsfile: ssh -G prints \"/a /b\"", "paths without blanks")
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range test.want {
			test.want[i] = strings.Replace(w, "HOME", o.Home, 1)
		}
		if !slices.Equal(s.UserKnownHostsFiles, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, s.UserKnownHostsFiles, test.want)
		}
	}
}

func TestEachQueryOnce(t *testing.T) {
	t.Parallel()
	program, count := fakeSSH(t, "", "")
	r := outside(t, program, func(o *Options) { o.Parallel = 2 })
	if !strings.HasSuffix(r.Outside(), "config:1: match: a value that only ssh itself reads") {
		t.Errorf("Outside: %q", r.Outside())
	}
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			if _, err := r.Resolve(context.Background(), Query{Alias: fmt.Sprint("a", i%3)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := runs(t, count); n != 3 {
		t.Errorf("ssh ran %d times for 3 queries", n)
	}
}

// A caller that gives up leaves no answer behind, and no process.
func TestTimeoutAndCancelEndTheGroup(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "fifo")
	if out, err := exec.Command("mkfifo", fifo).CombinedOutput(); err != nil {
		t.Skipf("mkfifo: %v: %s", err, out)
	}
	// The child of the stand-in holds the fifo open until it ends.
	program, count := fakeSSH(t, "[ -e "+fifo+".done ] || sh -c 'sleep 1000; :' >"+fifo, "")
	r := outside(t, program, func(o *Options) { o.Timeout = time.Hour })
	ctx, cancel := context.WithCancelCause(context.Background())
	ended := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := r.Resolve(ctx, Query{Alias: "a"})
			ended <- err
		}()
	}
	opened := make(chan *os.File, 1)
	go func() {
		held, _ := os.Open(fifo) // opens when the child has it
		opened <- held
	}()
	var held *os.File
	select {
	case held = <-opened:
		defer held.Close()
	case err := <-ended:
		t.Fatal(err)
	}
	why := errors.New("interrupted")
	cancel(why)
	for range 2 {
		if err := <-ended; !errors.Is(err, why) {
			t.Errorf("got %v, want the cause of the cancellation", err)
		}
	}
	if _, err := held.Read(make([]byte, 1)); err == nil { // EOF: every process of the group is gone
		t.Error("the child wrote")
	}
	write(t, fifo+".done", "")
	if _, err := r.Resolve(context.Background(), Query{Alias: "a"}); err != nil {
		t.Errorf("after a cancellation: %v", err)
	}
	if n := runs(t, count); n != 2 {
		t.Errorf("ssh ran %d times, want 2", n)
	}

	program, _ = fakeSSH(t, "sleep 1000", "")
	r = outside(t, program, nil)
	if _, err := r.ssh.know(context.Background()); err != nil {
		t.Fatal(err)
	}
	r.ssh.timeout = 50 * time.Millisecond
	_, err := r.Resolve(context.Background(), Query{Alias: "a"})
	wantError(t, err, "did not answer within 50ms", "Match exec")
}

// The table knows every keyword of the installed manual.
func TestKeywordsOfTheManual(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("sh", "-c", "zcat /usr/share/man/man5/ssh_config.5.gz").Output()
	if err != nil {
		t.Skipf("ssh_config(5) is missing: %v", err)
	}
	n := 0
	body, _, _ := strings.Cut(string(out), ".Sh PATTERNS")
	for line := range strings.Lines(body) {
		if name, ok := strings.CutPrefix(line, ".It Cm "); ok {
			n++
			name = strings.ToLower(strings.Fields(name)[0])
			if _, ok := keywordsByName[name]; !ok && len(name) > 3 {
				t.Errorf("%s is not in the table", name)
			}
		}
	}
	if n < 90 {
		t.Errorf("%d keywords: is this ssh_config(5)?", n)
	}
	seen := make(map[string]bool)
	for _, k := range keywords {
		if seen[k.name] {
			t.Errorf("%s is in the table twice", k.name)
		}
		seen[k.name] = true
	}
}
