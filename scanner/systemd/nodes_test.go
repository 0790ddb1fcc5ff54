package systemd

import (
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the argv in testdata")

// Each archive holds the files of one node, under their paths, and the argv
// they give: a line for each word, with the file and line on which it stood.
func TestNodes(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no nodes in testdata: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			isArgv := func(f txtar.File) bool { return f.Name == "argv" }
			var want string
			if i := slices.IndexFunc(archive.Files, isArgv); i >= 0 {
				want = string(archive.Files[i].Data)
			}
			archive.Files = slices.DeleteFunc(archive.Files, isArgv)
			got := nodeArgv(t, archive)
			if *update {
				archive.Files = append(archive.Files, txtar.File{Name: "argv", Data: []byte(got)})
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("argv (-want +got):\n%s", diff)
			}
		})
	}
}

func nodeArgv(t *testing.T, archive *txtar.Archive) string {
	t.Helper()
	var files []File
	service := ""
	for _, f := range archive.Files {
		files = append(files, present(f.Name, string(f.Data)))
		if strings.HasSuffix(f.Name, serviceSuffix) {
			service = path.Base(f.Name)
		}
	}
	u, err := Load(service, Host{}, files)
	if err != nil {
		t.Fatal(err)
	}
	c := u.Command(environmentOf(u, files))
	if len(c.Missing) > 0 || c.Refused != "" {
		t.Errorf("missing %q, refused %q: want a proven command", c.Missing, c.Refused)
	}
	var out strings.Builder
	for _, w := range c.Argv {
		fmt.Fprintf(&out, "%v %q\n", w.Source, w.Text)
	}
	return out.String()
}

// AKS: the values have neither quotes nor line ends, hold what a shell would
// trip over, and come to more than 2,048 bytes, where busybox's ps stops.
func TestAKS(t *testing.T) {
	gates := make([]string, 120)
	for i := range gates {
		gates[i] = fmt.Sprintf("FeatureGateNumber%d=true", i)
	}
	flags := []string{
		"--eviction-hard=memory.available<750Mi,nodefs.available<10%,nodefs.inodesFree<5%",
		"--feature-gates=" + strings.Join(gates, ","),
		"--rotate-server-certificates=true",
	}
	labels := "agentpool=pool1,kubernetes.azure.com/kubelet-serving-ca=cluster"
	u := load(t,
		present(unitPath, `[Service]
Restart=always
EnvironmentFile=/etc/default/kubelet
SuccessExitStatus=143
ExecStartPre=/bin/bash -c "if [ $(mount | grep \"/var/lib/kubelet\" | wc -l) -le 0 ] ; then /bin/mount --bind /var/lib/kubelet /var/lib/kubelet ; fi"
ExecStart=/opt/bin/kubelet \
        --enable-server \
        --node-labels="${KUBELET_NODE_LABELS}" \
        $KUBELET_TLS_BOOTSTRAP_FLAGS \
        $KUBELET_CONFIG_FILE_FLAGS \
        $KUBELET_FLAGS
`),
		present("/etc/systemd/system/kubelet.service.d/10-tlsbootstrap.conf", `[Service]
Environment="KUBELET_TLS_BOOTSTRAP_FLAGS=--kubeconfig /var/lib/kubelet/kubeconfig --bootstrap-kubeconfig /var/lib/kubelet/bootstrap-kubeconfig"
`))
	file := present(envPath, "KUBELET_FLAGS="+strings.Join(flags, " ")+" \nKUBELET_REGISTER_SCHEDULABLE=true\nNETWORK_POLICY=\n\nKUBELET_NODE_LABELS="+labels+"\n")
	c := u.Command([]File{file})
	want := []string{
		"/opt/bin/kubelet", "--enable-server", "--node-labels=" + labels,
		"--kubeconfig", "/var/lib/kubelet/kubeconfig", "--bootstrap-kubeconfig", "/var/lib/kubelet/bootstrap-kubeconfig",
	}
	proven(t, c, append(want, flags...)...)
	if n := len(strings.Join(texts(c.Argv), " ")); n < 3000 {
		t.Errorf("the command has %d bytes, want more than 3,000", n)
	}
	if got, want := c.Argv[len(c.Argv)-1].Source, (Position{envPath, 1, "KUBELET_FLAGS"}); got != want {
		t.Errorf("the last flag stood at %v, want %v", got, want)
	}
}
