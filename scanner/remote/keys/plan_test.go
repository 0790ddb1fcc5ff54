package keys

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
)

// constellation is files, an agent and settings, by the names of a box.
type constellation struct {
	name           string
	files          []string // to write: KEY, KEY.pub, KEY-cert.pub
	agent          []string // what the agent holds; none: no agent
	named          []string // IdentityFile
	defaults       []string
	certificates   []string // CertificateFile
	identitiesOnly bool
	algorithms     []string
	minRSA         int
	want           []string
	notes          string // in Offer.String
}

func (c constellation) build(t *testing.T) (*box, Wanted) {
	b := newBox(t)
	for _, name := range c.files {
		if plain, ok := strings.CutSuffix(name, "-cert.pub"); ok {
			b.certFile(plain, nil)
		} else if plain, ok := strings.CutSuffix(name, ".pub"); ok {
			b.public(plain)
		} else {
			b.file(name, "")
		}
	}
	return b, Wanted{
		Files: b.paths(c.named), Defaults: b.paths(c.defaults), Certificates: b.paths(c.certificates),
		IdentitiesOnly: c.identitiesOnly, Agent: b.inAgent(c.agent...), Algorithms: c.algorithms, MinRSA: c.minRSA,
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	for _, test := range []constellation{
		{name: "named files in order, then the agent's, then default files", files: []string{"a", "b", "d"}, agent: []string{"x", "y"}, named: []string{"b", "a"}, defaults: []string{"d"}, want: []string{"b", "a", "x", "y", "d"}},
		{name: "no agent", files: []string{"d1", "d2"}, defaults: []string{"d1", "d2"}, want: []string{"d1", "d2"}},
		{name: "a named key that the agent holds, too, is offered once", files: []string{"a"}, agent: []string{"x", "a"}, named: []string{"a"}, want: []string{"a", "x"}},
		{name: "a default file that the agent holds goes before its others", files: []string{"d1", "d2"}, agent: []string{"x", "d2"}, defaults: []string{"d1", "d2"}, want: []string{"d2", "x", "d1"}},
		{name: "a public key file names the agent's key", files: []string{"y.pub"}, agent: []string{"x", "y"}, named: []string{"y.pub"}, want: []string{"y", "x"}},
		{name: "FILE.pub names the agent's key where FILE is missing", files: []string{"y.pub"}, agent: []string{"x", "y"}, named: []string{"y"}, want: []string{"y", "x"}},
		{name: "IdentitiesOnly leaves out the agent's others", files: []string{"a", "y.pub"}, agent: []string{"x", "y"}, named: []string{"a", "y"}, identitiesOnly: true, want: []string{"a", "y"}},
		{name: "IdentitiesOnly with default files", files: []string{"d"}, agent: []string{"x", "d"}, defaults: []string{"d"}, identitiesOnly: true, want: []string{"d"}},
		{name: "IdentitiesOnly and nothing named", agent: []string{"x"}, identitiesOnly: true, want: []string{}},
		{name: "a missing file is passed over", files: []string{"a"}, named: []string{"missing", "a"}, want: []string{"a"}, notes: "key not used: open "},
		{name: "a missing default file is not worth a word", files: []string{"a"}, defaults: []string{"missing", "a"}, want: []string{"a"}},

		{name: "a certificate beside a key file goes before it", files: []string{"a", "b", "b-cert.pub"}, named: []string{"a", "b"}, want: []string{"a", "b-cert.pub", "b"}},
		{name: "a certificate beside a default file goes before it", files: []string{"d", "d-cert.pub"}, defaults: []string{"d"}, want: []string{"d-cert.pub", "d"}},
		{name: "CertificateFile goes first", files: []string{"a", "b", "b-cert.pub"}, named: []string{"a", "b"}, certificates: []string{"b-cert.pub"}, want: []string{"b-cert.pub", "a", "b"}},
		{name: "CertificateFile without .pub", files: []string{"a", "a-cert.pub"}, named: []string{"a"}, certificates: []string{"a-cert"}, want: []string{"a-cert.pub", "a"}},
		{name: "with CertificateFile, none beside a key file is read", files: []string{"a", "a-cert.pub", "b", "b-cert.pub"}, named: []string{"a", "b"}, certificates: []string{"b-cert.pub"}, want: []string{"b-cert.pub", "a", "b"}},
		{name: "CertificateFile with the key in the agent", files: []string{"x-cert.pub"}, agent: []string{"w", "x"}, certificates: []string{"x-cert.pub"}, want: []string{"x-cert.pub", "w", "x"}},
		{name: "CertificateFile with the same certificate in the agent, and no key", files: []string{"x-cert.pub"}, agent: []string{"w", "x-cert.pub"}, certificates: []string{"x-cert.pub"}, want: []string{"x-cert.pub", "w"}},
		{name: "CertificateFile with a key that only the agent knows, IdentitiesOnly", files: []string{"x-cert.pub"}, agent: []string{"x"}, certificates: []string{"x-cert.pub"}, identitiesOnly: true, want: []string{}, notes: "its private key, ssh-ed25519 SHA256:"},
		{name: "CertificateFile with a certificate that is in the agent without its key, IdentitiesOnly", files: []string{"x-cert.pub"}, agent: []string{"x-cert.pub"}, certificates: []string{"x-cert.pub"}, identitiesOnly: true, want: []string{}, notes: "is neither in a key file nor in the agent"},
		{name: "CertificateFile with a key of the agent that a file names, IdentitiesOnly", files: []string{"x-cert.pub", "x.pub"}, agent: []string{"w", "x"}, named: []string{"x"}, certificates: []string{"x-cert.pub"}, identitiesOnly: true, want: []string{"x-cert.pub", "x"}},
		{name: "CertificateFile without a private key", files: []string{"a", "x-cert.pub"}, named: []string{"a"}, certificates: []string{"x-cert.pub"}, want: []string{"a"}, notes: "is neither in a key file nor in the agent"},
		{name: "CertificateFile that is missing", files: []string{"a"}, named: []string{"a"}, certificates: []string{"x-cert.pub"}, want: []string{"a"}, notes: "certificate not used: open "},
		{name: "CertificateFile that is a plain key", files: []string{"a", "a.pub"}, named: []string{"a"}, certificates: []string{"a.pub"}, want: []string{"a"}, notes: "not a certificate but a plain key of type ssh-ed25519"},
		{name: "a certificate named as a key file", files: []string{"a", "a-cert.pub"}, named: []string{"a-cert.pub", "a"}, want: []string{"a-cert.pub", "a"}},
		{name: "a certificate beside a key that only the agent signs with", files: []string{"x.pub", "x-cert.pub"}, agent: []string{"x"}, named: []string{"x"}, identitiesOnly: true, want: []string{"x-cert.pub", "x"}},
		{name: "an agent's certificate goes before its plain key", agent: []string{"w", "x", "x-cert.pub"}, want: []string{"w", "x-cert.pub", "x"}},
		{name: "an agent's certificate without its plain key", agent: []string{"x-cert.pub", "w"}, want: []string{"x-cert.pub", "w"}},
		{name: "an agent's certificate for a named key goes before it", files: []string{"a"}, agent: []string{"w", "a-cert.pub"}, named: []string{"a"}, want: []string{"a-cert.pub", "a", "w"}},
		{name: "IdentitiesOnly leaves out an agent's certificate, also for a named key", files: []string{"a"}, agent: []string{"a", "a-cert.pub"}, named: []string{"a"}, identitiesOnly: true, want: []string{"a"}},
		{name: "IdentitiesOnly keeps an agent's certificate that a file names", files: []string{"a.pub", "a-cert.pub"}, agent: []string{"a-cert.pub"}, named: []string{"a"}, identitiesOnly: true, want: []string{"a-cert.pub"}, notes: "key not used: open "},
		{name: "the same certificate in a file and in the agent is offered once", files: []string{"a", "a-cert.pub"}, agent: []string{"a", "a-cert.pub"}, named: []string{"a"}, want: []string{"a-cert.pub", "a"}},

		{name: "at most five, and how many were left out", agent: []string{"a", "b", "c", "d", "e", "f", "g"}, want: []string{"a", "b", "c", "d", "e"}, notes: "5 ssh-ed25519; 2 more were not offered, because sshd gives up after six: name the right one with --private-key FILE, or set IdentitiesOnly"},
		{name: "PubkeyAcceptedAlgorithms leaves out other types", files: []string{"rsa", "ecdsa", "a"}, named: []string{"rsa", "ecdsa", "a"}, algorithms: []string{"ssh-ed25519", "rsa-sha2-256"}, want: []string{"rsa", "a"}, notes: "no signature that it makes is allowed"},
		{name: "PubkeyAcceptedAlgorithms names certificates by themselves", files: []string{"a", "a-cert.pub"}, named: []string{"a"}, algorithms: []string{"ssh-ed25519-cert-v01@openssh.com"}, want: []string{"a-cert.pub"}, notes: "no signature that it makes is allowed"},
		{name: "an empty PubkeyAcceptedAlgorithms allows nothing", files: []string{"a"}, named: []string{"a"}, algorithms: []string{}, want: []string{}, notes: "no key; key not used: ssh-ed25519 SHA256:"},
		{name: "RequiredRSASize", files: []string{"rsa", "a"}, named: []string{"rsa", "a"}, minRSA: 3072, want: []string{"a"}, notes: "its 2048 bits are fewer than 3072 (RequiredRSASize)"},
		{name: "RequiredRSASize holds for certificates and the agent", files: []string{"rsa-cert.pub"}, agent: []string{"rsa", "small"}, certificates: []string{"rsa-cert.pub"}, minRSA: 2048, want: []string{"rsa-cert.pub", "rsa"}, notes: "its 1024 bits"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b, wanted := test.build(t)
			o := newRing(t, Options{}).Offer(wanted)
			if diff := cmp.Diff(test.want, b.offered(o)); diff != "" {
				t.Errorf("offers (-want +got)\n%s\n%s", diff, o)
			}
			wantText(t, o.String(), test.notes)
			if test.notes == "" && strings.Contains(o.String(), ";") {
				t.Errorf("got %q, want nothing but kinds", o)
			}
		})
	}
}

// A certificate that cannot work costs none of the tries.
func TestCertificateThatIsNotOffered(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	at := uint64(now.Unix())
	for _, test := range []struct {
		name string
		edit func(*ssh.Certificate)
		now  time.Time
		want string // "": it is offered
	}{
		{"expired", func(c *ssh.Certificate) { c.ValidBefore = at }, now, "expired at 2026-03-04T05:06:07Z: renew it"},
		{"in its last second", func(c *ssh.Certificate) { c.ValidBefore = at + 1 }, now, ""},
		{"not yet valid", func(c *ssh.Certificate) { c.ValidAfter = at + 1 }, now, "not valid before 2026-03-04T05:06:08Z"},
		{"from this second", func(c *ssh.Certificate) { c.ValidAfter = at }, now, ""},
		{"never valid", func(c *ssh.Certificate) { c.ValidAfter = ssh.CertTimeInfinity }, now, "not valid before "},
		{"without a clock, dates do not count", func(c *ssh.Certificate) { c.ValidBefore = 1 }, time.Time{}, ""},
		{"for a host", func(c *ssh.Certificate) { c.CertType = ssh.HostCert }, now, "a host's certificate, not a user's"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t)
			r := newRing(t, Options{Now: func() time.Time { return test.now }})
			o := r.Offer(Wanted{Files: []string{b.file("a", "")}, Certificates: []string{b.certFile("a", test.edit)}})
			want := []string{"a-cert.pub", "a"}
			if test.want != "" {
				want = want[1:]
			}
			if diff := cmp.Diff(want, b.offered(o)); diff != "" {
				t.Errorf("offers (-want +got)\n%s", diff)
			}
			wantText(t, o.String(), test.want)
		})
	}
}

func TestCertificateBeginsAndEndsDuringARun(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	b := newBox(t)
	w := Wanted{Files: []string{b.file("a", "")}}
	b.certFile("a", func(c *ssh.Certificate) {
		c.ValidAfter, c.ValidBefore = uint64(now.Unix())+60, uint64(now.Unix())+120
	})
	clock := now
	r := newRing(t, Options{Now: func() time.Time { return clock }})
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {59 * time.Second, 1}, {60 * time.Second, 2}, {119 * time.Second, 2}, {120 * time.Second, 1}, {time.Hour, 1}} {
		clock = now.Add(step.after)
		if got := len(r.Offer(w).Signers()); got != step.want {
			t.Errorf("after %v: %d offers, want %d", step.after, got, step.want)
		}
	}
}

// What x/crypto may choose from is what it was given, in that order.
func TestAlgorithms(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	for _, test := range []struct {
		name string
		key  ssh.PublicKey
		list []string
		want []string
	}{
		{"RSA signs with SHA-2", b.key("rsa").PublicKey(), nil, []string{"rsa-sha2-512", "rsa-sha2-256"}},
		{"an RSA certificate, too", b.cert("rsa", nil), nil, []string{"rsa-sha2-512", "rsa-sha2-256"}},
		{"SHA-1 only by name", b.key("rsa").PublicKey(), []string{"rsa-sha2-256", "ssh-rsa"}, []string{"rsa-sha2-256", "ssh-rsa"}},
		{"a plain name does not allow a certificate", b.cert("rsa", nil), []string{"rsa-sha2-256", "ssh-rsa"}, nil},
		{"SHA-1 for a certificate, by name", b.cert("rsa", nil), []string{"ssh-rsa-cert-v01@openssh.com", "rsa-sha2-512-cert-v01@openssh.com"}, []string{"ssh-rsa", "rsa-sha2-512"}},
		{"others have one", b.key("ecdsa").PublicKey(), nil, []string{"ecdsa-sha2-nistp256"}},
		{"a certificate signs like its key", b.cert("ecdsa", nil), nil, []string{"ecdsa-sha2-nistp256"}},
		{"DSA never", dsaKey(t), []string{"ssh-dss"}, nil},
	} {
		plain := test.key
		if cert, ok := plain.(*ssh.Certificate); ok {
			plain = cert.Key
		}
		if diff := cmp.Diff(test.want, allowed(test.key, plain, test.list)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", test.name, diff)
		}
	}
}

// dsaKey is a public key of the type that nobody accepts.
func dsaKey(t testing.TB) ssh.PublicKey {
	t.Helper()
	parameter := func(bits uint) []byte {
		n := make([]byte, bits/8)
		n[0], n[len(n)-1] = 0x7f, 1
		return n
	}
	blob := ssh.Marshal(struct {
		Type       string
		P, Q, G, Y []byte
	}{"ssh-dss", append([]byte{0}, slices.Repeat([]byte{0xff}, 128)...), append([]byte{0}, slices.Repeat([]byte{0xff}, 20)...), parameter(1024), parameter(1024)})
	public, err := ssh.ParsePublicKey(blob)
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// Settings that differ must never share a plan.
func TestWantedID(t *testing.T) {
	t.Parallel()
	seen := make(map[string]int)
	for i, w := range []Wanted{
		{},
		{Files: []string{"a"}},
		{Files: []string{"a", "b"}},
		{Files: []string{"a b"}},
		{Files: []string{"a 1 b"}},
		{Files: []string{""}},
		{Defaults: []string{"a"}},
		{Certificates: []string{"a"}},
		{Agent: "a"},
		{IdentitiesOnly: true},
		{MinRSA: 1},
		{MinRSA: 10},
		{Algorithms: []string{}},
		{Algorithms: []string{"a"}},
		{Files: []string{"a\n1 1 b"}},
		{Files: []string{"a"}, Defaults: []string{"b"}},
	} {
		if first, ok := seen[w.ID()]; ok {
			t.Errorf("settings %d and %d have the same id %q", first, i, w.ID())
		}
		seen[w.ID()] = i
	}
}

func BenchmarkOffer(b *testing.B) {
	box := newBox(b)
	r := newRing(b, Options{Now: time.Now})
	w := Wanted{Files: []string{box.file("a", ""), box.file("b", "")}, Defaults: DefaultFiles(box.dir), Agent: box.inAgent("x", "y", "z")}
	box.certFile("a", nil)
	b.ReportAllocs()
	for b.Loop() {
		if len(r.Offer(w).Signers()) != MaxOffers {
			b.Fatal("not five offers")
		}
	}
}
