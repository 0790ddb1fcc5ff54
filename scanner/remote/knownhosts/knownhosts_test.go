package knownhosts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

func TestHostNames(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		host Host
		want string
	}{
		{Address("Node1", 22), "node1"},
		{Address("node1", 0), "node1"},
		{Address("node1", 2222), "[node1]:2222"},
		{Address("2001:DB8:0:0:0:0:0:1", 22), "2001:db8::1"},
		{Address("::1", 2222), "[::1]:2222"},
		{Address("fe80::1%eth0", 22), "fe80::1%eth0"},
		{Alias("Web.Example.COM"), "web.example.com"},
		{Address("NÖDE", 22), "nÖde"}, // ASCII only, like OpenSSH
	} {
		if got := tt.host.String(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := Load([]string{filepath.Join(dir, "missing")}); err != nil {
		t.Errorf("a missing file: %v, want none", err)
	}
	if _, err := Load([]string{dir}); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("a folder: %v, want an error that names it", err)
	}
	huge := filepath.Join(dir, "huge")
	write(t, huge, "")
	check(t, os.Truncate(huge, maxFileSize+1)) // sparse
	if _, err := Load([]string{huge}); err == nil || !strings.Contains(err.Error(), "128 MiB") {
		t.Errorf("a huge file: %v, want an error", err)
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	ed := newED25519(t).line()
	db := load(t, "node1 1024 35 123\n@x y\n"+ed[:40]+"\nnode1 ssh-rsa "+strings.Fields(ed)[1]+"\nnode1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==\n"+
		"a\nb # x\n|1|a|b "+ed+"\n@revoked @revoked x "+ed+"\n"+strings.Repeat("x", maxLine+1)+"\nnode1 ssh-dss "+blobOf("ssh-dss", 5)+"\nnode1 "+ed+"\n")
	name := db.files[0].name
	want := []string{
		`1: line skipped: "1024" key: not base64`,
		`2: line skipped: marker "@x": want @cert-authority or @revoked, and a space`,
		`3: line skipped: "` + strings.Fields(ed[:40])[1] + `" key: not base64`,
		`4: line skipped: key type mismatch: the line says "ssh-rsa", the key "ssh-ed25519"`,
		`5: line skipped: ssh-ed25519 key: cut off`,
		`6: line skipped: no key after the names`,
		`7: line skipped: no key after the names`,
		`8: line skipped: hashed name "|1|a|b": want |1|salt|hash`,
		`9: line skipped: two markers: one is allowed`,
		`10: line skipped: longer than 1048576 bytes`,
		`11: line skipped: ssh-dss key: 5 bytes too many`,
	}
	for i := range want {
		want[i] = name + ":" + want[i]
	}
	if got := db.Warnings(); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	got := load(t, strings.Repeat("bad\n", 1000)).Warnings()
	if len(got) != maxWarnings+1 || got[maxWarnings] != "known_hosts: 980 more bad lines skipped" {
		t.Errorf("got %d warnings, the last %q", len(got), got[len(got)-1])
	}
}

func TestOffer(t *testing.T) {
	t.Parallel()
	all := serverKeys(t)
	const (
		ecs   = "ecdsa-sha2-nistp256 ecdsa-sha2-nistp384 ecdsa-sha2-nistp521"
		plain = "ssh-ed25519 " + ecs + " rsa-sha2-512 rsa-sha2-256"
		certs = "ssh-ed25519-cert-v01@openssh.com ecdsa-sha2-nistp256-cert-v01@openssh.com ecdsa-sha2-nistp384-cert-v01@openssh.com " +
			"ecdsa-sha2-nistp521-cert-v01@openssh.com rsa-sha2-512-cert-v01@openssh.com rsa-sha2-256-cert-v01@openssh.com "
		rsaFirst = "rsa-sha2-512 rsa-sha2-256 ssh-ed25519 " + ecs
	)
	node, port := Address("node1", 22), Address("node1", 2222)
	for _, tt := range []struct {
		name, file string
		host       Host
		want       string
	}{
		{"nothing on file: OpenSSH's order", "", node, plain},
		{"the types on file first; RSA is two algorithms, and never ssh-rsa", "node1 {rsa}", node, rsaFirst},
		{"wildcard lines count", "node* {rsa}", node, rsaFirst},
		{"in our order, not in that of the lines", "node1 {rsa}\nnode1 {ed}", node, "ssh-ed25519 rsa-sha2-512 rsa-sha2-256 " + ecs},
		{"all hashed types, after those of the host", "node1 {ec}\n{hash node2} {rsa}", node, "ecdsa-sha2-nistp256 rsa-sha2-512 rsa-sha2-256 ssh-ed25519 ecdsa-sha2-nistp384 ecdsa-sha2-nistp521"},
		{"certificates of every type for an authority of any", "@cert-authority * {ca}", node, certs + plain},
		{"certificates for a hashed authority", "@cert-authority {hash node1} {ca}", node, certs + plain},
		{"no certificates for an authority of others", "@cert-authority node2 {ca}\n@cert-authority {hash node2} {ca}", node, plain},
		{"without port too", "@cert-authority node1 {ca}\nnode1 {rsa}", port, certs + rsaFirst},
		{"revoked keys do not count", "@revoked node1 {rsa}", node, plain},
		{"a type that x/crypto cannot do is not offered", "node1 {sk}", node, plain},
		{"DSA is not offered", "node1 {dsa}", node, plain},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := row{file: tt.file}.text(all)
			text = strings.NewReplacer("{sk}", "sk-ssh-ed25519@openssh.com "+blobOf("sk-ssh-ed25519@openssh.com", 2),
				"{dsa}", "ssh-dss "+blobOf("ssh-dss", 4)).Replace(text)
			db := load(t, text)
			if w := db.Warnings(); len(w) > 0 {
				t.Errorf("warnings %q", w)
			}
			if got := strings.Join(db.Offer(tt.host), " "); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// blobOf is a key of that many fields that nobody has.
func blobOf(keyType string, n int) string {
	blob := ssh.Marshal(struct{ S string }{keyType})
	for range n {
		blob = append(blob, ssh.Marshal(struct{ S string }{"x"})...)
	}
	return encode(blob)
}

func TestAgain(t *testing.T) {
	t.Parallel()
	all := serverKeys(t)
	node, port := Address("node1", 22), Address("node1", 2222)
	const plain = "ssh-ed25519 ecdsa-sha2-nistp256 ecdsa-sha2-nistp384 ecdsa-sha2-nistp521 rsa-sha2-512 rsa-sha2-256"
	for _, tt := range []struct {
		name, file, shown string
		host              Host
		state             State
		want              string
	}{
		{"final if OK", "{hash node1} {ed}\n{hash node1} {rsa}", "ed", node, OK, ""},
		{"final if a key of the type is on file", "node1 {other}\nnode1 {rsa}", "ed", node, Mismatch, ""},
		{"other types on file, in our order", "{hash node1} {rsa}\n{hash node1} {ec}", "ed", node, Mismatch, "ecdsa-sha2-nistp256 rsa-sha2-512 rsa-sha2-256"},
		{"final if unknown", "", "ed", node, Unknown, ""},
		{"final if revoked", "@revoked * {ed}\nnode1 {rsa}", "ed", node, Revoked, ""},
		{"other types on file without port", "{hash node1} {rsa}", "ed", port, Unknown, "rsa-sha2-512 rsa-sha2-256"},
		{"another authority: the plain key may be new", "@cert-authority * {other}", "ed/ca", node, Unknown, plain},
		{"another authority: the types on file", "@cert-authority * {other}\nnode1 {rsa}", "ed/ca", node, Mismatch, "rsa-sha2-512 rsa-sha2-256"},
		{"an expired certificate: the types on file", "@cert-authority * {ca}\nnode1 {rsa}", "ed/expired", node, BadCertificate, "rsa-sha2-512 rsa-sha2-256"},
		{"an expired certificate, nothing else on file: final", "@cert-authority * {ca}", "ed/expired", node, BadCertificate, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := load(t, row{file: tt.file}.text(all)).Check(tt.host, all[tt.shown].shown(), time.Now())
			if got := strings.Join(a.Again, " "); a.State != tt.state || got != tt.want {
				t.Errorf("got %d, %q, want %d, %q", a.State, got, tt.state, tt.want)
			}
		})
	}
}

func TestErr(t *testing.T) {
	t.Parallel()
	all := serverKeys(t)
	node := Address("node1", 22)
	show := func(name string) string { return Fingerprint(all[name].shown()) }
	for _, tt := range []struct{ file, shown, want string }{
		{"", "ed", "host key not on file: node1 shows {ed}: compare it with the host's, then add it"},
		{
			"node1 {rsa}\nnode1 {other}", "ed",
			"host key mismatch: node1 shows {ed}, on file is {other} at FILE:2: if the host was reinstalled, correct that line",
		},
		{"@revoked * {ed}", "ed", "host key {ed} of node1 is revoked at FILE:1: do not connect until you know why"},
		{
			"@cert-authority * {ca}", "ed/web",
			`host certificate of node1 for {ed/web}, signed by the authority at FILE:1, not accepted: it is not for "node1": have it renewed`,
		},
		{
			"@cert-authority * {ca2}", "ed/ca",
			"host certificate of node1 for {ed/ca} is signed by {ca}, which is not on file for it: compare the authority with the right one, then add it",
		},
	} {
		db := load(t, row{file: tt.file}.text(all))
		want := strings.ReplaceAll(tt.want, "FILE", db.files[0].name)
		for name := range all {
			want = strings.ReplaceAll(want, "{"+name+"}", show(name))
		}
		if got := db.Check(node, all[tt.shown].shown(), time.Now()).Err(); got == nil || got.Error() != want {
			t.Errorf("got  %v\nwant %s", got, want)
		}
	}
	db := load(t, "@cert-authority * "+all["ca"].line())
	for _, tt := range []struct {
		shown string
		when  time.Duration
		want  string
	}{
		{"ed/ca", 0, ""},
		{"ed/ca", 2 * time.Hour, "cert has expired"},
		{"ed/ca", -2 * time.Hour, "cert is not yet valid"},
		{"ed/user", 0, "it is not a host certificate"},
		{"ed/critical", 0, "it has critical options, and none is supported"},
	} {
		if a := db.Check(node, all[tt.shown].shown(), time.Now().Add(tt.when)); a.Reason != tt.want {
			t.Errorf("%s after %v: got %q, want %q", tt.shown, tt.when, a.Reason, tt.want)
		}
	}
	blob := all["short"].signer.PublicKey().Marshal()
	blob[len(blob)-128] &= 0x7f
	short, err := ssh.ParsePublicKey(blob)
	check(t, err)
	if a := load(t, "node1 "+all["ed"].line()).Check(node, short, time.Now()); a.State != ShortKey || a.Err() == nil {
		t.Errorf("an RSA key of 1023 bits: got %d, %v", a.State, a.Err())
	}
	if a := load(t, "* "+all["ed"].line()).Check(Host{}, all["ed"].shown(), time.Now()); a.State != Unknown {
		t.Errorf("no host: got %d", a.State)
	}
}

// ssh-keygen -l is the truth about fingerprints.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	keygen := tool(t, "ssh-keygen")
	for name, key := range serverKeys(t) {
		file := filepath.Join(t.TempDir(), "key.pub")
		write(t, file, string(ssh.MarshalAuthorizedKey(key.shown())))
		out, err := exec.Command(keygen, "-l", "-f", file).Output()
		check(t, err)
		words := strings.Fields(string(out)) // bits, fingerprint, comment, type
		if got, want := Fingerprint(key.shown()), fmt.Sprintf("%s %s", words[1], words[len(words)-1]); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	for keyType, want := range map[string]string{
		"sk-ssh-ed25519@openssh.com": "ED25519-SK", "sk-ecdsa-sha2-nistp256@openssh.com": "ECDSA-SK", "ssh-dss": "DSA", "x-y": "x-y",
	} {
		if got := label(keyType); got != want {
			t.Errorf("%s: got %s, want %s", keyType, got, want)
		}
	}
}

func TestMatchPatternIsNotExponential(t *testing.T) {
	t.Parallel()
	if matchPattern(strings.Repeat("a", 200), strings.Repeat("*a", 100)+"b") { // years, if done by recursion
		t.Error("matched")
	}
}
