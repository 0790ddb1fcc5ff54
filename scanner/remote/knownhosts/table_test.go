package knownhosts

import (
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// row is one case of the shared table. In file, {ed} and so on stand for the keys
// of servers below, as a line of known_hosts has them; {tab} is a tab, {nul} a zero
// byte, and {hash NAME} a hashed name.
type row struct {
	name   string
	file   string
	host   Host
	server string // the server's keys, separated by blanks
	state  State
	lines  string // the numbers of the lines that decided
	found  string // the numbers of all lines for the host

	xcrypto string // why x/crypto's knownhosts judges otherwise. Empty: it agrees
	ssh     string // why ssh is not asked, or what it says. Empty: it agrees
}

const (
	unknown  = "unknown"                             // what ssh says of a certificate that is not valid: it goes on to the plain key
	versions = "not asked: OpenSSH before 10.3 says" // see the package comment
)

// Where x/crypto's package differs from OpenSSH.
const (
	badLine    = "one bad line fails the whole file, or a line is not cut as in C"
	noFolding  = "the case of a pattern matters"
	noPort     = "a pattern without port is for port 22 only (golang/go#52056)"
	noPortStar = "a port is no pattern"
	noBare     = "there is no look-up without port"
	noFallback = "a certificate that is not accepted is not judged as a plain key"
	noWildcard = "a principal has no wildcards"
)

func table() []row {
	node, port, alias := Address("node1", 22), Address("node1", 2222), Alias("web")
	return []row{
		{"a key on file", "node1 {ed}", node, "ed", OK, "1", "1", "", ""},
		{"comments and blank lines are no lines", "# x\n\n  \t# y\nnode1 {ed} a comment", node, "ed", OK, "4", "4", "", ""},
		{"nothing on file", "node2 {ed}", node, "ed", Unknown, "", "", "", ""},
		{"an empty file", "", node, "ed", Unknown, "", "", "", ""},
		{"another key of the type", "node1 {other}", node, "ed", Mismatch, "1", "1", "", ""},
		{"another key of another type is a mismatch too", "node1 {ed}", node, "ec", Mismatch, "1", "1", "", ""},
		{"several keys of one type", "node1 {other}\nnode1 {ed}", node, "ed", OK, "2", "1 2", "", ""},
		{"the types on file are asked for (golang/go#29286): ed25519", "node1 {ed}", node, "rsa ec ed", OK, "1", "1", "", ""},
		{"the types on file are asked for (golang/go#29286): rsa", "node1 {rsa}", node, "ed ec rsa", OK, "1", "1", "", ""},
		{"the types on file are asked for: hashed, by connecting again", "{hash node1} {rsa}\n{hash node2} {other}", node, "ed ec rsa", OK, "1", "1", "", ""},
		{"a name of RSA's signatures as a type (sshkey.c, keyimpls)", "node1 rsa-sha2-512 {rsa blob}", node, "rsa", OK, "1", "1", badLine, ""},
		{"a list of names", "a,node1,b {ed}", node, "ed", OK, "1", "1", "", ""},
		{"the case of the name does not matter", "node1 {ed}", Address("NODE1", 0), "ed", OK, "1", "1", "", ""},
		{"the case of the pattern does not matter", "NoDe1 {ed}", node, "ed", OK, "1", "1", noFolding, ""},
		{"the case of a hashed name does not matter", "{hash node1} {ed}", Address("Node1", 22), "ed", OK, "1", "1", "", ""},
		{"hashed", "{hash node2} {other}\n{hash node1} {ed}", node, "ed", OK, "2", "2", "", ""},
		{"hashed, another key", "{hash node1} {other}", node, "ed", Mismatch, "1", "1", "", ""},
		{"hashed with a port", "{hash [node1]:2222} {ed}", port, "ed", OK, "1", "1", "", ""},

		{"a star", "*.example.com {ed}", Address("a.b.example.com", 22), "ed", OK, "1", "1", "", ""},
		{"a question mark is one character", "node? {ed}\nnod? {other}", node, "ed", OK, "1", "1", "", ""},
		{"negation beats a match", "node*,!node1 {ed}", node, "ed", Unknown, "", "", "", ""},
		{"negation alone is no match", "!node2 {ed}", node, "ed", Unknown, "", "", "", ""},
		{"negation beats a match, without wildcards", "node1,!node1 {ed}", node, "ed", Unknown, "", "", "", ""},
		{"negation of another name", "!node2,node* {ed}", node, "ed", OK, "1", "1", "", ""},

		{"a port", "[node1]:2222 {ed}", port, "ed", OK, "1", "1", "", ""},
		{"another port", "[node1]:2223 {ed}", port, "ed", Unknown, "", "", "", ""},
		{"[host]:22 is not the name for port 22", "[node1]:22 {ed}", node, "ed", Unknown, "", "", "it takes [node1]:22 for node1", ""},
		{"a star matches a port too", "* {ed}", port, "ed", OK, "1", "1", noPort, ""},
		{"a star for the port", "[node1]:* {ed}", port, "ed", OK, "1", "1", noPortStar, ""},
		{"without port: the same key counts", "node1 {ed}", port, "ed", OK, "1", "", noBare, ""},
		{"without port: hashed", "{hash node1} {ed}", port, "ed", OK, "1", "", noBare, ""},
		{"without port: another key is no mismatch", "node1 {other}", port, "ed", Unknown, "", "", "", ""},
		{"without port: not if there is a line with it", "[node1]:2222 {other}\nnode1 {ed}", port, "ed", Mismatch, "1", "1", "", ""},
		{"without port: revoked", "@revoked node1 {ed}", port, "ed", Revoked, "1", "", "", ""},
		{"without port: an authority", "@cert-authority node1 {ca}", port, "ed/ca", OK, "1", "", noBare, ""},

		{"HostKeyAlias has no port", "web {ed}", alias, "ed", OK, "1", "1", "", ""},
		{"HostKeyAlias does not match a name with port", "[web]:2222 {ed}", alias, "ed", Unknown, "", "", "", ""},
		{"HostKeyAlias: case does not matter", "{hash web} {ed}", Alias("WEB"), "ed", OK, "1", "1", "", ""},
		{"HostKeyAlias is the principal", "@cert-authority web {ca}", alias, "ed/web", OK, "1", "1", "", ""},

		{"an address", "192.0.2.7 {ed}", Address("192.0.2.7", 22), "ed", OK, "1", "1", "", ""},
		{"IPv6", "2001:db8::7 {ed}", Address("2001:db8::7", 22), "ed", OK, "1", "1", "", ""},
		{"IPv6 with a port", "[2001:db8::7]:2222 {ed}", Address("2001:DB8::7", 2222), "ed", OK, "1", "1", "", ""},
		{"IPv6 with a zone", "[fe80::1%eth0]:2222 {ed}", Address("fe80::1%eth0", 2222), "ed", OK, "1", "1", "", ""},

		{"an authority of another type than the host's key", "@cert-authority node1 {ca}", node, "ed/ca", OK, "1", "1", "", ""},
		{"an authority for all, on another port", "@cert-authority * {ca}", port, "ed/ca", OK, "1", "1", noPort, ""},
		{"an authority, hashed", "@cert-authority {hash node1} {ca}", node, "ed/ca", OK, "1", "1", "", ""},
		{"a certificate goes before a plain key on file", "node1 {other}\n@cert-authority node1 {ca}", node, "ed/ca", OK, "2", "1 2", "", ""},
		{"an RSA host certificate", "@cert-authority node1 {ca}", node, "rsa/ca", OK, "1", "1", "", ""},
		{"another authority", "@cert-authority node1 {other}", node, "ed/ca", Unknown, "", "1", "", ""},
		{"another authority, plain key on file", "@cert-authority node1 {other}\nnode1 {ed}", node, "ed/ca", OK, "2", "1 2", noFallback, ""},
		{"another authority, another plain key on file", "@cert-authority node1 {ca2}\nnode1 {other}", node, "ed/ca", Mismatch, "2", "1 2", "", ""},
		{"another authority, plain key of another type on file", "@cert-authority node1 {ca2}\nnode1 {rsa}", node, "ed/ca rsa", OK, "2", "1 2", "", "changed: it does not connect again"},
		{"no authority, plain key on file", "node1 {ed}", node, "ed/ca", OK, "1", "1", "", ""},
		{"an authority for another name", "@cert-authority node2 {ca}\nnode1 {ed}", node, "ed/ca", OK, "2", "2", "", ""},
		{"a plain key that is an authority's own", "@cert-authority node1 {ed}", node, "ed", Unknown, "", "1", "it takes any key of the host's lines", ""},
		{"a plain key, and an authority on file", "@cert-authority node1 {ca}", node, "ed", Unknown, "", "1", "", ""},
		{"an unmarked line does not make an authority", "node1 {ca}", node, "ed/ca", Mismatch, "1", "1", "", ""},
		{"a line that holds a certificate is no plain key", "node1 {ed/ca}", node, "ed", Mismatch, "1", "1", "", ""},

		{"a certificate for another name", "@cert-authority * {ca}", node, "ed/web", BadCertificate, "1", "1", "", unknown},
		{"a certificate for another name, plain key on file", "@cert-authority * {ca}\nnode1 {ed}", node, "ed/web", OK, "2", "1 2", noFallback, ""},
		{"an expired certificate", "@cert-authority * {ca}", node, "ed/expired", BadCertificate, "1", "1", "", unknown},
		{"an expired certificate, plain key on file", "@cert-authority * {ca}\nnode1 {ed}", node, "ed/expired", OK, "2", "1 2", noFallback, ""},
		{"a certificate that is not valid yet", "@cert-authority * {ca}", node, "ed/early", BadCertificate, "1", "1", "", unknown},
		{"a user certificate", "@cert-authority * {ca}", node, "ed/user", BadCertificate, "1", "1", "", "not asked: sshd does not show one"},
		{"a critical option", "@cert-authority * {ca}", node, "ed/critical", BadCertificate, "1", "1", "", unknown},
		{"an authority that signs with SHA-1", "@cert-authority * {rsa}", node, "ed/sha1", BadCertificate, "1", "1", "it accepts ssh-rsa", unknown},
		{"a principal with wildcards", "@cert-authority * {ca}", Address("a.example.com", 22), "ed/wild", OK, "1", "1", noWildcard, versions + " unknown"},
		{"a principal with wildcards, for another domain", "@cert-authority * {ca}", Address("a.example.org", 22), "ed/wild", BadCertificate, "1", "1", "", unknown},
		{"no principals", "@cert-authority * {ca}", node, "ed/nobody", BadCertificate, "1", "1", "it takes none for any", versions + " OK"},
		{"the principal has no port", "@cert-authority [node1]:2222 {ca}", port, "ed/ca", OK, "1", "1", "", ""},

		{"revoked", "@revoked node1 {ed}", node, "ed", Revoked, "1", "1", "", ""},
		{"revoked for all, on another port", "@revoked * {ed}\n[node1]:2222 {ed}", port, "ed", Revoked, "1", "1 2", "", ""},
		{"revoked after it was on file as good", "node1 {ed}\n@revoked * {ed}", node, "ed", Revoked, "2", "1 2", "", ""},
		{"revoked, hashed", "node1 {ed}\n@revoked {hash node1} {ed}", node, "ed", Revoked, "2", "1 2", "", ""},
		{"revoked, one of two keys", "node1 {ec}\n@revoked * {ed}", node, "ec", OK, "1", "1 2", "", ""},
		{"revoked for another host", "node1 {ed}\n@revoked node2 {ed}", node, "ed", OK, "1", "1", "it revokes for all hosts", ""},
		{"the key in a certificate is revoked", "@cert-authority * {ca}\n@revoked * {ed}", node, "ed/ca", Revoked, "2", "1 2", "", ""},
		{"the authority is revoked", "@cert-authority * {ca}\n@revoked * {ca}", node, "ed/ca", Revoked, "2", "1 2", "", ""},
		{"the authority is revoked, plain key on file", "@cert-authority * {ca}\n@revoked * {ca}\nnode1 {ed}", node, "ed/ca", Revoked, "2", "1 2 3", "", ""},
		{"a revoked line that holds a certificate", "node1 {ed}\n@revoked * {ed/ca}", node, "ed", Revoked, "2", "1 2", "", ""},

		{"bad line skipped: an SSH1 key", "node1 1024 35 1234567890\nnode1 {ed}", node, "ed", OK, "2", "2", badLine, ""},
		{"bad key skipped: cut off", "node1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA\nnode1\nnode1 ssh-ed25519\nnode1 {ed}", node, "ed", OK, "4", "4", badLine, ""},
		{"bad line skipped: an unknown marker", "@trusted node1 {other}\nnode1 {ed}", node, "ed", OK, "2", "2", badLine, ""},
		{"bad line skipped: two markers", "@revoked @cert-authority node1 {ed}\nnode1 {ed}", node, "ed", OK, "2", "2", badLine, ""},
		{"bad key skipped: the type is another", "node1 ssh-rsa {ed blob}\nnode1 {ed}", node, "ed", OK, "2", "2", badLine, ""},
		{"bad line skipped: a bad hash", "|1|AAAA|BBBB {other}\nnode1 {ed}", node, "ed", OK, "2", "2", "", ""},
		{"bad key skipped: RSA of 1023 bits", "node1 {short}\nnode1 {ed}", node, "ed", OK, "2", "2", "", ""},
		{"bad line skipped: a marker ends at the first space of the line, not at a tab", "node1 {ed}\n@revoked{tab}* {ed}", node, "ed", OK, "1", "1", "it takes a tab", ""},
		{"a marker ends at a tab if there is no space", "node1 {ed}\n@revoked{tab}*{tab}ssh-ed25519{tab}{ed blob}", node, "ed", Revoked, "2", "1 2", "", ""},
		{"a line ends at a zero byte", "node1 {ed} x{nul}y\nnode1 {other}{nul}z", node, "ed", OK, "1", "1 2", badLine, ""},
		{"bad line skipped: a name of more than 1022 characters", "node1," + strings.Repeat("a", 1023) + " {ed}", node, "ed", Unknown, "", "", "it knows no bound", ""},
		{"lines may be long", "node1," + strings.Repeat("a,", 50_000) + "b {ed}", node, "ed", OK, "1", "1", badLine, ""},
		{"lines may end with CR LF", "node1 {ed}\r\n", node, "ed", OK, "1", "1", "", ""},
		{"the last line needs no newline", "node2 {other}\nnode1 {ed}", node, "ed", OK, "2", "2", "", ""},
	}
}

// serverKeys are the keys of the table: a slash separates a key from the kind of
// its certificate.
func serverKeys(t testing.TB) map[string]hostKey {
	t.Helper()
	short, err := rsa.GenerateKey(rand.Reader, 1024) // as short as Go makes them
	check(t, err)
	ed, ec, rsaKey, ca := newED25519(t), newECDSA(t), newRSA(t), newECDSA(t)
	forever := func(c *ssh.Certificate) { c.ValidAfter, c.ValidBefore = 0, ssh.CertTimeInfinity }
	sha1, err := ssh.NewSignerWithAlgorithms(rsaKey.signer.(ssh.AlgorithmSigner), []string{ssh.KeyAlgoRSA})
	check(t, err)
	return map[string]hostKey{
		"ed": ed, "ec": ec, "rsa": rsaKey, "ca": ca, "ca2": newECDSA(t), "other": newED25519(t), "short": newHostKey(t, short),
		"ed/ca":       ed.signed(t, ca, nil, "db", "node1"),
		"rsa/ca":      rsaKey.signed(t, ca, forever, "node1"),
		"ed/web":      ed.signed(t, ca, nil, "web"),
		"ed/wild":     ed.signed(t, ca, nil, "*.example.com"),
		"ed/nobody":   ed.signed(t, ca, nil),
		"ed/expired":  ed.signed(t, ca, func(c *ssh.Certificate) { c.ValidAfter, c.ValidBefore = 0, 1 }, "node1"),
		"ed/early":    ed.signed(t, ca, func(c *ssh.Certificate) { c.ValidAfter = c.ValidBefore - 1 }, "node1"),
		"ed/user":     ed.signed(t, ca, func(c *ssh.Certificate) { c.CertType = ssh.UserCert }, "node1"),
		"ed/critical": ed.signed(t, ca, func(c *ssh.Certificate) { c.CriticalOptions = map[string]string{"x": ""} }, "node1"),
		"ed/sha1":     ed.signed(t, hostKey{signer: sha1}, nil, "node1"),
	}
}

// text fills in the keys of a row's file.
func (r row) text(keys map[string]hostKey) string {
	text := r.file
	for name, key := range keys {
		line := key.line()
		if key.cert != nil {
			line = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key.cert)))
		}
		if name == "short" { // 1024 bits are enough: cut them down to 1023
			blob := key.signer.PublicKey().Marshal()
			blob[len(blob)-128] &= 0x7f
			line = "ssh-rsa " + encode(blob)
		}
		_, blob, _ := strings.Cut(line, " ")
		text = strings.NewReplacer("{"+name+"}", line, "{"+name+" blob}", blob).Replace(text)
	}
	for _, name := range []string{"node1", "node2", "[node1]:2222", "web"} {
		text = strings.ReplaceAll(text, "{hash "+name+"}", hashName(name))
	}
	return strings.NewReplacer("{tab}", "\t", "{nul}", "\x00").Replace(text)
}

func (r row) keys(all map[string]hostKey) []hostKey {
	var server []hostKey
	for name := range strings.FieldsSeq(r.server) {
		server = append(server, all[name])
	}
	return server
}

func TestTable(t *testing.T) {
	t.Parallel()
	all := serverKeys(t)
	for _, r := range table() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			db := load(t, r.text(all))
			a := connect(db, r.host, r.keys(all), time.Now())
			if got := numbers(a.Lines); a.State != r.state || got != r.lines {
				t.Errorf("got state %d by lines %q, want %d by %q: %v", a.State, got, r.state, r.lines, a.Err())
			}
			if got := numbers(db.OnFile(r.host)); got != r.found {
				t.Errorf("on file: got lines %q, want %q", got, r.found)
			}
			if bad := strings.HasPrefix(r.name, "bad "); bad != (len(db.Warnings()) > 0) {
				t.Errorf("warnings: %q", db.Warnings())
			}
			if (a.Err() == nil) != (a.State == OK) {
				t.Errorf("state %d and error %v", a.State, a.Err())
			}
		})
	}
}
