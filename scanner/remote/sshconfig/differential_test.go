package sshconfig

import (
	"context"
	_ "embed"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

//go:embed testdata/configs.txtar
var configs []byte

var testQueries = []Query{
	{Alias: "node1"},
	{Alias: "web1.example.com", User: "carol"},
	{Alias: "NODE1", Port: 2022},
	{Alias: "10.0.0.1", User: "dave", Port: 1},
}

// oracle is what the installed ssh says of itself.
type oracle struct {
	program string
	base    map[string][]string // ssh -G without any file
	all     map[string][]string // algorithms by keyword
}

func newOracle(t testing.TB) *oracle {
	o := &oracle{program: sshProgram(t), all: make(map[string][]string)}
	o.base = o.dump(t, "none", Query{Alias: "x"})
	for _, keyword := range []string{"ciphers", "macs", "kexalgorithms", "hostkeyalgorithms", "pubkeyacceptedalgorithms", "casignaturealgorithms"} {
		out, err := exec.Command(o.program, "-Q", strings.Replace(keyword, "casignaturealgorithms", "sig", 1)).Output()
		if err != nil {
			t.Fatal(err)
		}
		o.all[keyword] = strings.Fields(string(out))
	}
	return o
}

// dump runs ssh -G on its own; nil where ssh refuses.
func (o *oracle) dump(t testing.TB, file string, q Query) map[string][]string {
	args := []string{"-G", "-F", file}
	if q.User != "" {
		args = append(args, "-l", q.User)
	}
	if q.Port != 0 {
		args = append(args, "-p", fmt.Sprint(q.Port))
	}
	cmd := exec.Command(o.program, append(args, "--", q.Alias)...)
	cmd.Env = testEnviron
	out, err := cmd.Output()
	if err != nil {
		return nil
	}
	dump := make(map[string][]string)
	for line := range strings.SplitSeq(strings.TrimRight(string(out), "\n"), "\n") {
		name, value, _ := strings.Cut(line, " ")
		dump[name] = append(dump[name], value)
	}
	return dump
}

// lists are the algorithm lists of some settings, worked out as ssh would.
func (o *oracle) lists(s *Settings) map[string]string {
	lists := make(map[string]string)
	for keyword, a := range map[string]Algorithms{
		"ciphers": s.Ciphers, "macs": s.MACs, "kexalgorithms": s.KexAlgorithms, "hostkeyalgorithms": s.HostKeyAlgorithms,
		"pubkeyacceptedalgorithms": s.PubkeyAcceptedAlgorithms, "casignaturealgorithms": s.CASignatureAlgorithms,
	} {
		lists[keyword] = strings.Join(a.Of(strings.Split(o.base[keyword][0], ","), o.all[keyword]), ",")
	}
	return lists
}

// asPrinted writes settings as ssh -G would, but for what ssh -G prints
// unexpanded.
func (o *oracle) asPrinted(s *Settings) map[string]string {
	yes := map[bool]string{true: "yes", false: "no"}
	printed := o.lists(s)
	for keyword, value := range map[string]string{
		"hostname": s.HostName, "port": fmt.Sprint(s.Port), "user": s.User, "addressfamily": s.AddressFamily,
		"bindaddress": s.BindAddress, "bindinterface": s.BindInterface, "hostkeyalias": s.HostKeyAlias,
		"identitiesonly": yes[s.IdentitiesOnly], "hashknownhosts": yes[s.HashKnownHosts],
		"connectionattempts": fmt.Sprint(s.ConnectionAttempts), "requiredrsasize": fmt.Sprint(s.RequiredRSASize),
		"serveraliveinterval": fmt.Sprint(int(s.ServerAliveInterval / time.Second)), "serveralivecountmax": fmt.Sprint(s.ServerAliveCountMax),
		"connecttimeout":           fmt.Sprint(int(s.ConnectTimeout / time.Second)),
		"stricthostkeychecking":    s.StrictHostKeyChecking,
		"userknownhostsfile":       strings.Join(s.UserKnownHostsFiles, " "),
		"globalknownhostsfile":     strings.Join(s.GlobalKnownHostsFiles, " "),
		"controlpath":              s.ControlPath,
		"preferredauthentications": strings.Join(s.PreferredAuthentications, ","),
		"revokedhostkeys":          s.RevokedHostKeys,
		"pubkeyauthentication":     map[bool]string{true: "true", false: "false"}[s.PubkeyAuthentication],
		"passwordauthentication":   yesNo[s.PasswordAuthentication], "kbdinteractiveauthentication": yesNo[s.KbdInteractiveAuthentication],
		"numberofpasswordprompts": fmt.Sprint(s.NumberOfPasswordPrompts), "batchmode": yesNo[s.BatchMode],
	} {
		printed[keyword] = value
	}
	return printed
}

var yesNo = map[bool]string{true: "yes", false: "no"}

// checkPrinted compares settings with what ssh -G prints.
func (o *oracle) checkPrinted(t *testing.T, s *Settings, dump map[string][]string, home string) {
	t.Helper()
	for keyword, got := range o.asPrinted(s) {
		want := strings.Join(dump[keyword], "\n")
		switch {
		case keyword == "pubkeyauthentication":
			want = strings.NewReplacer("unbound", "true", "host-bound", "true").Replace(want)
		case keyword == "connecttimeout" && want == "none":
			want = "0"
		case keyword == "stricthostkeychecking":
			got = map[string]string{"yes": "true", "no": "false", "ask": "ask", "accept-new": "accept-new"}[got]
		case keyword == "globalknownhostsfile":
			want = strings.ReplaceAll(" "+want, " ~/", " "+home+"/")[1:]
		}
		if strings.EqualFold(want, "none") {
			want = ""
		}
		if got != want {
			t.Errorf("%s: got %q, ssh -G prints %q", keyword, got, want)
		}
	}
	if len(s.ProxyJump) > 0 && jumpText(s.ProxyJump) != strings.ReplaceAll(dump["proxyjump"][0], ":,", ",") && !strings.ContainsAny(dump["proxyjump"][0], "%/") {
		t.Errorf("proxyjump: got %q, ssh -G prints %q", jumpText(s.ProxyJump), dump["proxyjump"])
	}
	if len(s.ProxyJump) == 0 && dump["proxyjump"] != nil {
		t.Errorf("no proxyjump, but ssh -G prints %q", dump["proxyjump"])
	}
	if command := strings.Join(dump["proxycommand"], "\n"); !strings.Contains(command, "%") && strings.TrimPrefix(command, "none") != s.ProxyCommand {
		t.Errorf("proxycommand: got %q, ssh -G prints %q", s.ProxyCommand, command)
	}
	if s.DefaultIdentityFiles != slices.Equal(dump["identityfile"], o.base["identityfile"]) {
		t.Errorf("identityfile: defaults are %v, ssh -G prints %q", s.DefaultIdentityFiles, dump["identityfile"])
	}
}

func jumpText(jumps []Jump) string {
	var all []string
	for i, j := range jumps {
		text := j.Host
		if strings.Contains(text, ":") || i == len(jumps)-1 && strings.Trim(text, "0123456789.") == "" {
			text = "[" + text + "]"
		}
		if j.User != "" {
			text = j.User + "@" + text
		}
		if j.Port != 0 {
			text += fmt.Sprint(":", j.Port)
		}
		all = append(all, text)
	}
	return strings.Join(all, ",")
}

// comparable takes from settings what only one source knows.
func (o *oracle) comparable(s *Settings) (Settings, map[string]string) {
	c, lists := *s, o.lists(s)
	c.StrictHostKeyCheckingAt = ""
	c.Refused = nil
	for _, r := range s.Refused {
		c.Refused = append(c.Refused, Refused{Keyword: r.Keyword, Value: r.Value})
	}
	c.Ciphers, c.MACs, c.KexAlgorithms = Algorithms{}, Algorithms{}, Algorithms{}
	c.HostKeyAlgorithms, c.PubkeyAcceptedAlgorithms, c.CASignatureAlgorithms = Algorithms{}, Algorithms{}, Algorithms{}
	return c, lists
}

// check resolves one file from both sources and compares them with ssh -G. It
// returns how many queries the reader answered, and how many ssh refused.
func (o *oracle) check(t *testing.T, opts Options) (read, refused int) {
	t.Helper()
	r, err := New(opts)
	if err != nil {
		if o.dump(t, opts.File, Query{Alias: "node1"}) != nil {
			t.Errorf("New: %v\nbut ssh reads it", err)
		}
		return 0, len(testQueries)
	}
	for _, q := range testQueries {
		dump := o.dump(t, opts.File, q)
		asked, askErr := r.ask(context.Background(), q)
		if dump == nil {
			refused++
			if askErr == nil {
				t.Errorf("%v: ssh refuses, but ask does not", q)
			}
			if r.Outside() == "" {
				if _, why, err := r.read(q); why == "" && err == nil {
					t.Errorf("%v: ssh refuses (%v), but the reader does not", q, askErr)
				}
			}
			continue
		}
		if askErr != nil {
			t.Logf("%v: %v", q, askErr)
		} else {
			o.checkPrinted(t, asked, dump, opts.Home)
		}
		if r.Outside() != "" {
			continue
		}
		got, why, err := r.read(q)
		if why != "" {
			continue
		}
		read++
		if (err == nil) != (askErr == nil) {
			t.Errorf("%v: the reader says %v, ssh -G %v", q, err, askErr)
		} else if err == nil {
			o.checkPrinted(t, got, dump, opts.Home)
			a, aLists := o.comparable(got)
			b, bLists := o.comparable(asked)
			if diff := cmp.Diff(b, a, cmp.AllowUnexported(Algorithms{})) + cmp.Diff(bLists, aLists); diff != "" {
				t.Errorf("%v: (-ssh -G +reader)\n%s", q, diff)
			}
		}
	}
	return read, refused
}

// testFolder writes the included files, and a stand-in for step, and returns the
// named configs with their folder in place.
func testFolder(t testing.TB) (string, []txtar.File) {
	dir := t.TempDir()
	archive := txtar.Parse(configs)
	var named []txtar.File
	for _, f := range archive.Files {
		f.Data = []byte(strings.ReplaceAll(string(f.Data), "$DIR", dir))
		if name, ok := strings.CutPrefix(f.Name, "inc/"); ok {
			write(t, filepath.Join(dir, "inc", name), string(f.Data))
			continue
		}
		named = append(named, f)
	}
	write(t, filepath.Join(dir, "self"), "Include "+dir+"/self\n")
	write(t, filepath.Join(dir, "bin", "step"), "#!/bin/sh\ncase $3 in web*) exit 0;; esac\nexit 1\n")
	if err := os.Chmod(filepath.Join(dir, "bin", "step"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "inc", "writable"), 0o666); err != nil {
		t.Fatal(err)
	}
	return dir, named
}

// Every config resolves as ssh -G says, whichever source answers.
func TestAsOpenSSH(t *testing.T) {
	t.Parallel()
	o := newOracle(t)
	dir, named := testFolder(t)
	opts := options(t, "")
	var mu sync.Mutex
	read, total := 0, 0
	t.Run("configs", func(t *testing.T) {
		for i, f := range named {
			kind, name, _ := strings.Cut(f.Name, "/")
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				opts := opts
				opts.File = write(t, filepath.Join(dir, fmt.Sprint("config", i)), string(f.Data))
				n, refused := o.check(t, opts)
				if kind == "inside" && n < len(testQueries) || kind != "inside" && n != 0 {
					t.Errorf("the reader answered %d of %d queries", n, len(testQueries))
				}
				if (kind == "bad") != (refused > 0) {
					t.Errorf("ssh refuses %d of %d queries", refused, len(testQueries))
				}
				mu.Lock()
				read, total = read+n, total+1
				mu.Unlock()
			})
		}
	})
	if t.Failed() {
		return
	}
	if total < 200 || read < 500 {
		t.Errorf("%d configs, %d answers of the reader: expected more", total, read)
	}
}

// generate makes a config out of what operators write. Line breaks within a
// choice begin a new line.
func generate(random *rand.Rand, dir string, lines int) string {
	choices := []string{
		"Host node1", "Host node*", "Host * !node1", "Host web1.example.com other", "Host \"NODE1\"\t10.*", "Host *", "Match all",
		"Port 2200", "port=22", "User bob", "User 'al ice'", "HostName %h.example.net", "HostName 10.9.8.7", "HostName Srv.Example",
		"IdentityFile ~/.ssh/%r@%h", "IdentityFile \"/k/a b\"", "IdentityFile none", "IdentitiesOnly yes", "CertificateFile /c/%n-%p",
		"ProxyJump gate", "ProxyJump a@b:1,[::1]:2", "ProxyJump none", "ProxyCommand nc %h %p", "ProxyCommand none",
		"UserKnownHostsFile ~/kh /kh/%k", "UserKnownHostsFile \"/kh a\" /b", "UserKnownHostsFile /one", "GlobalKnownHostsFile none",
		"StrictHostKeyChecking no", "StrictHostKeyChecking accept-new", "HostKeyAlias Shared", "ConnectTimeout 1m", "ServerAliveInterval 15",
		"Ciphers ^aes256-ctr", "Ciphers -*cbc", "MACs +hmac-md5", "HostKeyAlgorithms ssh-ed25519", "KexAlgorithms -*sha1",
		"ControlPath /run/%C", "ControlPath none", "IdentityAgent none", "IdentityAgent ~/a%%b", "AddressFamily inet", "RequiredRSASize 2048",
		"PubkeyAuthentication no", "PasswordAuthentication no", "ChallengeResponseAuthentication no", "NumberOfPasswordPrompts 0", "BatchMode yes", "PreferredAuthentications publickey", "KnownHostsCommand /k %h", "HashKnownHosts yes", "BindAddress ::1",
		"Include " + dir + "/inc/inner", "Include " + dir + "/inc/d/*.conf", "Include " + dir + "/inc/nested", "# comment", "", "ForwardAgent yes",
	}
	rare := []string{
		"Match host node1", "Match user bob", "Match exec \"test %h = node1\"", "Match originalhost *.com !user bob", "Match final all",
		"Host node?", "SetEnv A=b", "IdentityFile /k/%i", "ControlPath /run/%i/%l", "ProxyJump gate # why",
	}
	var b strings.Builder
	for range lines {
		if random.IntN(80) == 0 {
			choices = append(choices, rare...)
		}
		b.WriteString(choices[random.IntN(len(choices))] + "\n")
	}
	return b.String()
}

func TestGeneratedAsOpenSSH(t *testing.T) {
	t.Parallel()
	o := newOracle(t)
	dir, _ := testFolder(t)
	opts := options(t, "")
	var mu sync.Mutex
	read := 0
	t.Run("seed", func(t *testing.T) {
		for seed := range uint64(60) {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(seed, 1))
				text := generate(random, dir, 3+random.IntN(40))
				opts := opts
				opts.File = write(t, filepath.Join(dir, fmt.Sprint("generated", seed)), text)
				n, _ := o.check(t, opts)
				if t.Failed() {
					t.Log(text)
				}
				mu.Lock()
				read += n
				mu.Unlock()
			})
		}
	})
	if read < 60 || read > 220 {
		t.Errorf("the reader answered %d of %d queries: expected both sources to be at work", read, 60*len(testQueries))
	}
}
