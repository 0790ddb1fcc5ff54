package remote

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
)

// maxOffers is how many keys one login may offer. sshd ends a connection at
// the sixth failure (sshd_config(5), MaxAuthTries), and since OpenSSH 9.8 it
// also begins to count against our address.
const maxOffers = 5

// dsa is the type of keys that no current server accepts (OpenSSH 10 removed
// it): not worth one of the tries.
const dsa = "ssh-dss"

// keyFile is what one key file holds. The zero signer means that only an
// agent can sign with it.
type keyFile struct {
	public ssh.PublicKey // nil: not known
	signer ssh.Signer    // nil: encrypted, a public key, or unusable
	err    error         // why signer is nil
}

// errEncrypted marks a key file that nobody could be asked about.
var errEncrypted = errors.New("encrypted: add it to ssh-agent (ssh-add FILE), or run in a terminal to be asked for its passphrase")

// keyring holds every key that a run may use. It is safe for concurrent use.
type keyring struct {
	ask func(keyFile string) ([]byte, error) // nil: nobody to ask

	mu     sync.Mutex
	files  map[string]keyFile
	agents map[string]*agentKeys // by socket
}

// defaultKeyNames are the files in ~/.ssh that OpenSSH tries unasked
// (ssh_config(5), IdentityFile), strongest first. Hardware-backed ones only
// work through an agent.
func defaultKeyNames() []string { return []string{"id_ed25519", "id_ecdsa", "id_rsa"} }

func defaultKeys(home string) []string {
	var paths []string
	for _, name := range defaultKeyNames() {
		paths = append(paths, filepath.Join(home, ".ssh", name))
	}
	return paths
}

// file reads a key file once and keeps the answer. Only with ask may it ask
// for a passphrase: never from a worker, where nobody is listening. agent, if
// not nil, spares the question for keys that it holds.
func (k *keyring) file(path string, ask bool, agent *agentKeys) keyFile {
	k.mu.Lock()
	defer k.mu.Unlock()
	known, ok := k.files[path]
	if ok && (!ask || !errors.Is(known.err, errEncrypted)) {
		return known
	}
	if !ok {
		known = readKeyFile(path)
	}
	if ask && k.ask != nil && errors.Is(known.err, errEncrypted) && !agent.holds(known.public) {
		known = k.decrypt(path, known)
	}
	k.files[path] = known
	return known
}

// readKeyFile reads a private key, or the public key that names one in an
// agent.
func readKeyFile(path string) keyFile {
	text, err := os.ReadFile(path)
	if err != nil {
		return keyFile{err: err}
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err == nil {
		return keyFile{public: signer.PublicKey(), signer: signer}
	}
	var missing *ssh.PassphraseMissingError
	if errors.As(err, &missing) {
		public := missing.PublicKey
		if public == nil { // an old PEM file: the public key is beside it
			if beside, err := os.ReadFile(path + ".pub"); err == nil {
				public, _, _, _, _ = ssh.ParseAuthorizedKey(beside)
			}
		}
		return keyFile{public: public, err: fmt.Errorf("%s: %w", path, errEncrypted)}
	}
	if public, _, _, _, perr := ssh.ParseAuthorizedKey(text); perr == nil {
		return keyFile{public: public, err: fmt.Errorf("%s: a public key, and the agent does not hold its private half: name the private key file", path)}
	}
	return keyFile{err: fmt.Errorf("%s: not a private key: %s", path, strings.TrimPrefix(err.Error(), "ssh: "))}
}

func (k *keyring) decrypt(path string, locked keyFile) keyFile {
	passphrase, err := k.ask(path)
	if err != nil {
		return keyFile{public: locked.public, err: fmt.Errorf("%s: no passphrase: %w", path, err)}
	}
	defer clear(passphrase)
	text, err := os.ReadFile(path)
	if err != nil {
		return keyFile{public: locked.public, err: err}
	}
	signer, err := ssh.ParsePrivateKeyWithPassphrase(text, passphrase)
	switch {
	case errors.Is(err, x509.IncorrectPasswordError):
		return keyFile{public: locked.public, err: fmt.Errorf("%s: wrong passphrase", path)}
	case err != nil:
		return keyFile{public: locked.public, err: fmt.Errorf("%s: not a private key: %w", path, err)}
	}
	return keyFile{public: signer.PublicKey(), signer: signer}
}

// offer is the keys that one login shows the server, in order.
type offer struct {
	signers []ssh.Signer
	left    int // how many more there were
}

// offer puts the keys for a target in order: those named for it, the
// agent's, and the default files where none was named. It is one list for one
// publickey method, because a second method of that name is never tried.
func (k *keyring) offer(t *target) offer {
	agent := k.agent(t.agent)
	var signers []ssh.Signer
	add := func(signer ssh.Signer) {
		if signer == nil || signer.PublicKey().Type() == dsa {
			return
		}
		if !slices.ContainsFunc(signers, func(s ssh.Signer) bool { return sameKey(s.PublicKey(), signer.PublicKey()) }) {
			signers = append(signers, signer)
		}
	}
	addFiles := func(paths []string) {
		for _, path := range paths {
			file := k.file(path, false, agent)
			if signer := agent.signer(file.public); signer != nil {
				add(signer)
			} else {
				add(file.signer)
			}
		}
	}
	addFiles(t.identityFiles)
	if t.identitiesOnly {
		addFiles(t.defaultFiles)
	} else {
		for _, signer := range agent.all() {
			add(signer)
		}
		addFiles(t.defaultFiles)
	}
	if left := len(signers) - maxOffers; left > 0 {
		return offer{signers[:maxOffers], left}
	}
	return offer{signers: signers}
}

// String counts the kinds, for a failed login.
func (o offer) String() string {
	if len(o.signers) == 0 {
		return "no key"
	}
	var kinds []string
	count := make(map[string]int)
	for _, signer := range o.signers {
		kind := signer.PublicKey().Type()
		if count[kind]++; count[kind] == 1 {
			kinds = append(kinds, kind)
		}
	}
	for i, kind := range kinds {
		kinds[i] = fmt.Sprintf("%d %s", count[kind], kind)
	}
	return strings.Join(kinds, ", ")
}

// prepare reads the keys that a run can use, asks for passphrases, and says
// what it had to leave out. Its error means that no login can work; there is
// none with more, which says that targets is not the whole list.
func (k *keyring) prepare(cfg Config, targets []*target, more bool) (warnings []string, err error) {
	agent := k.agent(cfg.AgentSocket)
	usable := len(agent.all()) > 0
	for _, path := range cfg.PrivateKeys {
		file := k.file(path, true, agent)
		if file.err != nil && !agent.holds(file.public) {
			return nil, fmt.Errorf("private key: %w", file.err)
		}
		usable = true
	}
	seen := make(map[string]bool)
	for _, t := range targets {
		for _, path := range t.identityFiles {
			if seen[path] || slices.Contains(cfg.PrivateKeys, path) {
				continue
			}
			seen[path] = true
			agent := k.agent(t.agent)
			file := k.file(path, true, agent)
			if file.err == nil || agent.holds(file.public) {
				usable = true
			} else {
				warnings = append(warnings, "key of ssh_config not used: "+file.err.Error())
			}
		}
		usable = usable || len(k.agent(t.agent).all()) > 0
	}
	var why []string
	for _, path := range defaultKeys(cfg.Home) {
		file := k.file(path, !usable, agent) // a default key is worth a question only when there is no other
		switch {
		case file.err == nil:
			usable = true
		case !errors.Is(file.err, fs.ErrNotExist):
			why = append(why, file.err.Error())
		}
	}
	for _, socket := range slices.Sorted(maps.Keys(k.agents)) {
		if a := k.agents[socket]; a.err != nil {
			warnings = append(warnings, a.err.Error())
		}
	}
	if usable || more {
		return warnings, nil
	}
	return nil, noKey(cfg, append(warnings, why...))
}

// noKey explains that there is nothing to log in with.
func noKey(cfg Config, why []string) error {
	agent := "no agent (SSH_AUTH_SOCK is not set)"
	if cfg.AgentSocket != "" {
		agent = "no key in the agent at " + cfg.AgentSocket
	}
	text := fmt.Sprintf("no key to log in with: %s, and no usable key file among %s; name one with --private-key FILE",
		agent, strings.Join(defaultKeys(cfg.Home), ", "))
	if len(why) > 0 {
		text += " (" + strings.Join(why, "; ") + ")"
	}
	return errors.New(text)
}
