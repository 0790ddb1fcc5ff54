package oracle

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"testing"

	"k8s.io/klog/v2"
	"kletscan/scanner/kubelet"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) {
	// More checks than rapid's 100, and no files left behind: the seed that
	// rapid prints is enough. Flags of the command line come later and win.
	for name, value := range map[string]string{"rapid.checks": "10000", "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	flag.Parse()
	klog.LogToStderr(false) // featuregate has warnings
	klog.SetOutput(io.Discard)
	os.Exit(m.Run())
}

// resolve is the product's answer.
func (n node) resolve(minor int) kubelet.Effective {
	set := true
	in := kubelet.Input{
		Version:   kubelet.Version{Major: 1, Minor: minor},
		Args:      n.arguments(),
		Config:    kubelet.File{Path: configPath, State: kubelet.Present, Content: []byte(n.config)},
		DropIns:   kubelet.DropInDir{Path: configDir, State: kubelet.Present},
		DropInEnv: &set,
	}
	for i, content := range n.dropIns {
		in.DropIns.Files = append(in.DropIns.Files, kubelet.File{
			Path: fmt.Sprintf("%s/%d.conf", configDir, i), State: kubelet.Present, Content: []byte(content),
		})
	}
	return kubelet.Resolve(in)
}

func (n node) arguments() []kubelet.Arg {
	args := make([]kubelet.Arg, len(n.args))
	for i, text := range n.args {
		args[i].Text = text
	}
	return args
}

// values are the settings that both sides have.
type values struct {
	Bootstrap, Gate, EnableServer bool
	Cert, Key, Address            string
	CertDir, Kubeconfig           string
	Port                          int
}

// verdict is one side's answer.
type verdict struct {
	values  values // only of a kubelet that starts
	exit    string // why it does not start; empty: it does
	missing string // why some value is not known; empty: all are
}

// fit reports whether nothing that is known says otherwise.
func (v values) fit(e kubelet.Effective) bool {
	return fits(e.ServerTLSBootstrap, v.Bootstrap) && fits(e.Gate, v.Gate) && fits(e.EnableServer, v.EnableServer) &&
		fits(e.TLSCertFile, v.Cert) && fits(e.TLSPrivateKeyFile, v.Key) && fits(e.Address, v.Address) &&
		fits(e.CertDir, v.CertDir) && fits(e.Kubeconfig, v.Kubeconfig) && fits(e.Port, v.Port)
}

func fits[T comparable](s kubelet.Setting[T], value T) bool { return !s.Known() || s.Value == value }

func (n node) ours(minor int) verdict {
	e := n.resolve(minor)
	if e.Rotation == kubelet.Invalid {
		return verdict{exit: e.Problem}
	}
	missing := cmp.Or(e.ServerTLSBootstrap.Missing, e.Gate.Missing, e.EnableServer.Missing, e.TLSCertFile.Missing,
		e.TLSPrivateKeyFile.Missing, e.Address.Missing, e.CertDir.Missing, e.Kubeconfig.Missing, e.Port.Missing)
	return verdict{missing: missing, values: values{
		Bootstrap: e.ServerTLSBootstrap.Value, Gate: e.Gate.Value, EnableServer: e.EnableServer.Value,
		Cert: e.TLSCertFile.Value, Key: e.TLSPrivateKeyFile.Value, Address: e.Address.Value,
		CertDir: e.CertDir.Value, Kubeconfig: e.Kubeconfig.Value, Port: e.Port.Value,
	}}
}

func (n node) theirs(minor int) verdict {
	s, err := n.start(minor)
	if err != nil {
		return verdict{exit: err.Error()}
	}
	return verdict{values: values{
		Bootstrap: s.ServerTLSBootstrap, Gate: s.gate, EnableServer: s.EnableServer,
		Cert: s.TLSCertFile, Key: s.TLSPrivateKeyFile, Address: s.Address,
		CertDir: s.options.certDir, Kubeconfig: s.options.kubeconfig, Port: int(s.Port),
	}}
}

// difference is a node that the two sides judge differently.
type difference struct {
	node
	minor        int
	ours, theirs verdict
}

// compare gives the difference, if there is one: in whether the kubelet starts,
// or in what it then runs with. The words of a refusal do not count here.
func (n node) compare(minor int) (difference, bool) {
	d := difference{n, minor, n.ours(minor), n.theirs(minor)}
	if d.ours.exit != "" && d.theirs.exit != "" {
		return d, false
	}
	return d, d.ours != d.theirs
}

func (d difference) String() string {
	return fmt.Sprintf("v1.%d, arguments %q\n--config %q\n--config-dir %q\nscanner/kubelet %s\n    the kubelet %s",
		d.minor, d.args, d.config, d.dropIns, d.ours, d.theirs)
}

func (v verdict) String() string {
	if v.exit != "" {
		return "exits: " + v.exit
	}
	return fmt.Sprintf("runs with %+v %s", v.values, v.missing)
}

// check fails unless both sides agree, or differ in a way that is listed.
func (n node) check(t *rapid.T, minor int) {
	d, differ := n.compare(minor)
	if differ && d.exception() == nil {
		t.Fatal(d)
	}
}

// minors draws a version.
func minors(oldest, newest int) *rapid.Generator[int] { return rapid.IntRange(oldest, newest) }

// newest is the last minor whose rules scanner/kubelet knows.
const newest = 36
