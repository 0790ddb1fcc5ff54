package sshdtest

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestAuthServer(t *testing.T) {
	t.Parallel()
	h := NewHome(t)
	key, stranger := h.Key("id", "ed25519", ""), h.Key("stranger", "ed25519", "")
	code := []Round{
		{Name: "two", Instruction: "factors", Prompts: []Prompt{{"Password: ", false, "secret"}, {"Token: ", true, "42"}}},
		{}, // no prompts
		{Prompts: []Prompt{{"Again: ", false, "yes"}}},
	}
	accounts := []Account{
		{User: "word", Password: "secret"},
		{User: "code", Rounds: code},
		{User: "key", Keys: []*Key{key}, Password: "secret"},
		{User: "both", Keys: []*Key{key}, Password: "secret", Steps: []string{PublicKey, Password}},
	}
	for _, tt := range []struct {
		name, user   string
		key          *Key
		answers      []string
		in           bool
		attempts     [3]int // publickey, password, keyboard-interactive
		secrets      []Secret
		askedToBegin string
	}{
		{"password", "word", nil, []string{"secret"}, true, [3]int{0, 1, 1}, []Secret{{"word", "", "secret"}}, "word@"},
		{"a wrong password and the right one", "word", nil, []string{"wrong", "secret"}, true, [3]int{0, 2, 1}, []Secret{{"word", "", "wrong"}, {"word", "", "secret"}}, "word@"},
		{"no password", "word", nil, nil, false, [3]int{0, 3, 1}, []Secret{{"word", "", ""}, {"word", "", ""}, {"word", "", ""}}, "word@"},
		{
			"three rounds of keyboard-interactive", "code", nil,
			[]string{"secret", "42", "yes"},
			true,
			[3]int{0, 0, 1},
			[]Secret{{"code", "Password: ", "secret"}, {"code", "Token: ", "42"}, {"code", "Again: ", "yes"}},
			"(code@",
		},
		{
			"a wrong answer ends the dialogue, and another one begins", "code", nil,
			[]string{"secret", "41", "secret", "42", "yes"},
			true,
			[3]int{0, 0, 2},
			[]Secret{{"code", "Password: ", "secret"}, {"code", "Token: ", "41"}, {"code", "Password: ", "secret"}, {"code", "Token: ", "42"}, {"code", "Again: ", "yes"}},
			"(code@",
		},
		{"a key of two accounts", "key", key, nil, true, [3]int{1, 0, 0}, nil, ""},
		{"another key, then the password", "key", stranger, []string{"secret"}, true, [3]int{1, 1, 1}, []Secret{{"key", "", "secret"}}, "key@"},
		{"publickey, then password", "both", key, []string{"secret"}, true, [3]int{1, 1, 0}, []Secret{{"both", "", "secret"}}, "both@"},
		{"the second step is not the first", "both", nil, []string{"secret", "secret", "secret"}, false, [3]int{0, 3, 1}, slices.Repeat([]Secret{{"both", "", "secret"}}, 3), "both@"},
		{"a user without an account", "nobody", key, nil, false, [3]int{1, 3, 1}, []Secret{{"nobody", "", ""}, {"nobody", "", ""}, {"nobody", "", ""}}, "nobody@"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := NewHome(t)
			s := StartAuth(t, AuthOptions{Accounts: accounts, Banner: "be good\n"})
			h.Write("known_hosts", s.KnownHostsLine(false))
			ask := h.Askpass(tt.answers...)
			args := []string{"ssh://" + tt.user + "@" + s.Addr(), "echo in"}
			if tt.key != nil {
				args = append([]string{"-i", tt.key.Path}, args...)
			}
			cmd := h.SSH(append([]string{"-n"}, args...)...)
			cmd.Env = append(cmd.Env, ask.Env()...)
			if tt.in {
				works(t, cmd, "echo in\n")
			} else {
				fails(t, cmd, "be good")
			}
			got := [3]int{s.Attempts(PublicKey), s.Attempts(Password), s.Attempts(KeyboardInteractive)}
			if got != tt.attempts {
				t.Errorf("attempts are %v, want %v", got, tt.attempts)
			}
			if !slices.Equal(s.Secrets(), tt.secrets) {
				t.Errorf("secrets are %q, want %q", s.Secrets(), tt.secrets)
			}
			if prompts := ask.Prompts(); len(prompts) > 0 && !strings.HasPrefix(prompts[0], tt.askedToBegin) || len(prompts) == 0 && tt.askedToBegin != "" {
				t.Errorf("ssh asked %q, want it to begin with %q", prompts, tt.askedToBegin)
			}
			if in := s.Logins() == 1; in != tt.in || s.Connections() != 1 {
				t.Errorf("%d logins in %d connections, want a login to be %v", s.Logins(), s.Connections(), tt.in)
			}
		})
	}
}

func TestAuthServerWantsThreeSteps(t *testing.T) {
	t.Parallel()
	h := NewHome(t)
	key := h.Key("id", "ed25519", "")
	s := StartAuth(t, AuthOptions{Accounts: []Account{{
		User: "three", Keys: []*Key{key}, Password: "secret",
		Rounds: []Round{{Prompts: []Prompt{{"Password: ", false, "other"}, {"Token: ", true, "42"}}}},
		Steps:  []string{Password, PublicKey, KeyboardInteractive},
	}}})
	h.Write("known_hosts", s.KnownHostsLine(false))
	cmd := h.SSH("-n", "-i", key.Path, "ssh://three@"+s.Addr(), "echo in")
	cmd.Env = append(cmd.Env, h.Askpass("secret", "other", "42").Env()...)
	works(t, cmd, "echo in\n")
	for _, method := range []string{Password, PublicKey, KeyboardInteractive} {
		want(t, method, s.Attempts(method), 1)
	}
	if want := []Secret{{"three", "", "secret"}, {"three", "Password: ", "other"}, {"three", "Token: ", "42"}}; !slices.Equal(s.Secrets(), want) {
		t.Errorf("secrets are %q, want %q", s.Secrets(), want)
	}
}

func TestAuthServerHangsUpAfterMaxTries(t *testing.T) {
	t.Parallel()
	h := NewHome(t)
	var args []string
	for _, name := range []string{"a", "b", "c"} {
		args = append(args, "-i", h.Key(name, "ed25519", "").Path)
	}
	s := StartAuth(t, AuthOptions{MaxTries: 2, Accounts: []Account{{User: "u", Keys: []*Key{h.Key("d", "ed25519", "")}}}})
	h.Write("known_hosts", s.KnownHostsLine(false))
	fails(t, h.SSH(append(args, "ssh://u@"+s.Addr(), "true")...), "too many authentication failures")
	want(t, "keys tried", s.Attempts(PublicKey), 2)
}

func TestAuthServerAsABastion(t *testing.T) {
	t.Parallel()
	h := NewHome(t)
	key := h.Key("id", "ed25519", "")
	node := Start(t, Options{AuthorizedKeys: []*Key{key}})
	for _, forward := range []bool{true, false} {
		s := StartAuth(t, AuthOptions{Forward: forward, Accounts: []Account{{User: "word", Password: "secret"}}})
		h.Write("known_hosts", s.KnownHostsLine(false)+node.KnownHostsLine(false))
		ssh := func(node string) *exec.Cmd {
			cmd := h.SSH("-i", key.Path, "-J", "ssh://word@"+s.Addr(), "ssh://"+node, "cat; echo in")
			cmd.Stdin = strings.NewReader("said ")
			cmd.Env = append(cmd.Env, h.Askpass("secret").Env()...)
			return cmd
		}
		if !forward {
			fails(t, ssh(node.Addr()), "administratively prohibited: not permitted")
			want(t, "forwards", s.Forwards(), 0)
			continue
		}
		works(t, ssh(node.Addr()), "said in\n")
		fails(t, ssh("192.0.2.1:22"), "only to addresses of loopback")
		fails(t, ssh("127.0.0.1:1"), "connection refused")
		want(t, "forwards", s.Forwards(), 3)
	}
}
