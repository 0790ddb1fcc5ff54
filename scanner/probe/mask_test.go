package probe

import (
	"strings"
	"testing"
)

// canary is a secret, and W what stands where it stood.
const canary = "hunter2hunter2"

// maskRows are texts with a CANARY in them and what of them may leave a node,
// where W stands for what was withheld. Each is filtered by the script under
// every shell, and by what reads files without a node.
var maskRows = []struct{ name, text, want string }{
	{"a unit's flag and its value", "[Service]\nExecStart=/usr/bin/k3s agent --token CANARY --kubelet-arg=v=2\n", "[Service]\nExecStart=/usr/bin/k3s agent --token W --kubelet-arg=v=2\n"},
	{"a flag with =", "[S]\nExecStart=k3s --token=CANARY --a=b\n", "[S]\nExecStart=k3s --token=W --a=b\n"},
	{"k3s knows one dash and one letter", "[S]\nExecStart=k3s -token CANARY -t CANARY --a\n", "[S]\nExecStart=k3s -token W -t W --a\n"},
	{"quoted on lines of their own, as the installer of k3s writes it", "[S]\nExecStart=k3s \\\n\t'--token' \\\n\t'CANARY' \\\n\t'--a=b' \\\n\n[X]\n", "[S]\nExecStart=k3s \\\n\t'--token' \\\n\tW \\\n\t'--a=b' \\\n\n[X]\n"},
	{"a comment between a flag and its value", "[S]\nExecStart=k3s --token \\\n# here\n CANARY --a\n", "[S]\nExecStart=k3s --token \\\n# here\n W --a\n"},
	{"a value with blanks in quotes", "[S]\nExecStart=k3s --token \"a CANARY\" --a\n", "[S]\nExecStart=k3s --token W --a\n"},
	{"a flag in quotes with a blank", "[S]\nExecStart=k3s \"--token=a CANARY\" --a\n", "[S]\nExecStart=k3s \"--token=W\" --a\n"},
	{"flags in a quoted variable end at a blank", "[S]\nEnvironment=\"ARGS=--token CANARY --rotate-server-certificates=true\" \"X=y\"\n", "[S]\nEnvironment=\"ARGS=--token W --rotate-server-certificates=true\" \"X=y\"\n"},
	{"the second variable of a line", "[S]\nEnvironment=\"A=b\" \"K3S_TOKEN=a CANARY\" \"ARGS=--rotate-server-certificates\"\n", "[S]\nEnvironment=\"A=b\" \"K3S_TOKEN=W\" \"ARGS=--rotate-server-certificates\"\n"},
	{"a variable without quotes", "[S]\nEnvironment=K3S_TOKEN=CANARY ARGS=--a\n", "[S]\nEnvironment=K3S_TOKEN=W ARGS=--a\n"},
	{"a systemd credential", "[S]\nSetCredential=token:CANARY two CANARY\nUser=root\n", "[S]\nSetCredential=W  \nUser=root\n"},
	{"a proxy's password", "[S]\nEnvironment=\"HTTPS_PROXY=http://user:CANARY@proxy:3128\" \"NO_PROXY=a@b\"\n", "[S]\nEnvironment=\"HTTPS_PROXY=http://W@proxy:3128\" \"NO_PROXY=a@b\"\n"},
	{"a password with an @", "HTTP_PROXY=http://u:a@CANARY@proxy\n", "HTTP_PROXY=http://W@proxy\n"},
	{"an environment file's unquoted value has blanks", "K3S_TOKEN=a CANARY\nARGS=--a\n", "K3S_TOKEN=W\nARGS=--a\n"},
	{"it goes on behind a backslash", "K3S_TOKEN=a\\\nCANARY\nARGS=--a\n", "K3S_TOKEN=W\\\n\nARGS=--a\n"},
	{"and within quotes, with lines like others in it", "K3S_TOKEN=\"a\n[CANARY]\n#CANARY\nB=CANARY\n\nc\"\nARGS=--a\n", "K3S_TOKEN=W\n\n\n\n\n\nARGS=--a\n"},
	{"flags in quotes over lines", "ARGS=\"--a \\\n --token \\\n CANARY --b\n--token CANARY\n--c\"\nX=y\n", "ARGS=\"--a \\\n --token \\\n W --b\n--token W\n--c\"\nX=y\n"},
	{"cloud credentials among a kubelet's flags", "KUBELET_EXTRA_ARGS=\"--cloud-secret-key=CANARY --rotate-server-certificates=true\"\n", "KUBELET_EXTRA_ARGS=\"--cloud-secret-key=W --rotate-server-certificates=true\"\n"},
	{"exported in a shell's file", "export CLOUD_SECRET_ACCESS_KEY='CANARY'\nexport A=b\n", "export CLOUD_SECRET_ACCESS_KEY=W\nexport A=b\n"},
	{"the flag before staticPodURLHeader", "ARGS=\"--manifest-url-header=Authorization:Bearer CANARY --a\"\n", "ARGS=\"--manifest-url-header=W  --a\"\n"},
	{"in a comment", "#K3S_TOKEN=CANARY\nA=b\n ; token CANARY\n", "# W\nA=b\n# W\n"},
	{"a private key in quotes", "X=\"-----BEGIN EC PRIVATE KEY-----\nCANARY==\n-----END EC PRIVATE KEY-----\"\nA=b\n", "X=\"W\n\n\"\nA=b\n"},
	{"a private key on one line", "X=\"-----BEGIN PRIVATE KEY-----\\nCANARY\\n-----END PRIVATE KEY-----\"\nA=b\n", "X=\"W\"\nA=b\n"},
	{"a private key without an end", "-----BEGIN RSA PRIVATE KEY-----\nCANARY\nCANARY\n", "W\n\n\n"},
	{"one under a telling name", "TLS_PRIVATE_KEY=\"-----BEGIN PRIVATE KEY-----\nCANARY=\n-----END PRIVATE KEY-----\"\nA=b\n", "TLS_PRIVATE_KEY=W\n\n\nA=b\n"},
	{"arguments one a line", "--token=CANARY\n--a=b\n", "--token=W\n--a=b\n"},
	{"a file that holds one is none", "ARGS=--token-file=/t --token-file /t\nK3S_TOKEN_FILE=/t\n", "ARGS=--token-file=/t --token-file /t\nK3S_TOKEN_FILE=/t\n"},
	{"a flag that follows is no value", "[S]\nExecStart=k3s --token --rotate-server-certificates\n", "[S]\nExecStart=k3s --token --rotate-server-certificates\n"},
	{"feature gates are only named like one", "A=--feature-gates=CSI_TOKEN=true,CSIServiceAccountToken=true,RotateKubeletServerCertificate=true\n", "A=--feature-gates=CSI_TOKEN=true,CSIServiceAccountToken=true,RotateKubeletServerCertificate=true\n"},
	{"flags that are only named like one", "A=--authentication-token-webhook=true --tls-private-key-file=/k -tx\n", "A=--authentication-token-webhook=true --tls-private-key-file=/k -tx\n"},
	{"a name with quotes in it", "[S]\nExecStart=k3s --to'k'en CANARY -\"t\" CANARY --a\n", "[S]\nExecStart=k3s --to'k'en W -\"t\" W --a\n"},
	{"a name over two lines", "K3S_TO\\\nKEN=CANARY\n", "K3S_TO\\\nKEN=W\n"},
	{"a flag at the end of its line", "ARGS=\"-t\nCANARY --a\"\n", "ARGS=\"-t\nW --a\"\n"},
	{"an apostrophe in a comment opens nothing", "# don't\nA=b\n# it's\nC=\"d e\"\n", "# don't\nA=b\n# it's\nC=\"d e\"\n"},
	{"bytes that are not UTF-8", "A=\x81\x88\xff --token=\x83CANARY\x84 \x82\nB=\x01\x7f\n", "A=\x81\x88\xff --token=W \x82\nB=\x01\x7f\n"},
}

func filled(text string) string {
	return strings.ReplaceAll(text, "CANARY", canary)
}

func masked(text string) string { return strings.ReplaceAll(text, "W", withheld) }

func TestCredentialsInATextStayOnTheNode(t *testing.T) {
	shells := shells(t)
	for _, tt := range maskRows {
		t.Run(tt.name, func(t *testing.T) {
			if got, ok := maskLines(filled(tt.text)); got != masked(tt.want) || !ok {
				t.Errorf("without a node: %q\nwant %q", got, masked(tt.want))
			}
			for name, shell := range shells {
				got, status := inShell(t, shell, filterText, filled(tt.text))
				if got != masked(tt.want) || status != 0 {
					t.Errorf("%s: status %d, %q\nwant %q", name, status, got, masked(tt.want))
				}
			}
		})
	}
}

// argvRows are argument vectors, each argument with the NUL that ends it.
var argvRows = []struct{ name, argv, want string }{
	{"a flag and its value", "k3s\x00--token\x00CANARY\x00--a\x00", "k3s\x00--token\x00W\x00--a\x00"},
	{"a value with blanks, quotes and newlines", "k3s\x00--token=a \"'\nCANARY\x00-t\x00-CANARY \n\x00b\x00", "k3s\x00--token=W\x00-t\x00W\x00b\x00"},
	{"a flag of a flag", "k3s\x00--kubelet-arg=manifest-url-header=A:Bearer CANARY\x00--a\x00", "k3s\x00--kubelet-arg=manifest-url-header=W \x00--a\x00"},
	{"a URL", "k3s\x00--datastore-endpoint=mysql://u:CANARY@tcp(h)/db\x00", "k3s\x00--datastore-endpoint=mysql://W@tcp(h)/db\x00"},
	{"a variable, as of env", "K3S_TOKEN=a CANARY\x00b\x00", "K3S_TOKEN=W\x00b\x00"},
	{"an address", "k\x00--node-ip\x0010.0.0.1\x00--tls-private-key-file=/k\x00", "k\x00--node-ip\x0010.0.0.1\x00--tls-private-key-file=/k\x00"},
	{"no value at the end", "k3s\x00--token\x00", "k3s\x00--token\x00"},
	{"an empty value", "k3s\x00--token\x00\x00--a\x00", "k3s\x00--token\x00\x00--a\x00"},
	{"every other byte stays", "k\x00\x00--x= a\nb\n\x00*\x00\x81\x88\xff\"'\\\x00\n\x00\x00", "k\x00\x00--x= a\nb\n\x00*\x00\x81\x88\xff\"'\\\x00\n\x00\x00"},
	{"a title without a NUL", "kubelet: a", "kubelet: a"},
	{"nothing", "", ""},
	{"only NULs", "\x00\x00", "\x00\x00"},
	{"gates", "k\x00--feature-gates=CSIServiceAccountToken=true,RotateKubeletServerCertificate=true\x00", "k\x00--feature-gates=CSIServiceAccountToken=true,RotateKubeletServerCertificate=true\x00"},
	{"paths that end like a flag", "k\x00--config=/etc/my-token\x00/x\x00", "k\x00--config=/etc/my-token\x00/x\x00"},
}

func TestCredentialsInAnArgumentVectorStayOnTheNode(t *testing.T) {
	shells := shells(t)
	for _, tt := range argvRows {
		t.Run(tt.name, func(t *testing.T) {
			args, state := argv(filled(tt.argv))
			if want, _ := argv(masked(tt.want)); strings.Join(args, "|") != strings.Join(want, "|") {
				t.Errorf("on arrival: %q (%s), want %q", args, state, want)
			}
			for name, shell := range shells {
				got, status := inShell(t, shell, filterArgv, filled(tt.argv))
				if got != masked(tt.want) || status != 0 {
					t.Errorf("%s: status %d, %q\nwant %q", name, status, got, masked(tt.want))
				}
			}
		})
	}
}

// What cannot be filtered is not sent, and never a part of it.
func TestWhatIsTooLongToFilterIsWithheld(t *testing.T) {
	long := "A=b\nX=--token=" + strings.Repeat("x ", maxMasked)
	if _, ok := redact(long); ok {
		t.Error("on arrival: a line that was too long to be looked at is kept")
	}
	for name, shell := range shells(t) {
		if got, status := inShell(t, shell, filterText, long); status == 0 || strings.Contains(got, "x x") {
			t.Errorf("%s: a text goes out with status %d, %.50q", name, status, got)
		}
		if got, status := inShell(t, shell, filterArgv, "k3s\x00"+long+"\x00"); status == 0 || strings.Contains(got, "x x") {
			t.Errorf("%s: an argument goes out with status %d, %.50q", name, status, got)
		}
		if _, status := inShell(t, shell, filterArgv, "k3s\x00a\x1fb\x00"); status == 0 {
			t.Errorf("%s: the byte that stands for NUL in the script is taken for one", name)
		}
	}
}
