package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"kletscan/inventory"
	"kletscan/scanner"
	"kletscan/scanner/probe"
	"kletscan/scanner/remote"
	"kletscan/scanner/remote/sshdtest"
	"kletscan/scanner/scannertest"
)

// traceCommand writes down, of a box's sshd and all that it starts, what
// programs run and what is opened, changed, removed, connected to or listened
// at.
const traceCommand = "strace -f -qq -s 200 -o /proc/self/fd/3 -e signal=none -e trace=process,open,openat,openat2,creat,truncate,ftruncate," +
	"unlink,unlinkat,rename,renameat,renameat2,mkdir,mkdirat,rmdir,link,linkat,symlink,symlinkat,mknod,mknodat,chmod,fchmod,fchmodat,chown,fchown," +
	"lchown,fchownat,utimensat,utime,utimes,setxattr,mount,bind,listen,connect"

// closedArgv are the commands of a probe, each as a whole argument vector.
// SCRIPT stands for what a login shell is handed.
var closedArgv = regexp.MustCompile(`^(?:` + strings.Join([]string{
	`(?:ba)?sh -c exec /bin/sh -c 'K=\w{26}; become=\w*; read -r mark .*`,
	`/bin/sh -c K=\w{26}; become=\w*; read -r mark .*`,
	`(?:tr) (?:0-7 &-\(Z-\^|\\\\000\\\\037 \\\\037\\\\001|\\37 \\\\000|-c \[:print:\]  )`,
	`uname -[sn]`, `id -u`, `id -un`, `date \+%s`, `getconf CLK_TCK`, `ps -ef`,
	`grep (?:btime /proc/stat|/proc  /proc/mounts| /proc  /proc/mounts|PRETTY_NAME= /etc/os-release)`,
	`grep -E \^\(PPid\|Uid\): /proc/\d+/status`,
	`grep -q KUBELET_CONFIG_DROPIN_DIR_ALPHA= /proc/\d+/environ`,
	`grep -q KubeletConfiguration /\S+`, `grep -qiE header\|\S.* /\S+`,
	`head -c \d+(?: /proc/\d+/(?:stat|cmdline|cgroup))?`,
	`readlink /(?:proc/(?:\d+|self)/(?:exe|cwd|ns/mnt)|\S*kubelet\S*)`,
	`stat -L -c %Y %a %u /\S+`, `stat -L -c %u %a /\S+`,
	`systemctl --no-pager show (?:-p [A-Za-z]+ )+-- .*`,
	`(?:timeout 10 )?/usr/bin/kubelet --version`,
	`(?:timeout 10 )?openssl s_client -connect 127\.0\.0\.1:\d+ -showcerts`,
	`sudo -n cat -- /\S+`, `sudo -n find /\S+`, `cat -- /\S+`, `find /\S+`,
}, "|") + `)$`)

var (
	// kshMemory is where ksh93 keeps what $( ) gives: a file in memory that it
	// unlinks as soon as it has opened it. No script can keep it from that.
	kshMemory = regexp.MustCompile(`"/dev/shm/sf[^"/]*"`)
	// harmlessNetwork are the sockets of the name service and of systemd, and
	// openssl's to the kubelet, where sshd refuses to forward.
	harmlessNetwork = regexp.MustCompile(`AF_UNIX|AF_NETLINK|^openssl: \d+ +connect.*inet_addr\("127\.0\.0\.1"\)`)
)

// becomeArgv are what a password adds.
var becomeArgv = regexp.MustCompile(`^(?:(?:ba)?sh -c exec /bin/sh -c 'N=.*|/bin/sh -c N=.*|sudo -k -S -p @\w+ password: -- /bin/sh -c echo @\w+ root; exec /bin/sh -s|/bin/sh -c echo @\w+ root; exec /bin/sh -s|/bin/sh -s)$`)

// traced is what strace saw of one login, by the program that did it.
type traced struct {
	argv    []string // of every program, space-joined
	changes []string // every call that changes a file, or opens one to
	network []string
}

var (
	call       = regexp.MustCompile(`^(\d+) +(?:<\.\.\. )?(\w+)(?:\(| resumed>)(.*)$`)
	quotedWord = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`)
	callResult = regexp.MustCompile(`= (-?\d+)`)
	children   = []string{"clone", "clone3", "fork", "vfork"}
)

// readTrace follows processes from the login shell down. What sshd and sudo do
// for themselves is theirs, and recorded by them: sudo's log, PAM's tally.
func readTrace(text string) traced {
	var tr traced
	program := map[string]string{} // by pid: what it runs
	ours := map[string]bool{}      // below a login shell
	for line := range strings.Lines(text) {
		m := call.FindStringSubmatch(strings.TrimRight(line, "\n"))
		if m == nil {
			continue
		}
		pid, name, rest := m[1], m[2], m[3]
		switch {
		case slices.Contains(children, name):
			if r := callResult.FindAllStringSubmatch(rest, -1); r != nil {
				child := r[len(r)-1][1]
				ours[child] = ours[child] || ours[pid]
				if program[child] == "" {
					program[child] = program[pid]
				}
			}
		case name == "execve" && !strings.Contains(rest, "= -1 "):
			words := quotedWord.FindAllStringSubmatch(rest, -1)
			if len(words) == 0 {
				continue
			}
			var argv []string
			for _, w := range words[1:] {
				argv = append(argv, strings.ReplaceAll(w[1], `\"`, `"`))
			}
			joined := strings.Join(argv, " ")
			ours[pid] = ours[pid] || strings.Contains(joined, "-c exec /bin/sh ")
			program[pid] = filepath.Base(words[0][1])
			if ours[pid] && program[pid] != "unix_chkpwd" {
				tr.argv = append(tr.argv, joined)
			}
		case !ours[pid], program[pid] == "sudo", program[pid] == "unix_chkpwd":
		case name == "connect", name == "bind", name == "listen":
			tr.network = append(tr.network, program[pid]+": "+line)
		case strings.HasPrefix(name, "open"):
			if strings.Contains(rest, "O_WRONLY") || strings.Contains(rest, "O_RDWR") || strings.Contains(rest, "O_CREAT") {
				if !strings.Contains(rest, `"/dev/null"`) && !strings.Contains(rest, `"/dev/tty"`) {
					tr.changes = append(tr.changes, program[pid]+": "+line)
				}
			}
		case name == "wait4", name == "waitid", name == "exit", name == "exit_group", name == "kill", name == "tgkill", name == "execve", name == "pidfd_open", name == "rt_sigreturn":
		default:
			tr.changes = append(tr.changes, program[pid]+": "+line)
		}
	}
	return tr
}

// TestTheClosedSetOfCommands traces every process of a real node during a scan
// by users of all rights: nothing else than the closed set runs, no file is
// written, and nothing listens or connects.
func TestTheClosedSetOfCommands(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		sshdtest.Missing(t, "strace")
	}
	for _, tt := range []struct {
		shell, user string
		password    bool
	}{{"dash", "root", false}, {"dash", "plain", false}, {"dash", "only", false}, {"dash", "wheel", false}, {"dash", "asked", true}, {"bash", "wheel", false}, {"busybox", "wheel", false}, {"ksh", "wheel", false}, {"zsh", "wheel", false}} {
		t.Run(fmt.Sprintf("%s under %s", tt.user, tt.shell), func(t *testing.T) {
			tr, asked, r := traceVisit(t, tt.shell, tt.user, tt.password)
			if r.Status != scanner.OK || r.Verdict.Rotation.String() != "on" && tt.user != "plain" {
				t.Errorf("%v %v: %s%s", r.Status, r.Verdict.Rotation, r.Error, r.Verdict.Why)
			}
			if len(tr.argv) < 12 {
				t.Fatalf("%d programs were seen, expected a whole probe: %q", len(tr.argv), tr.argv)
			}
			for _, argv := range tr.argv {
				if !closedArgv.MatchString(argv) && (!tt.password || !becomeArgv.MatchString(argv)) {
					t.Errorf("outside the closed set: %q", argv)
				}
			}
			for what := range asked {
				if !slices.Contains(closedRequests, what) {
					t.Errorf("sshd was asked for %s", what)
				}
			}
			for _, what := range []string{"channel session", "request exec"} {
				if !asked[what] {
					t.Errorf("%q is not in sshd's log, which then proves nothing: %v", what, asked)
				}
			}
			for _, change := range tr.changes {
				if tt.shell == "ksh" && kshMemory.MatchString(change) {
					continue
				}
				t.Errorf("a change: %s", change)
			}
			for _, n := range tr.network {
				if !harmlessNetwork.MatchString(n) {
					t.Errorf("the network: %s", n)
				}
			}
		})
	}
}

// traceVisit scans a box as one user.
func traceVisit(t *testing.T, shell, user string, password bool) (tr traced, asked map[string]bool, r scanner.Result) {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(t.TempDir(), "trace"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	sshd, err := os.Create(filepath.Join(t.TempDir(), "sshd"))
	if err != nil {
		t.Fatal(err)
	}
	defer sshd.Close()
	b := startTracedBox(t, shell, log, sshd)
	b.tempt(t)
	nodes := []inventory.Node{{Name: user, Host: user}}
	dialer, err := remote.New(t.Context(), remote.Config{Home: b.dir, SSHConfigFile: filepath.Join(b.dir, "ssh_config"), Nodes: nodes})
	if err != nil {
		t.Fatal(err)
	}
	defer dialer.Close()
	s := scanner.Scanner{Resolve: dialer.Resolve, Serving: true, NodeTimeout: time.Minute}
	if password {
		if s.Password, err = probe.NewPassword(boxPassword); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	r = scannertest.Scan(ctx, &s, nodes)[0]
	said, err := os.ReadFile(sshd.Name())
	if err != nil {
		t.Fatal(err)
	}
	asked = map[string]bool{}
	for _, m := range sshdLog.FindAllStringSubmatch(string(said), -1) {
		what := map[string]string{"channel_open: ctype": "channel ", "global_request: rtype": "global "}[m[1]] + m[2]
		if m[3] != "" {
			what = "request " + m[3]
		}
		if m[4] != "" {
			what = "target " + strings.ReplaceAll(m[4], fmt.Sprint("port ", b.serve), "port of the kubelet")
		}
		asked[what] = true
	}
	text, err := os.ReadFile(log.Name())
	if err != nil {
		t.Fatal(err)
	}
	return readTrace(string(text)), asked, r
}

// closedRequests are what sshd is asked for: no terminal, no agent, no X11, no
// variables, no forwarding but to the kubelet's port.
var closedRequests = []string{
	"channel session", "channel direct-tcpip", "request exec", "target 127.0.0.1 port of the kubelet",
	"target 127.0.0.1 port 10250", // the kubelet's port until its arguments have been read
	"global keepalive@openssh.com",
}

// sshdLog is where sshd's debug log tells what a client asks for.
var sshdLog = regexp.MustCompile(`server_input_(channel_open: ctype|global_request: rtype) (\S+)|server_input_channel_req: channel \d+ request (\S+)|server_request_direct_tcpip: .*target (.*?)\r?\n`)

// tempt configures all that a probe must not ask for.
func (b box) tempt(t *testing.T) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(b.dir, "ssh_config"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString("Host *\n  ForwardAgent yes\n  ForwardX11 yes\n  RequestTTY force\n  SendEnv *\n")
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// The reader of traces sees what it is there to see.
func TestReadTraceSeesWhatIsOutsideTheClosedSet(t *testing.T) {
	tr := readTrace(`10 execve("/bin/sh", ["sh", "-c", "exec /bin/sh -c 'K=..."], 0x1 /* 9 vars */) = 0
10 clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>
10 <... clone resumed>, child_tidptr=0x7) = 11
11 execve("/usr/bin/touch", ["touch", "/tmp/x"], 0x1 <unfinished ...>
11 <... execve resumed>) = 0
11 openat(AT_FDCWD, "/tmp/x", O_WRONLY|O_CREAT|O_NOCTTY|O_NONBLOCK, 0666) = 3
11 openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3
11 unlink("/tmp/y") = 0
11 connect(3, {sa_family=AF_INET, sin_port=htons(53)}, 16) = 0
12 unlink("/not/ours") = 0
`)
	if len(tr.argv) != 2 || tr.argv[1] != "touch /tmp/x" || closedArgv.MatchString(tr.argv[1]) || len(tr.changes) != 2 || len(tr.network) != 1 {
		t.Errorf("got %+v", tr)
	}
}
