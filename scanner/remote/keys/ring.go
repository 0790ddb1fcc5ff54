// Package keys holds what a login may sign with: the keys of an ssh-agent,
// key files and certificates, and the order in which a server sees them.
//
// A [Ring] reads every file and every agent once per run. [Ring.Prepare] does
// so while somebody is there to type a passphrase; [Ring.Offer] then is one
// lookup per login. The rules are those of OpenSSH's ssh (sshconnect2.c,
// pubkey_prepare, and ssh.c, load_public_identity_files), with five
// differences: a key that is named goes before the agent's other keys even if
// only its file can sign, a certificate beside a key file goes before the
// plain key, a certificate whose dates do not fit is not offered, there are
// never more than [MaxOffers], and of these the one that worked last for the
// same user comes first.
//
// An agent is only asked to list its keys and to sign. It is never forwarded.
// Keys restricted to a destination (ssh-add -h) cannot be used: they need
// session-bind@openssh.com (OpenSSH's PROTOCOL.agent), which signs over parts
// of the key exchange that golang.org/x/crypto/ssh does not give out.
package keys

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options is what all logins of a run share.
type Options struct {
	// Ask returns the passphrase of an encrypted key file. It is called at most
	// once per file, never concurrently, and only by Prepare; it must not use
	// the Ring, which overwrites what it returns. nil: there is nobody to ask.
	Ask func(keyFile string) ([]byte, error)

	// AgentConcurrency is how many signatures one agent is asked for at once.
	// 0: DefaultAgentConcurrency. 1 suits keys that want a touch each.
	AgentConcurrency int

	// Now is the clock for the dates of certificates. nil: their dates are not
	// looked at, as ssh does not.
	Now func() time.Time
}

// Wanted is what the settings of one login name: ssh_config and flags, with
// every path expanded. The zero value wants nothing.
type Wanted struct {
	// User is whom the login is as. It only has a say in which key comes first.
	User string

	// Files are the key files that are named (IdentityFile), in order. A public
	// key, or FILE.pub where FILE is missing, names a key of the agent.
	Files []string

	// Defaults are the key files to try unasked where none is named; see
	// DefaultFiles.
	Defaults []string

	// Certificates are the certificates that are named (CertificateFile). Only
	// if there is none, FILE-cert.pub beside each key file is read: ssh_config(5),
	// IdentityFile.
	Certificates []string

	// IdentitiesOnly leaves out keys and certificates that only the agent
	// knows. It still signs for the ones named here.
	IdentitiesOnly bool

	// Agent is the Unix socket or Windows named pipe of the agent. "": none.
	Agent string

	// Algorithms are the signature algorithms allowed (PubkeyAcceptedAlgorithms,
	// without patterns), most wanted first. nil: all but ssh-rsa, which is
	// SHA-1 and off since OpenSSH 8.8. An empty list allows none. ssh-dss is
	// never used.
	Algorithms []string

	// MinRSA is the least size of an RSA key, in bits (RequiredRSASize). 0:
	// 1024, as OpenSSH.
	MinRSA int
}

// ID is the same for equal settings, and only for them. The user is none.
func (w Wanted) ID() string {
	b := make([]byte, 0, 512)
	for _, list := range [][]string{w.Files, w.Defaults, w.Certificates, {w.Agent}, w.Algorithms} {
		b = strconv.AppendInt(b, int64(len(list)), 10)
		for _, text := range list {
			b = append(strconv.AppendInt(append(b, ' '), int64(len(text)), 10), ' ')
			b = append(b, text...)
		}
		b = append(b, '\n')
	}
	b = strconv.AppendBool(b, w.Algorithms == nil)
	b = strconv.AppendBool(b, w.IdentitiesOnly)
	return string(strconv.AppendInt(b, int64(w.MinRSA), 10))
}

// DefaultFiles are the files that ssh tries unasked, in its order: readconf.c,
// fill_default_options, without DSA and XMSS.
func DefaultFiles(home string) []string {
	var paths []string
	for _, name := range []string{"id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk"} {
		paths = append(paths, filepath.Join(home, ".ssh", name))
	}
	return paths
}

// Ring holds every key that a run may use. It is safe for concurrent use.
type Ring struct {
	options Options

	mu     sync.Mutex
	files  map[string]keyFile
	certs  map[string]certFile
	agents map[string]*agentKeys // by socket
	plans  map[string]*plan      // by Wanted.ID
	closed bool
}

// New makes a Ring that has read nothing yet. Close it after use.
func New(options Options) *Ring {
	if options.AgentConcurrency <= 0 {
		options.AgentConcurrency = DefaultAgentConcurrency
	}
	if options.Now == nil {
		options.Now = func() time.Time { return time.Time{} }
	}
	return &Ring{
		options: options,
		files:   make(map[string]keyFile),
		certs:   make(map[string]certFile),
		agents:  make(map[string]*agentKeys),
		plans:   make(map[string]*plan),
	}
}

// Offer puts the keys for one login in order: the one that worked last for this
// user, and then the others as ssh does. Every login needs its own. It reads
// nothing that was read before for the same Wanted, and never asks.
func (r *Ring) Offer(w Wanted) *Offer {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.plan(w)
	return newOffer(p, p.worked[w.User], func(i int) {
		r.mu.Lock()
		defer r.mu.Unlock()
		p.worked[w.User] = i
	})
}

// Prepare reads what the logins will use, asks for passphrases, and says in
// one line each what was named and cannot be used. Default files are worth a
// question only where there is nothing else. required are the files that must
// work for one of the logins at least: the flags'. The error means that one of
// them does not, or that no login has a key; there is none of the latter kind
// with more, which says that wanted is not the whole list.
func (r *Ring) Prepare(wanted []Wanted, required []string, more bool) (warnings []string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var why []string
	usable, seen := false, make(map[string]bool)
	for _, w := range wanted {
		id := w.ID()
		if seen[id] {
			continue
		}
		seen[id] = true
		p := r.prepare(w)
		usable = usable || len(p.keys) > 0
		for _, problem := range p.problems {
			if !slices.Contains(warnings, problem.text) && !slices.Contains(required, problem.file) {
				warnings = append(warnings, problem.text)
			}
		}
		for _, aside := range p.asides {
			if !slices.Contains(why, aside.text) {
				why = append(why, aside.text)
			}
		}
	}
	for _, path := range required {
		if err := r.unusable(path, wanted); err != nil {
			return nil, fmt.Errorf("private key: %w", err)
		}
	}
	if usable || more {
		return warnings, nil
	}
	return nil, noKey(wanted, append(warnings, why...))
}

// prepare asks for the passphrases that one login may need.
func (r *Ring) prepare(w Wanted) *plan {
	agent := r.agent(w.Agent)
	for _, path := range w.Files {
		r.ask(path, agent)
	}
	for _, path := range w.Defaults {
		if len(r.plan(w).keys) > 0 {
			break
		}
		r.ask(path, agent)
	}
	return r.plan(w)
}

// unusable says why none of the logins that name the file can use it.
func (r *Ring) unusable(path string, wanted []Wanted) error {
	var why error
	for _, w := range wanted {
		if !slices.Contains(w.Files, path) {
			continue
		}
		problems := r.plan(w).problems
		i := slices.IndexFunc(problems, func(n note) bool { return n.file == path })
		if i < 0 {
			return nil
		}
		why = errors.New(strings.TrimPrefix(problems[i].text, keyNotUsed))
	}
	if why == nil { // no login names it
		r.ask(path, nil)
		why = r.file(path).err
	}
	return why
}

// noKey explains that there is nothing to log in with.
func noKey(wanted []Wanted, why []string) error {
	agent, files := "no agent (SSH_AUTH_SOCK is not set)", []string(nil)
	for _, w := range wanted {
		if w.Agent != "" {
			agent = "no key in the agent at " + w.Agent
		}
		if len(w.Defaults) > 0 {
			files = w.Defaults
		}
	}
	text := "no key to log in with: " + agent
	if len(files) > 0 {
		text += ", and no usable key file among " + strings.Join(files, ", ")
	}
	text += "; name one with --private-key FILE"
	if len(why) > 0 {
		text += " (" + strings.Join(why, "; ") + ")"
	}
	return errors.New(text)
}

// Close ends the connections to agents. Signatures that they have not made
// fail, also those asked for later.
func (r *Ring) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, a := range r.agents {
		a.close()
	}
}
