package keys

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"golang.org/x/crypto/ssh"
)

// maxFile bounds a key file, in bytes: OpenSSH's MAX_KEY_FILE_SIZE (authfile.c).
const maxFile = 1 << 20

// keyFile is what one key file holds.
type keyFile struct {
	public    ssh.PublicKey       // nil: not known. A certificate, if the file is one
	signer    ssh.AlgorithmSigner // nil: see err
	encrypted bool                // a passphrase would help
	err       error               // why there is no signer
}

// certFile is a certificate read from a file.
type certFile struct {
	cert *ssh.Certificate // nil: see err
	err  error
}

// file reads a key file once.
func (r *Ring) file(path string) keyFile {
	file, ok := r.files[path]
	if !ok {
		file = readKey(path)
		r.files[path] = file
	}
	return file
}

// certificate reads a certificate once.
func (r *Ring) certificate(path string) certFile {
	file, ok := r.certs[path]
	if !ok {
		file = readCertificate(path)
		r.certs[path] = file
	}
	return file
}

// ask asks for the passphrase of a file, once, if that would help and the
// agent does not hold the key.
func (r *Ring) ask(path string, agent *agentKeys) {
	file := r.file(path)
	if !file.encrypted || r.options.Ask == nil || agent.holds(file.public) {
		return
	}
	file.encrypted = false
	passphrase, err := r.options.Ask(path)
	defer clear(passphrase)
	switch {
	case err != nil:
		file.err = fmt.Errorf("%s: no passphrase: %w", path, err)
	case len(passphrase) == 0:
		file.err = fmt.Errorf("%s: no passphrase given", path)
	default:
		file.signer, file.err = decrypt(path, passphrase)
	}
	if file.signer != nil {
		file.public = file.signer.PublicKey()
	}
	r.files[path] = file
	clear(r.plans)
}

// readFile reads a regular file of at most maxFile bytes.
func readFile(path string) ([]byte, fs.FileInfo, error) {
	file, err := open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s: not a regular file: name a key file", path)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, nil, err
	}
	if len(text) > maxFile {
		return nil, nil, fmt.Errorf("%s: not a key file: larger than %d KiB", path, maxFile>>10)
	}
	return text, info, nil
}

// readKey reads a private key, or the public key that names one in an agent.
func readKey(path string) keyFile {
	text, info, err := readFile(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return keyFile{public: publicBeside(path), err: fmt.Errorf("%w: expected a key file there", err)}
		}
		return keyFile{err: fmt.Errorf("%w: expected a key file that you may read", err)}
	}
	file := parseKey(text)
	if file.public == nil {
		file.public = publicBeside(path)
	}
	if private := file.signer != nil || file.encrypted; private && unprotected(info) {
		// authfile.c, sshkey_perm_ok.
		return keyFile{public: file.public, err: fmt.Errorf(
			"%s: others may read this private key (mode %04o), so ssh refuses it too: chmod 600 %[1]s", path, info.Mode().Perm())}
	}
	if file.err != nil {
		file.err = fmt.Errorf("%s: %w", path, file.err)
	}
	return file
}

// publicBeside reads FILE.pub, the public half of a private key that does not
// show it.
func publicBeside(path string) ssh.PublicKey {
	text, _, err := readFile(path + ".pub")
	if err != nil {
		return nil
	}
	public, _ := parsePublic(text)
	return public
}

// parsePublic reads a public key in the form of authorized_keys.
func parsePublic(text []byte) (ssh.PublicKey, error) {
	public, _, _, _, err := ssh.ParseAuthorizedKey(text)
	return public, err
}

// parseKey reads the text of a key file. Its errors do not name the file.
func parseKey(text []byte) keyFile {
	if err := foreign(text); err != nil {
		return keyFile{err: err}
	}
	block, text := privateBlock(text)
	if block == nil {
		public, err := parsePublic(text)
		if err != nil {
			return keyFile{err: errors.New("not a private key: no key found")}
		}
		return keyFile{public: public, err: errors.New("a public key, and the agent does not hold its private half: name the private key file")}
	}
	file := keyFile{public: containerPublic(block)}
	if file.public != nil && strings.HasPrefix(file.public.Type(), "sk-") {
		file.err = errors.New("a key on a security key (FIDO), which only an agent can use: add it to ssh-agent (ssh-add FILE)")
		return file
	}
	if block.Type == "ENCRYPTED PRIVATE KEY" {
		file.err = errors.New("encrypted as PKCS#8: add it to ssh-agent (ssh-add FILE), or rewrite it in OpenSSH's format with ssh-keygen -p -f FILE")
		return file
	}
	signer, err := ssh.ParsePrivateKey(text)
	var missing *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &missing):
		file.encrypted = true
		file.err = errors.New("encrypted: add it to ssh-agent (ssh-add FILE), or run in a terminal to be asked for its passphrase")
	case err != nil:
		file.err = notPrivate(err)
	default:
		file.setSigner(signer)
	}
	return file
}

func (f *keyFile) setSigner(signer ssh.Signer) {
	f.public = signer.PublicKey()
	var ok bool
	if f.signer, ok = signer.(ssh.AlgorithmSigner); !ok {
		f.err = fmt.Errorf("keys of type %s are not supported", signer.PublicKey().Type())
	}
}

func notPrivate(err error) error {
	return fmt.Errorf("not a private key that kletscan can read: %s", strings.TrimPrefix(err.Error(), "ssh: "))
}

// foreign recognizes the formats of other programs.
func foreign(text []byte) error {
	for _, format := range []struct{ start, problem string }{
		{"PuTTY-User-Key-File-", "a PuTTY key: convert it with puttygen FILE -O private-openssh -o NEWFILE"},
		{"---- BEGIN SSH2 ", "a key in the format of ssh.com: convert it with ssh-keygen -i -f FILE > NEWFILE"},
		{"SSH PRIVATE KEY FILE FORMAT 1.1", "a key for SSH version 1, which no server accepts: make a new one with ssh-keygen"},
	} {
		if bytes.HasPrefix(text, []byte(format.start)) {
			return errors.New(format.problem)
		}
	}
	return nil
}

// privateBlock finds the first PEM block with a private key: openssl writes
// one with EC PARAMETERS before it. The text that it returns begins there; if
// there is no such block, it is the whole.
func privateBlock(text []byte) (*pem.Block, []byte) {
	for from := text; ; {
		block, rest := pem.Decode(from)
		if block == nil {
			return nil, text
		}
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return block, from
		}
		from = rest
	}
}

// containerPublic reads the public half that OpenSSH's own format keeps
// outside the encrypted part (PROTOCOL.key). nil: another format, or damaged.
func containerPublic(block *pem.Block) ssh.PublicKey {
	const magic = "openssh-key-v1\x00"
	container, ok := bytes.CutPrefix(block.Bytes, []byte(magic))
	if block.Type != "OPENSSH PRIVATE KEY" || !ok {
		return nil
	}
	var fields struct {
		Cipher, KDF, KDFOptions string
		Keys                    uint32
		Public                  []byte
		Rest                    []byte `ssh:"rest"`
	}
	if ssh.Unmarshal(container, &fields) != nil || fields.Keys != 1 {
		return nil
	}
	public, err := ssh.ParsePublicKey(fields.Public)
	if err != nil {
		return nil
	}
	return public
}

// decrypt reads an encrypted private key.
func decrypt(path string, passphrase []byte) (ssh.AlgorithmSigner, error) {
	text, _, err := readFile(path)
	if err != nil {
		return nil, err
	}
	_, text = privateBlock(text)
	signer, err := ssh.ParsePrivateKeyWithPassphrase(text, passphrase)
	if errors.Is(err, x509.IncorrectPasswordError) {
		return nil, fmt.Errorf("%s: wrong passphrase", path)
	}
	if err != nil { // an old format does not always notice a wrong passphrase
		return nil, fmt.Errorf("%s: wrong passphrase, or %w: try to add it to ssh-agent (ssh-add %[1]s)", path, notPrivate(err))
	}
	var file keyFile
	file.setSigner(signer)
	return file.signer, file.err
}

// readCertificate reads a certificate; as for ssh, .pub may be left off.
func readCertificate(path string) certFile {
	text, _, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if other, _, otherErr := readFile(path + ".pub"); otherErr == nil {
			path, text, err = path+".pub", other, nil
		}
	}
	if err != nil {
		return certFile{err: err}
	}
	public, err := parsePublic(text)
	if err != nil {
		return certFile{err: fmt.Errorf("%s: not a certificate: %s", path, strings.TrimPrefix(err.Error(), "ssh: "))}
	}
	cert, ok := public.(*ssh.Certificate)
	if !ok {
		return certFile{err: fmt.Errorf("%s: not a certificate but a plain key of type %s", path, public.Type())}
	}
	return certFile{cert: cert}
}
