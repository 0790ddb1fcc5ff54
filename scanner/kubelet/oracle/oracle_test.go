package oracle

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"kletscan/scanner/kubelet"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) {
	// More checks than rapid's 100, and no files left behind: the seed that
	// rapid prints is enough. Flags of the command line come later and win.
	for name, value := range map[string]string{"rapid.checks": "2000", "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	flag.Parse()
	os.Exit(m.Run())
}

// resolve is the product's answer.
func (n node) resolve(minor int) kubelet.Effective {
	in := kubelet.Input{
		Version: kubelet.Version{Major: 1, Minor: minor},
		Config:  kubelet.File{Path: configPath, State: kubelet.Present, Content: []byte(n.config)},
		DropIns: kubelet.DropInDir{Path: configDir, State: kubelet.Present},
	}
	for _, arg := range n.args {
		in.Args = append(in.Args, kubelet.Arg{Text: arg})
	}
	for i, content := range n.dropIns {
		in.DropIns.Files = append(in.DropIns.Files, kubelet.File{
			Path: fmt.Sprintf("%s/%d.conf", configDir, i), State: kubelet.Present, Content: []byte(content),
		})
	}
	set := true
	in.DropInEnv = &set
	return kubelet.Resolve(in)
}

// compared are the settings that both sides have.
type compared struct {
	Bootstrap, Gate, EnableServer bool
	Cert, Key, Address            string
	CertDir, Kubeconfig           string
	Port                          int
}

func ours(e kubelet.Effective) compared {
	return compared{
		Bootstrap: e.ServerTLSBootstrap.Value, Gate: e.Gate.Value, EnableServer: e.EnableServer.Value,
		Cert: e.TLSCertFile.Value, Key: e.TLSPrivateKeyFile.Value, Address: e.Address.Value,
		CertDir: e.CertDir.Value, Kubeconfig: e.Kubeconfig.Value, Port: e.Port.Value,
	}
}

func theirs(s started) compared {
	return compared{
		Bootstrap: s.ServerTLSBootstrap, Gate: s.gate, EnableServer: s.EnableServer,
		Cert: s.TLSCertFile, Key: s.TLSPrivateKeyFile, Address: s.Address,
		CertDir: s.options.certDir, Kubeconfig: s.options.kubeconfig, Port: int(s.Port),
	}
}

// disagreement is empty if the product and the real thing say the same.
func (n node) disagreement(minor int) string {
	e := n.resolve(minor)
	s, err := n.start(minor)
	invalid := e.Rotation == kubelet.Invalid
	switch {
	case invalid && err == nil:
		return fmt.Sprintf("the kubelet starts, scanner/kubelet says: %s", e.Problem)
	case !invalid && err != nil:
		return fmt.Sprintf("the kubelet exits (%v), scanner/kubelet says: %s", err, e.Why)
	case err == nil && ours(e) != theirs(s):
		return fmt.Sprintf("scanner/kubelet %+v\n         kubelet %+v", ours(e), theirs(s))
	}
	return ""
}

func (n node) check(t *rapid.T, minor int) {
	if text := n.disagreement(minor); text != "" {
		t.Fatalf("1.%d, args %q\n--config %q\n--config-dir %q\n%s", minor, n.args, n.config, n.dropIns, text)
	}
}

func TestWholeCommandLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		node{args: commandLines(36, 5).Draw(t, "args")}.check(t, 36)
	})
}

func TestConfig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		node{args: []string{"--config=" + configPath}, config: documents(36).Draw(t, "config")}.check(t, 36)
	})
}
