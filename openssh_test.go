package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"kletscan/inventory"
	"kletscan/scanner/evidence"
	"kletscan/scanner/probe"
	"kletscan/scanner/remote"
	"kletscan/scanner/remote/sshdtest"
)

// boxScript makes a node out of this machine: an overlay of its file system
// in mount and process namespaces of its own, with real sshd, sudo, ps and
// /proc, a kubelet's files, and a stand-in for the kubelet. Nothing outside is
// changed, and all of it is gone when the process ends.
const boxScript = `set -e
mount -t tmpfs tmpfs "$BOX"
mkdir "$BOX/upper" "$BOX/work" "$BOX/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$BOX/upper,workdir=$BOX/work" "$BOX/root"
R=$BOX/root
mount -t proc proc "$R/proc"
mount --rbind /dev "$R/dev"
rm -f "$R/root/.bashrc" "$R/root/.profile" "$R/root/.bash_profile"
mkdir -p "$R/opt/busybox"
ln -s /bin/busybox "$R/opt/busybox/sh"
uid=9000
while IFS=: read -r user shell; do
	uid=$((uid + 1))
	echo "$user:x:$uid:65534::/:$shell" >>"$R/etc/passwd"
	echo "$user:*:19000:0:99999:7:::" >>"$R/etc/shadow"
	echo "$user:$PASSWORD" >>"$FILES/passwords"
done <"$FILES/users"
chroot "$R" chpasswd <"$FILES/passwords"
printf '%s\n' 'auth required pam_faillock.so preauth silent deny=99' 'auth sufficient pam_unix.so' \
	'auth [default=die] pam_faillock.so authfail deny=99' >"$R/etc/pam.d/common-auth"
mkdir -p "$R/etc/sudoers.d" "$R/run/sshd" "$R/var/lib/kubelet/pki" "$R/usr/lib/systemd/system/kubelet.service.d" "$R/etc/kubernetes"
echo "wheel ALL=(ALL) NOPASSWD: ALL" >"$R/etc/sudoers.d/box"
echo "only ALL=(root) NOPASSWD: /usr/bin/cat -- /var/lib/kubelet/config.yaml" >>"$R/etc/sudoers.d/box"
cat "$FILES/sudoers" >>"$R/etc/sudoers.d/box"
chmod 440 "$R/etc/sudoers.d/box"
cat "$FILES/doas.conf" >"$R/etc/doas.conf"
printf '%s\n' "apiVersion: kubelet.config.k8s.io/v1beta1" "kind: KubeletConfiguration" "serverTLSBootstrap: true" >"$R/var/lib/kubelet/config.yaml"
printf '%s\n' "[Service]" "ExecStart=/usr/bin/kubelet" >"$R/usr/lib/systemd/system/kubelet.service"
printf '%s\n' "[Service]" 'Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"' \
	"EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env" "ExecStart=" \
	'ExecStart=/usr/bin/kubelet --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS --port='"$KPORT" \
	>"$R/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf"
printf %s 'KUBELET_KUBEADM_ARGS="--node-labels= --v=2"' >"$R/var/lib/kubelet/kubeadm-flags.env"
touch -d "1 hour ago" "$R"/var/lib/kubelet/* "$R"/usr/lib/systemd/system/kubelet.service "$R"/usr/lib/systemd/system/kubelet.service.d/*
chmod 600 "$R/var/lib/kubelet/config.yaml"
cp "$STANDIN" "$R/usr/bin/kubelet"
ln -sf "$SHELL_UNDER_TEST" "$R/bin/sh"
cat >"$R/etc/ssh/box_config" <<END
Port $PORT
ListenAddress 127.0.0.1
HostKey /etc/ssh/box_key
AuthorizedKeysFile /etc/ssh/box_authorized
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PidFile none
PermitRootLogin prohibit-password
Match User only
AllowTcpForwarding no
Match User forced
ForceCommand echo nothing else
END
cp "$FILES/host" "$R/etc/ssh/box_key"
chmod 600 "$R/etc/ssh/box_key"
cp "$FILES/authorized" "$R/etc/ssh/box_authorized"
chmod 644 "$R/etc/ssh/box_authorized"
if [ -n "$TRACE" ]; then mount -o remount,ro "$R"; fi
exec chroot "$R" /bin/bash -c '
(exec -a /usr/bin/kubelet /usr/bin/kubelet --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf \
	--kubeconfig=/etc/kubernetes/kubelet.conf --config=/var/lib/kubelet/config.yaml --node-labels= --v=2 --port='"$KPORT"') &
exec $TRACE /usr/sbin/sshd -D -e -f /etc/ssh/box_config $LOGGING'
`

// boxPassword is every user's: of what shells, sudo -p and PAM read in their
// own way it has as much as fits.
const boxPassword = `it's $HOME "%u" \n !x; #*`

// boxUsers are the users of a box and their login shells.
var boxUsers = [][2]string{
	{"plain", "/bin/sh"},  // may nothing
	{"wheel", "/bin/sh"},  // everything
	{"only", "/bin/sh"},   // one file, and no forwarding
	{"asked", "/bin/sh"},  // everything with a password
	{"tty", "/bin/sh"},    // everything at a terminal
	{"lines", "/bin/sh"},  // what kletscan sudoers prints
	{"doer", "/bin/sh"},   // what kletscan sudoers --doas prints
	{"noexec", "/bin/sh"}, // everything with a password and NOEXEC
	{"forced", "/bin/sh"},
	{"with-dash", "/usr/bin/dash"},
	{"with-bash", "/bin/bash"},
	{"with-busybox", "/opt/busybox/sh"},
	{"with-ksh", "/usr/bin/ksh"},
	{"with-zsh", "/usr/bin/zsh"},
	{"with-tcsh", "/usr/bin/tcsh"},
	{"with-fish", "/usr/bin/fish"},
	{"with-nologin", "/usr/sbin/nologin"},
}

// box is a node made by boxScript.
type box struct {
	shell string // the program that /bin/sh is
	port  int
	serve int    // the kubelet's port
	dir   string // ssh_config, key and known_hosts for it
}

// startBox makes a node whose /bin/sh is the named shell.
func startBox(t *testing.T, shell string) box {
	t.Helper()
	return startTracedBox(t, shell, nil, io.Discard)
}

// startTracedBox makes one whose sshd, and all that it starts, strace writes
// about into trace, and whose files are mounted read-only; nil: neither. What sshd says of it goes to sshd, too.
func startTracedBox(t *testing.T, shell string, trace *os.File, sshd io.Writer) box {
	t.Helper()
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		sshdtest.Missing(t, "root on Linux, which a node in a box needs")
	}
	for _, program := range []string{"/usr/sbin/sshd", "/usr/bin/sudo", "/usr/bin/unshare", "/bin/bash", "/usr/bin/ps"} {
		if _, err := os.Stat(program); err != nil {
			sshdtest.Missing(t, program)
		}
	}
	path, err := exec.LookPath(shell)
	if err != nil {
		sshdtest.Missing(t, shell)
	}
	b := box{shell: shell, port: freePort(t), serve: freePort(t), dir: t.TempDir()}
	b.writeFiles(t)
	standIn, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "--pid", "--fork", "--kill-child", "/bin/bash", "-c", boxScript)
	cmd.Env = []string{
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "BOX=" + t.TempDir(), "STANDIN=" + standIn, "SHELL_UNDER_TEST=" + path,
		"PASSWORD=" + boxPassword, fmt.Sprintf("PORT=%d", b.port), fmt.Sprintf("KPORT=%d", b.serve), "FILES=" + b.dir,
	}
	if trace != nil {
		cmd.Env = append(cmd.Env, "TRACE="+traceCommand, "LOGGING=-o LogLevel=DEBUG2 -o X11Forwarding=yes")
		cmd.ExtraFiles = []*os.File{trace} // descriptor 3
	}
	cmd.Stderr = io.MultiWriter(&log, sshd)
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	b.waitForBanner(t, ended, &log)
	return b
}

// waitForBanner waits until sshd speaks.
func (b box) waitForBanner(t *testing.T, ended chan error, log *strings.Builder) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the box ended: %v\n%s", err, log)
		default:
		}
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", b.port))
		if err != nil {
			continue
		}
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		_, err = io.ReadFull(conn, make([]byte, 4))
		conn.Close()
		if err == nil {
			return
		}
	}
	t.Fatal("sshd in the box did not answer")
}

// writeFiles writes keys for both sides, and an ssh_config with an alias for
// each user.
func (b box) writeFiles(t *testing.T) {
	t.Helper()
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(b.dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	key := func(name string) string {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		block, err := ssh.MarshalPrivateKey(private, "")
		if err != nil {
			t.Fatal(err)
		}
		write(name, string(pem.EncodeToMemory(block)))
		line, err := ssh.NewPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		return string(ssh.MarshalAuthorizedKey(line))
	}
	write("authorized", key("id"))
	write("known_hosts", fmt.Sprintf("[127.0.0.1]:%d %s", b.port, key("host")))
	users, sudoers := "", sudoersLines("lines")+"asked ALL=(ALL) ALL\nnoexec ALL=(ALL) NOEXEC: ALL\nDefaults logfile=/var/log/sudo.log\nDefaults:tty requiretty\ntty ALL=(ALL) NOPASSWD: ALL\n"
	var config strings.Builder
	for _, user := range append([][2]string{{"root"}}, boxUsers...) {
		if user[0] != "root" {
			users += user[0] + ":" + user[1] + "\n"
		}
		if strings.HasPrefix(user[0], "with-") {
			sudoers += user[0] + " ALL=(ALL) ALL\n"
		}
		fmt.Fprintf(&config, "Host %s\n  HostName 127.0.0.1\n  Port %d\n  User %s\n  IdentityFile %s\n  IdentitiesOnly yes\n  UserKnownHostsFile %s\n",
			user[0], b.port, user[0], filepath.Join(b.dir, "id"), filepath.Join(b.dir, "known_hosts"))
	}
	write("ssh_config", config.String())
	write("users", users)
	write("sudoers", sudoers)
	write("doas.conf", doasLines("doer"))
}

// freePort is a port for a server that cannot be handed a listener. It is below
// the range from which the system takes ports by itself, so that no other test
// is given it before the server has it.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20000 + mathrand.IntN(10000)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port from 20000 to 29999")
	return 0
}

// TestOpenSSH scans one real node as four users with different rights.
func TestOpenSSH(t *testing.T) {
	b := startBox(t, "dash")
	code, stdout, stderr := kletscan(t.Context(), "scan", "-F", filepath.Join(b.dir, "ssh_config"), "-o", "json", "root", "plain", "wheel", "only")
	if code != exitOK {
		t.Errorf("exit %d, want %d: where the decisive file may not be read the certificate tells\n%s", code, exitOK, stderr)
	}
	var document struct {
		Results []map[string]any `json:"results"`
	}
	if err := json.Unmarshal([]byte(stdout), &document); err != nil || len(document.Results) != 4 {
		t.Fatalf("%v: %d results in %s", err, len(document.Results), stdout)
	}
	want := map[string]struct{ rotation, why string }{
		"root":  {"on", "/var/lib/kubelet/config.yaml"},
		"plain": {"on", "/var/lib/kubelet/config.yaml could not be read (not readable by plain, mode 600; sudo -n was refused: sudo: a password is required; add the lines of kletscan sudoers, or use --ask-become-pass)"},
		"wheel": {"on", "/var/lib/kubelet/config.yaml"},
		"only":  {"on", "/var/lib/kubelet/config.yaml"},
	}
	for _, r := range document.Results {
		name := fmt.Sprint(r["node"])
		if r["status"] != "ok" || r["rotation"] != want[name].rotation || !strings.Contains(fmt.Sprint(r["why"]), want[name].why) {
			t.Errorf("%s: %v %v: %v\nwant %s: %s", name, r["status"], r["rotation"], r["why"], want[name].rotation, want[name].why)
		}
		if method := map[string]any{"only": "openssl"}[name]; r["cert_class"] != "rotated" || r["cert_sha256"] != document.Results[0]["cert_sha256"] ||
			method != nil && r["cert_method"] != method {
			t.Errorf("%s: certificate %v %v by %v, want the same as the others see: %v", name, r["cert_class"], r["cert_sha256"], r["cert_method"], r["cert_why"])
		}
		if r["distro"] != "kubeadm" || r["kubelet_version"] != "v1.31.4" {
			t.Errorf("%s: %v %v, want kubeadm v1.31.4", name, r["distro"], r["kubelet_version"])
		}
	}
}

// TestOpenSSHWithoutTheCertificate is the same node for the user who may not
// read what decides: without a look at the certificate it stays unknown.
func TestOpenSSHWithoutTheCertificate(t *testing.T) {
	b := startBox(t, "dash")
	code, stdout, stderr := kletscan(t.Context(), "scan", "-F", filepath.Join(b.dir, "ssh_config"), "--serving", "off", "-o", "json", "plain")
	if code != exitIncomplete || !strings.Contains(stdout, `"rotation": "unknown"`) || !strings.Contains(stdout, "sudo -n was refused: sudo: a password is required") {
		t.Errorf("exit %d, want %d and unknown, with sudo's words\n%s%s", code, exitIncomplete, stdout, stderr)
	}
}

// TestProbeMeansTheSameInEveryShell runs the same question on boxes that
// differ in what /bin/sh is, as root and as a user who needs sudo.
func TestProbeMeansTheSameInEveryShell(t *testing.T) {
	type answers struct{ root, wheel *evidence.Evidence }
	var first answers
	for i, shell := range []string{"dash", "bash", "busybox", "ksh", "zsh"} {
		t.Run(shell, func(t *testing.T) {
			b := startBox(t, shell)
			got := answers{root: b.ask(t, "root"), wheel: b.ask(t, "wheel")}
			if len(got.root.Processes) != 1 || len(got.root.Processes[0].Argv) != 7 {
				t.Fatalf("processes are %+v, want the one kubelet with its 7 arguments", got.root.Processes)
			}
			if i == 0 {
				first = got
				return
			}
			if first.root == nil {
				t.Skip("SKIPPED, NOT TESTED: there is no dash to compare with")
			}
			if diff := cmp.Diff(first.root, got.root); diff != "" {
				t.Errorf("as root, %s differs from dash:\n%s", shell, diff)
			}
			if diff := cmp.Diff(first.wheel, got.wheel); diff != "" {
				t.Errorf("as wheel, %s differs from dash:\n%s", shell, diff)
			}
		})
	}
}

// ask runs both questions as user and takes out of the answer what is another
// in every box.
func (b box) ask(t *testing.T, user string) *evidence.Evidence {
	t.Helper()
	nodes := []inventory.Node{{Name: user, Host: user}}
	dialer, err := remote.New(t.Context(), remote.Config{Home: b.dir, SSHConfigFile: filepath.Join(b.dir, "ssh_config"), Nodes: nodes})
	if err != nil {
		t.Fatal(err)
	}
	defer dialer.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	target, err := dialer.Resolve(ctx, nodes[0])
	if err != nil {
		t.Fatal(err)
	}
	link, err := target.Dial(ctx)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := link.Login(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	visit := &probe.Visit{Node: conn}
	ev, err := visit.Survey(ctx)
	if err != nil {
		t.Fatal(err)
	}
	err = visit.Fetch(ctx, ev, []evidence.Want{
		{Kind: evidence.KubeletConfig, Path: "/var/lib/kubelet/config.yaml"},
		{Kind: evidence.KubeletConfig, Path: "/var/lib/kubelet/nothing.yaml"},
		{Kind: evidence.KubeletConfig, Path: "/etc/hostname"},
		{Kind: evidence.KubeletConfig, Path: "/dev/null"},
		{Kind: evidence.DropInDir, Path: "/etc/kubernetes"},
		{Kind: evidence.CertDir, Path: "/var/lib/kubelet/pki"},
	})
	if err != nil {
		t.Fatal(err)
	}
	ev.Host.Now, ev.Host.MountNS, ev.PIDs, ev.Audit.Output = 0, "", evidence.PIDs{}, ""
	for i := range ev.Processes {
		ev.Processes[i].PID, ev.Processes[i].StartTick, ev.Processes[i].MountNS = 0, 0, ""
		ev.Processes[i].Argv[len(ev.Processes[i].Argv)-1] = "--port"
	}
	for i := range ev.Files {
		ev.Files[i].ModTime /= 60 * 60 * 24
		ev.Files[i].Content, _, _ = strings.Cut(ev.Files[i].Content, "--port=")
	}
	for i := range ev.Dirs {
		ev.Dirs[i].ModTime /= 60 * 60 * 24
	}
	return ev
}
