package keys

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"
)

// MaxOffers is how many keys one login shows. sshd ends a connection at the
// sixth failure (sshd_config(5), MaxAuthTries), and since OpenSSH 9.8 it also
// begins to count against our address.
const MaxOffers = 5

// plan is what every login with the same Wanted offers.
type plan struct {
	keys     []key     // at most MaxOffers
	left     int       // how many more there were
	problems []note    // of what was named, and of the agent
	asides   []note    // of the rest: worth a word when a login has failed
	until    time.Time // when a certificate begins or ends; zero: never

	worked map[string]int // the key that worked last, by user
}

// note says why something is not used.
type note struct{ file, text string }

// key is a key, or a certificate, and what signs for it.
type key struct {
	public     ssh.PublicKey
	algorithms []string // of signatures, most wanted first
	signedBy   string   // for an error: "the agent", or a file
	sign       func(data []byte, algorithm string) (*ssh.Signature, error)
}

// keyNotUsed begins what Prepare says about a key.
const keyNotUsed = "key not used: "

// plan returns the plan for w: kept until a certificate begins or ends.
func (r *Ring) plan(w Wanted) *plan {
	id, now := w.ID(), r.options.Now()
	p, ok := r.plans[id]
	if !ok || !p.until.IsZero() && !now.Before(p.until) {
		b := planner{ring: r, wanted: w, agent: r.agent(w.Agent), now: now, plan: &plan{worked: make(map[string]int)}, decided: make(map[string]bool)}
		b.run()
		p = b.plan
		r.plans[id] = p
	}
	return p
}

// planner puts the keys of one Wanted in order.
type planner struct {
	ring    *Ring
	wanted  Wanted
	agent   *agentKeys
	now     time.Time
	plan    *plan
	decided map[string]bool // blobs
}

// run goes through everything in the order of the offers. They make one list
// for one publickey method: x/crypto never tries a second one of that name.
func (b *planner) run() {
	if a := b.agent; a != nil && a.err != nil {
		b.note(&b.plan.problems, a.socket, "%w", a.err)
	} else if a != nil && len(a.keys) == 0 {
		b.note(&b.plan.asides, a.socket, "the agent at %s lists no keys: it is empty, or locked (ssh-add -X unlocks it)", a.socket)
	}
	for _, path := range b.wanted.Certificates {
		if file := b.ring.certificate(path); file.err != nil {
			b.note(&b.plan.problems, path, "certificate not used: %w", file.err)
		} else {
			b.certificate(file.cert, path, false, &b.plan.problems)
		}
	}
	for _, path := range b.wanted.Files {
		b.file(path, &b.plan.problems)
	}
	for _, path := range b.wanted.Defaults { // ssh too prefers those that the agent holds
		if b.agent.holds(b.ring.file(path).public) {
			b.file(path, &b.plan.asides)
		}
	}
	if !b.wanted.IdentitiesOnly {
		for _, public := range b.agent.all() {
			b.agentKey(public)
		}
	}
	for _, path := range b.wanted.Defaults {
		b.file(path, &b.plan.asides)
	}
	if left := len(b.plan.keys) - MaxOffers; left > 0 {
		b.plan.keys, b.plan.left = b.plan.keys[:MaxOffers:MaxOffers], left
	}
}

// note adds a line to a list, once.
func (b *planner) note(list *[]note, file, format string, args ...any) {
	if n := (note{file, fmt.Errorf(format, args...).Error()}); !slices.Contains(*list, n) {
		*list = append(*list, n)
	}
}

// file adds the certificates for a key file, then its key.
func (b *planner) file(path string, notes *[]note) {
	file := b.ring.file(path)
	if cert, ok := file.public.(*ssh.Certificate); ok {
		b.certificate(cert, path, true, notes)
		return
	}
	if len(b.wanted.Certificates) == 0 {
		switch beside := b.ring.certificate(path + "-cert"); {
		case beside.err == nil:
			b.certificate(beside.cert, path+"-cert.pub", true, notes)
		case !errors.Is(beside.err, fs.ErrNotExist):
			b.note(notes, path+"-cert.pub", "certificate not used: %w", beside.err)
		}
	}
	if file.public != nil && !b.wanted.IdentitiesOnly {
		b.agentCertificates(file.public)
	}
	switch {
	case b.agent.holds(file.public):
		b.add(b.byAgent(file.public, file.public), path, notes)
	case file.signer != nil:
		b.add(byFile(file.public, file.signer, path), path, notes)
	case notes == &b.plan.problems || !errors.Is(file.err, fs.ErrNotExist):
		b.note(notes, path, keyNotUsed+"%w", file.err)
	}
}

// agentKey adds a key that only the agent knows, after its certificates.
func (b *planner) agentKey(public ssh.PublicKey) {
	if cert, ok := public.(*ssh.Certificate); ok {
		if !b.agent.holds(cert.Key) {
			b.certificate(cert, "in the agent", false, &b.plan.asides)
		}
		return
	}
	b.agentCertificates(public)
	b.add(b.byAgent(public, public), "in the agent", &b.plan.asides)
}

// agentCertificates adds the agent's certificates for a key.
func (b *planner) agentCertificates(public ssh.PublicKey) {
	for _, other := range b.agent.all() {
		if cert, ok := other.(*ssh.Certificate); ok && sameKey(cert.Key, public) {
			b.certificate(cert, "in the agent", false, &b.plan.asides)
		}
	}
}

// certificate adds a certificate if it can work now. isKeyFile says that it is
// named as a key file, or lies beside one.
func (b *planner) certificate(cert *ssh.Certificate, where string, isKeyFile bool, notes *[]note) {
	problem := ""
	switch {
	case cert.CertType != ssh.UserCert:
		problem = "a host's certificate, not a user's"
	case !b.now.IsZero():
		problem = b.dates(cert)
	}
	if problem == "" {
		if k, ok := b.signerFor(cert, isKeyFile); ok {
			b.add(k, where, notes)
			return
		}
		problem = fmt.Sprintf("its private key, %s, is neither in a key file nor in the agent", describe(cert.Key))
	}
	if !b.decided[string(cert.Marshal())] {
		b.note(notes, where, "certificate not used: %s %s: %s", describe(cert), where, problem)
	}
}

// dates says what is wrong with a certificate's dates, and remembers when that
// will change. Both count seconds since 1970; the last one is excluded
// (PROTOCOL.certkeys).
func (b *planner) dates(cert *ssh.Certificate) string {
	now := uint64(max(b.now.Unix(), 0))
	for _, edge := range []uint64{cert.ValidAfter, cert.ValidBefore} {
		if edge > now && edge <= math.MaxInt64 {
			if at := time.Unix(int64(edge), 0); b.plan.until.IsZero() || at.Before(b.plan.until) {
				b.plan.until = at
			}
		}
	}
	switch {
	case now < cert.ValidAfter:
		return "not valid before " + date(cert.ValidAfter)
	case now >= cert.ValidBefore:
		return "expired at " + date(cert.ValidBefore) + ": renew it"
	}
	return ""
}

func date(seconds uint64) string {
	return time.Unix(int64(min(seconds, math.MaxInt64)), 0).UTC().Format(time.RFC3339)
}

// signerFor finds what signs for a certificate. With IdentitiesOnly, ssh uses
// of the agent only what equals a key file, or the certificate beside it
// (sshconnect2.c, pubkey_prepare).
func (b *planner) signerFor(cert *ssh.Certificate, isKeyFile bool) (key, bool) {
	paths := slices.Concat(b.wanted.Files, b.wanted.Defaults)
	isNamed := func(path string) bool { return sameKey(b.ring.file(path).public, cert.Key) }
	all := !b.wanted.IdentitiesOnly
	if b.agent.holds(cert) && (all || isKeyFile) {
		return b.byAgent(cert, cert), true
	}
	if b.agent.holds(cert.Key) && (all || slices.ContainsFunc(paths, isNamed)) {
		return b.byAgent(cert, cert.Key), true
	}
	for _, path := range paths {
		if file := b.ring.file(path); file.signer != nil && isNamed(path) {
			return byFile(cert, file.signer, path), true
		}
	}
	return key{}, false
}

func (b *planner) byAgent(public, signWith ssh.PublicKey) key {
	a := b.agent
	return key{public: public, signedBy: "the agent", sign: func(data []byte, algorithm string) (*ssh.Signature, error) {
		return a.sign(signWith, data, algorithm)
	}}
}

func byFile(public ssh.PublicKey, signer ssh.AlgorithmSigner, path string) key {
	return key{public: public, signedBy: path, sign: func(data []byte, algorithm string) (*ssh.Signature, error) {
		return signer.SignWithAlgorithm(rand.Reader, data, algorithm)
	}}
}

// add puts a key at the end of the plan, unless its blob was decided on before
// or it must not be used.
func (b *planner) add(k key, where string, notes *[]note) {
	blob := string(k.public.Marshal())
	if b.decided[blob] {
		return
	}
	b.decided[blob] = true
	plain := k.public
	if cert, ok := plain.(*ssh.Certificate); ok {
		plain = cert.Key
	}
	least := cmp.Or(b.wanted.MinRSA, 1024)
	k.algorithms = allowed(k.public, plain, b.wanted.Algorithms)
	switch bits := rsaBits(plain); {
	case bits > 0 && bits < least:
		b.note(notes, where, keyNotUsed+"%s %s: its %d bits are fewer than %d (RequiredRSASize)", describe(k.public), where, bits, least)
	case len(k.algorithms) == 0:
		b.note(notes, where, keyNotUsed+"%s %s: no signature that it makes is allowed (PubkeyAcceptedAlgorithms)", describe(k.public), where)
	default:
		b.plan.keys = append(b.plan.keys, k)
	}
}

// allowed are the algorithms of the signatures that a key makes and that may
// be used. A list names a certificate's by other names than a plain key's.
func allowed(public, plain ssh.PublicKey, list []string) []string {
	type algorithm struct{ name, signature string }
	known := []algorithm{{public.Type(), plain.Type()}}
	switch public.Type() {
	case "ssh-dss", "ssh-dss-cert-v01@openssh.com":
		return nil // OpenSSH 10 removed it, no current server accepts it
	case ssh.KeyAlgoRSA:
		known = []algorithm{{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA512}, {ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA256}}
	case ssh.CertAlgoRSAv01:
		known = []algorithm{{ssh.CertAlgoRSASHA512v01, ssh.KeyAlgoRSASHA512}, {ssh.CertAlgoRSASHA256v01, ssh.KeyAlgoRSASHA256}}
	}
	if list != nil && plain.Type() == ssh.KeyAlgoRSA {
		known = append(known, algorithm{public.Type(), ssh.KeyAlgoRSA})
	}
	var names []string
	if list == nil {
		for _, a := range known {
			names = append(names, a.signature)
		}
	}
	for _, name := range list {
		if i := slices.IndexFunc(known, func(a algorithm) bool { return a.name == name }); i >= 0 && !slices.Contains(names, known[i].signature) {
			names = append(names, known[i].signature)
		}
	}
	return names
}

// rsaBits is the size of an RSA key. 0: another key.
func rsaBits(public ssh.PublicKey) int {
	if inside, ok := public.(ssh.CryptoPublicKey); ok {
		if key, ok := inside.CryptoPublicKey().(*rsa.PublicKey); ok {
			return key.N.BitLen()
		}
	}
	return 0
}

// describe names a key as ssh-add -l does.
func describe(public ssh.PublicKey) string {
	return public.Type() + " " + ssh.FingerprintSHA256(public)
}

// sameKey compares blobs. nil is like nothing.
func sameKey(a, b ssh.PublicKey) bool {
	return a != nil && b != nil && string(a.Marshal()) == string(b.Marshal())
}
