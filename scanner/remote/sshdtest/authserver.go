package sshdtest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
)

// The names of the methods of RFC 4252 and RFC 4256 that an [AuthServer] knows,
// in the order in which it offers them.
const (
	PublicKey           = "publickey"
	Password            = "password"
	KeyboardInteractive = "keyboard-interactive"
)

// AuthOptions are what an [AuthServer] asks for.
type AuthOptions struct {
	HostKeys []*Key // nil: an ed25519 key of its own
	Accounts []Account
	Banner   string   // shown before authentication; "": none
	MaxTries int      // failures until it hangs up; 0: 6, as sshd; negative: any number
	Exec     ExecFunc // nil: [Echo]
	Forward  bool     // direct-tcpip is permitted, as on a bastion
}

// Account is a user of an [AuthServer]. It accepts the methods that it has
// something for.
//
// Whoever begins is offered the first methods of all accounts, as the server does
// not know the user yet. ssh gives a method up for good once it has failed with
// it: it does not try a key as the second step if some account begins with keys.
type Account struct {
	User     string
	Keys     []*Key   // nil: no publickey
	Password string   // "": no password
	Rounds   []Round  // nil: no keyboard-interactive
	Steps    []string // methods that must all succeed, in this order (partial success); nil: one is enough
}

// Round is one request of keyboard-interactive. It may have no prompts.
type Round struct {
	Name, Instruction string
	Prompts           []Prompt
}

// Prompt is one question of a [Round].
type Prompt struct {
	Text   string
	Echo   bool   // what is typed may be seen
	Answer string // the right one
}

// Secret is a password, or an answer to a prompt, that the server was offered.
type Secret struct {
	User   string
	Prompt string // "": the password of the method password
	Text   string // right or wrong
}

// AuthServer is an SSH server that authenticates as sshd cannot without PAM.
type AuthServer struct {
	Endpoint
	HostKeys []*Key

	opts  AuthOptions
	conns *acceptor

	mu          sync.Mutex
	connections int
	logins      int
	forwards    int
	attempts    map[string]int
	secrets     []Secret
}

// StartAuth runs an AuthServer until the test ends.
func StartAuth(t testing.TB, opts AuthOptions) *AuthServer {
	t.Helper()
	s := &AuthServer{opts: opts, HostKeys: opts.HostKeys, conns: newAcceptor(t), attempts: make(map[string]int)}
	if s.HostKeys == nil {
		s.HostKeys = []*Key{NewHome(t).Key("host_ed25519", "ed25519", "")}
	}
	listeners, port := listen(t, "127.0.0.1")
	s.Endpoint = Endpoint{"127.0.0.1", port}
	t.Cleanup(func() { listeners[0].Close() })
	s.conns.accept(listeners[0], s.handle)
	return s
}

// Connections counts the connections, whatever became of them.
func (s *AuthServer) Connections() int { return locked(s, func() int { return s.connections }) }

// Logins counts the logins that succeeded.
func (s *AuthServer) Logins() int { return locked(s, func() int { return s.logins }) }

// Forwards counts the connections that it was asked to forward.
func (s *AuthServer) Forwards() int { return locked(s, func() int { return s.forwards }) }

// Attempts counts what was offered by a method, right or wrong: keys, passwords,
// or begun dialogues of keyboard-interactive. A key counts once in a connection,
// whether it was only asked for or also used.
func (s *AuthServer) Attempts(method string) int {
	return locked(s, func() int { return s.attempts[method] })
}

// Secrets are the passwords and answers that the server was offered, in order.
func (s *AuthServer) Secrets() []Secret {
	return locked(s, func() []Secret { return slices.Clone(s.secrets) })
}

func locked[T any](s *AuthServer, read func() T) T {
	s.mu.Lock()
	defer s.mu.Unlock()
	return read()
}

// KnownHostsLine is as that of [Server].
func (s *AuthServer) KnownHostsLine(hashed bool, names ...string) string {
	return s.knownHosts(s.HostKeys, hashed, names)
}

func (s *AuthServer) handle(conn net.Conn) {
	s.mu.Lock()
	s.connections++
	s.mu.Unlock()
	first := s.callbacks(s.firstMethods(), 0)
	config := &ssh.ServerConfig{
		MaxAuthTries:                s.opts.MaxTries,
		PublicKeyCallback:           first.PublicKeyCallback,
		PasswordCallback:            first.PasswordCallback,
		KeyboardInteractiveCallback: first.KeyboardInteractiveCallback,
	}
	if s.opts.Banner != "" {
		config.BannerCallback = func(ssh.ConnMetadata) string { return s.opts.Banner }
	}
	after := &sessions{conns: s.conns, exec: s.opts.Exec}
	if s.opts.Forward {
		after.forwarded = func() { s.mu.Lock(); s.forwards++; s.mu.Unlock() }
	}
	after.serve(conn, config, s.HostKeys, func() { s.mu.Lock(); s.logins++; s.mu.Unlock() })
}

// firstMethods are the methods by which any account may begin.
func (s *AuthServer) firstMethods() []string {
	var methods []string
	for _, a := range s.opts.Accounts {
		methods = append(methods, a.methods(0)...)
	}
	return methods
}

// methods are those by which the account goes on after so many steps.
func (a *Account) methods(step int) []string {
	if a.Steps != nil {
		return a.Steps[step : step+1]
	}
	var methods []string
	if a.Keys != nil {
		methods = append(methods, PublicKey)
	}
	if a.Password != "" {
		methods = append(methods, Password)
	}
	if a.Rounds != nil {
		methods = append(methods, KeyboardInteractive)
	}
	return methods
}

// callbacks are those of the methods that are offered after so many steps.
func (s *AuthServer) callbacks(methods []string, step int) ssh.ServerAuthCallbacks {
	var offered ssh.ServerAuthCallbacks
	if slices.Contains(methods, PublicKey) {
		offered.PublicKeyCallback = func(meta ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			return s.judge(meta, PublicKey, step, func(a *Account) bool {
				return slices.ContainsFunc(a.Keys, func(k *Key) bool { return bytes.Equal(k.Public().Marshal(), key.Marshal()) })
			})
		}
	}
	if slices.Contains(methods, Password) {
		offered.PasswordCallback = func(meta ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			s.record(Secret{User: meta.User(), Text: string(password)})
			return s.judge(meta, Password, step, func(a *Account) bool { return a.Password == string(password) })
		}
	}
	if slices.Contains(methods, KeyboardInteractive) {
		offered.KeyboardInteractiveCallback = func(meta ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			return s.judge(meta, KeyboardInteractive, step, func(a *Account) bool { return s.dialogue(a, ask) })
		}
	}
	return offered
}

// judge counts an attempt and says whether the user is in, or what comes next.
func (s *AuthServer) judge(meta ssh.ConnMetadata, method string, step int, right func(*Account) bool) (*ssh.Permissions, error) {
	s.mu.Lock()
	s.attempts[method]++
	s.mu.Unlock()
	i := slices.IndexFunc(s.opts.Accounts, func(a Account) bool { return a.User == meta.User() })
	if i < 0 {
		return nil, fmt.Errorf("no user %q", meta.User())
	}
	a := &s.opts.Accounts[i]
	if !slices.Contains(a.methods(step), method) || !right(a) {
		return nil, errors.New("refused")
	}
	if next := step + 1; next < len(a.Steps) {
		return nil, &ssh.PartialSuccessError{Next: s.callbacks(a.methods(next), next)}
	}
	return nil, nil
}

// dialogue asks all rounds, until one has a wrong answer.
func (s *AuthServer) dialogue(a *Account, ask ssh.KeyboardInteractiveChallenge) bool {
	for _, round := range a.Rounds {
		var texts []string
		var echos []bool
		for _, p := range round.Prompts {
			texts, echos = append(texts, p.Text), append(echos, p.Echo)
		}
		answers, err := ask(round.Name, round.Instruction, texts, echos)
		if err != nil || len(answers) != len(round.Prompts) {
			return false
		}
		right := true
		for i, p := range round.Prompts {
			s.record(Secret{User: a.User, Prompt: p.Text, Text: answers[i]})
			right = right && answers[i] == p.Answer
		}
		if !right {
			return false
		}
	}
	return true
}

func (s *AuthServer) record(secret Secret) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets = append(s.secrets, secret)
}
