package keys

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
)

// Offer is the keys that one login shows, and what has become of them. It is
// safe for concurrent use, but belongs to one login.
type Offer struct {
	plan    *plan
	signers []ssh.Signer
	worked  func(i int) // notes that a key of the plan did

	mu       sync.Mutex
	signed   int // the key of the plan that signed last; -1: none did
	started  bool
	rest     []ssh.Signer // after the last that was to sign
	refused  bool         // that one did not
	partial  int          // successes that were not enough, so far
	refusals []string
}

// newOffer offers the key first of the plan before the others.
func newOffer(p *plan, first int, worked func(i int)) *Offer {
	o := &Offer{plan: p, signers: make([]ssh.Signer, len(p.keys)), worked: worked, signed: -1}
	own := make([]signer, len(p.keys))
	for i := range p.keys {
		place := i
		switch {
		case i == first:
			place = 0
		case i < first:
			place++
		}
		own[i] = signer{key: &p.keys[i], offer: o, index: i, place: place}
		o.signers[place] = &own[i]
	}
	return o
}

// Worked says that the login came through. The next one as this user with the
// same keys then begins with the key that signed here: each wrong one before it
// costs a round trip.
func (o *Offer) Worked() {
	o.mu.Lock()
	signed := o.signed
	o.mu.Unlock()
	if signed >= 0 {
		o.worked(signed)
	}
}

// Signers are the keys and certificates, in order, at most MaxOffers. Each is
// an ssh.MultiAlgorithmSigner for exactly the algorithms that are allowed.
func (o *Offer) Signers() []ssh.Signer { return o.signers }

// Left is how many more keys there are than may be offered.
func (o *Offer) Left() int { return o.plan.left }

// Next is the ssh.ClientAuthCallback of the login; ssh.ClientConfig.Auth stays
// empty. x/crypto ends a publickey method at the first key that fails to sign,
// where ssh goes on (sshconnect2.c, sign_and_send_pubkey). Next then returns a
// method with the keys that have not had their turn, and likewise when the
// server wants another key after a good one. No key is offered twice.
func (o *Offer) Next(auth *ssh.ClientAuthContext) (ssh.AuthMethod, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var signers []ssh.Signer
	switch more := len(auth.PartialSuccessMethods) > o.partial; {
	case !slices.Contains(auth.AllowedMethods, "publickey"):
	case !o.started:
		o.started = true
		signers = o.signers
	case o.refused, more:
		signers = o.rest
	}
	o.refused, o.partial = false, len(auth.PartialSuccessMethods)
	if len(signers) == 0 {
		return nil, nil
	}
	return ssh.PublicKeys(signers...), nil
}

// Refusals are the signatures that an agent, or a file's key, did not make,
// one line each.
func (o *Offer) Refusals() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.refusals)
}

// maxNotes bounds what String tells about keys that are not used.
const maxNotes = 5

// String says in one line, for the error of a failed login, what was offered,
// what failed to sign, and what was not offered and why.
func (o *Offer) String() string {
	parts := append([]string{kinds(o.plan.keys)}, o.Refusals()...)
	if o.plan.left > 0 {
		parts = append(parts, fmt.Sprintf("%d more were not offered, because sshd gives up after six: "+
			"name the right one with --private-key FILE, or set IdentitiesOnly", o.plan.left))
	}
	notes := slices.Concat(o.plan.problems, o.plan.asides)
	for _, note := range notes[:min(len(notes), maxNotes)] {
		parts = append(parts, note.text)
	}
	if more := len(notes) - maxNotes; more > 0 {
		parts = append(parts, fmt.Sprintf("%d more not used", more))
	}
	return strings.Join(parts, "; ")
}

// kinds counts the types of keys.
func kinds(keys []key) string {
	if len(keys) == 0 {
		return "no key"
	}
	var order []string
	count := make(map[string]int)
	for _, key := range keys {
		kind := key.public.Type()
		if count[kind]++; count[kind] == 1 {
			order = append(order, kind)
		}
	}
	for i, kind := range order {
		order[i] = fmt.Sprintf("%d %s", count[kind], kind)
	}
	return strings.Join(order, ", ")
}

// signer is a key of one Offer.
type signer struct {
	key   *key
	offer *Offer
	index int // among the plan's keys
	place int // among the Offer's
}

var _ ssh.MultiAlgorithmSigner = (*signer)(nil)

func (s *signer) PublicKey() ssh.PublicKey { return s.key.public }

func (s *signer) Algorithms() []string { return s.key.algorithms }

func (s *signer) Sign(random io.Reader, data []byte) (*ssh.Signature, error) {
	return s.SignWithAlgorithm(random, data, s.key.algorithms[0])
}

// SignWithAlgorithm waits for an agent as long as that takes.
func (s *signer) SignWithAlgorithm(_ io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	var signature *ssh.Signature
	err := fmt.Errorf("%q is not among the algorithms allowed: %q", algorithm, s.key.algorithms)
	if slices.Contains(s.key.algorithms, algorithm) {
		signature, err = s.key.sign(data, algorithm)
	}
	s.offer.mu.Lock()
	defer s.offer.mu.Unlock()
	s.offer.rest, s.offer.refused = s.offer.signers[s.place+1:], err != nil
	if err == nil {
		s.offer.signed = s.index
		return signature, nil
	}
	refusal := fmt.Sprintf("%s refused to sign with %s: %v", s.key.signedBy, describe(s.key.public), err)
	s.offer.refusals = append(s.offer.refusals, refusal)
	return nil, errors.New(refusal)
}
