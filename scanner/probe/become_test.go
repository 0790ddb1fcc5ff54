package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kletscan/scanner/evidence"
)

// sudoNode is a node with a sudo that behaves as its fields say.
type sudoNode struct {
	mu       sync.Mutex
	password string // accepted; empty: none is asked for
	words    string // said in place of a root shell once the password is right
	prompt   string // in place of the one that was asked for; empty: that one
	tries    int
	echo     bool  // the command comes back on standard error
	fails    error // the connection's end, in the middle

	commands, scripts []string
	sent              []string // what sudo read
}

func (n *sudoNode) Exec(_ context.Context, command, stdin string) (Output, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	script := command + stdin
	n.commands, n.scripts = append(n.commands, command), append(n.scripts, script)
	return Output{Stdout: surveyed(script, "denied")}, nil
}

// nonceOf is the nonce of a command or of the script on its standard input.
func nonceOf(script string) string {
	_, rest, _ := strings.Cut(script, "K=")
	return rest[:strings.IndexAny(rest, ";\n")]
}

// surveyed answers a script with one file.
func surveyed(script, state string) []byte {
	nonce := nonceOf(script)
	how := map[bool]string{true: "sudo", false: "no"}[strings.Contains(script, "become=auto")]
	frames := answer("\n@N host\nuid=0\n", "\n@N file 0 /x\ngeheim und geheimer\n@N state "+state+" "+how+" 1 600 0\n")
	return []byte(strings.ReplaceAll(string(frames), "@N ", "@"+nonce+" "))
}

func (n *sudoNode) Talk(_ context.Context, command string, say func(stdout, stderr []byte) (string, bool)) (Output, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.commands = append(n.commands, command)
	_, rest, _ := strings.Cut(command, "N=")
	nonce, _, _ := strings.Cut(rest, ";")
	prompt := "@" + nonce + " password:"
	if n.prompt != "" {
		prompt = n.prompt
	}
	var stdout, stderr strings.Builder
	out := func(code int) (Output, error) {
		if code < 0 {
			return Output{}, cmp.Or(n.fails, errors.New("timeout"))
		}
		return Output{Stdout: []byte(stdout.String()), Stderr: []byte(stderr.String()), ExitCode: code}, nil
	}
	if n.echo {
		stderr.WriteString("tcsh: " + command + "\n")
		if input, _ := say(nil, []byte(stderr.String())); input != "" {
			n.sent = append(n.sent, input)
		}
	}
	for n.password != "" {
		n.tries++
		stderr.WriteString(prompt)
		input, last := say(nil, []byte(stderr.String()))
		if input != "" {
			n.sent = append(n.sent, input)
		}
		if n.fails != nil {
			return out(-1)
		}
		if input == "" && !last {
			return out(-1) // would wait for ever
		}
		stderr.WriteString("pam: hello\n") // not a question
		if again, _ := say(nil, []byte(stderr.String())); again != "" {
			n.sent = append(n.sent, again)
		}
		if input == n.password+"\n" {
			break
		}
		if last {
			stderr.WriteString("\nsudo: no password was provided\nsudo: 1 incorrect password attempt\n")
			return out(1)
		}
		stderr.WriteString("Sorry, try again.\n")
	}
	if n.words != "" {
		stderr.WriteString(n.words + "\n")
		return out(1)
	}
	stdout.WriteString("@" + nonce + " root\n")
	script, _ := say([]byte(stdout.String()), []byte(stderr.String()))
	n.scripts = append(n.scripts, script)
	stdout.Write(surveyed(script, "present"))
	return out(0)
}

func typed(t *testing.T, text string) *Password {
	t.Helper()
	p, err := NewPassword(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Every way in which sudo -S can go.
func TestPasswordIsSentWhenAskedForAndOnce(t *testing.T) {
	for _, tt := range []struct {
		rule  string
		node  *sudoNode
		sent  int
		state evidence.State
		why   string // the refusal
		knows string // of the password, afterwards
	}{
		{"asked for and right", &sudoNode{password: "geheimer"}, 1, evidence.Present, "", "accepted"},
		{"not asked for", &sudoNode{}, 0, evidence.Present, "", "undecided"},
		{"wrong", &sudoNode{password: "other"}, 1, evidence.Denied, withPassword + "sudo: 1 incorrect password attempt", "rejected"},
		{"right, and no rule", &sudoNode{password: "geheimer", words: "scan is not in the sudoers file."}, 1, evidence.Denied, withPassword + "scan is not in the sudoers file.", "accepted"},
		{"right, and another rule", &sudoNode{password: "geheimer", words: "Sorry, user scan is not allowed to execute '/bin/sh' as root on x."}, 1, evidence.Denied, withPassword + "Sorry, user scan is not allowed to execute '/bin/sh' as root on x.", "accepted"},
		{"refused unasked", &sudoNode{words: "sudo: sorry, you must have a tty to run sudo"}, 0, evidence.Denied, withPassword + "sudo: sorry, you must have a tty to run sudo", "undecided"},
		{"asked and then unknown words", &sudoNode{password: "geheimer", words: "sudo: out of order"}, 1, evidence.Denied, withPassword + "pam: hello sudo: out of order", "rejected"},
		{"an echo of the command is no question", &sudoNode{echo: true}, 0, evidence.Present, "", "undecided"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			p := typed(t, "geheimer")
			visit := Visit{Node: tt.node, Password: p}
			ev, err := visit.Survey(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := visit.Fetch(t.Context(), ev, []evidence.Want{{Kind: evidence.Text, Path: "/x"}}); err != nil {
				t.Fatal(err)
			}
			if tt.state == evidence.Present {
				tt.sent *= 2 // each exec is a sudo of its own
			}
			f := ev.Files[0]
			if f.State != tt.state || f.Refusal != tt.why || len(tt.node.sent) != tt.sent || known(t, p) != tt.knows {
				t.Errorf("file %s %q, sent %d times, the password is %s; want %s %q, %d, %s", f.State, f.Refusal, len(tt.node.sent), known(t, p), tt.state, tt.why, tt.sent, tt.knows)
			}
			for _, text := range append(tt.node.commands, tt.node.scripts...) {
				if strings.Contains(text, "geheimer") {
					t.Error("the password is in a command or script")
				}
			}
			if strings.Contains(fmt.Sprintf("%+v %#v %v %s", ev, p, p, p), "geheimer") {
				t.Error("the password is in the evidence, or printed")
			}
			if tt.state == evidence.Present && f.Content != "geheim und "+withheld {
				t.Errorf("content %q", f.Content)
			}
		})
	}
}

// A password that was sent and never answered is not sent again.
func TestABrokenConnectionAcceptsNothing(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		prompt, says string
		knows        string
	}{
		{"", "broken", "rejected"},
		{"Verification code: ", `broken; before that sudo said "Verification code:", which is not the prompt that a password is for`, "undecided"},
	} {
		p := typed(t, "geheimer")
		_, err := (&Visit{Node: &sudoNode{password: "x", prompt: tt.prompt, fails: broken}, Password: p}).Survey(t.Context())
		if !errors.Is(err, broken) || err.Error() != tt.says || known(t, p) != tt.knows {
			t.Errorf("%v, password %s, want %s", err, known(t, p), tt.knows)
		}
	}
	if _, err := (&Visit{Node: struct{ Executor }{}, Password: typed(t, "x")}).Survey(t.Context()); err == nil {
		t.Error("no error where nobody can be answered")
	}
}

// A fleet with a password that is wrong everywhere: one is asked.
func TestAWrongPasswordIsTriedOnce(t *testing.T) {
	nodes := make([]*sudoNode, 1000)
	p := typed(t, "wrong")
	var visits sync.WaitGroup
	next := make(chan *sudoNode)
	for range 64 {
		visits.Go(func() {
			for node := range next {
				visit := Visit{Node: node, Password: p}
				ev, err := visit.Survey(t.Context())
				if err == nil {
					err = visit.Fetch(t.Context(), ev, []evidence.Want{{Kind: evidence.Text, Path: "/x"}})
				}
				if err != nil || ev.Files[0].State != evidence.Denied || !strings.HasPrefix(ev.Files[0].Refusal, withPassword) {
					t.Errorf("%+v, %v", ev, err)
				}
			}
		})
	}
	for i := range nodes {
		nodes[i] = &sudoNode{password: "right"}
		next <- nodes[i]
	}
	close(next)
	visits.Wait()
	tries, sent := 0, 0
	for _, n := range nodes {
		tries, sent = tries+min(n.tries, 1), sent+len(n.sent)
	}
	if tries != 1 || sent != 1 {
		t.Errorf("sudo asked on %d nodes, and the password was sent %d times; want 1 and 1", tries, sent)
	}
}

// Once a node has accepted the password, another one's rejection is its own.
func TestAnAcceptedPasswordIsSentOn(t *testing.T) {
	p := typed(t, "right")
	for i, password := range []string{"right", "other", "right"} {
		node := &sudoNode{password: password}
		if _, err := (&Visit{Node: node, Password: p}).Survey(t.Context()); err != nil || len(node.sent) != 1 {
			t.Errorf("node %d: sent %d times, %v; want once", i, len(node.sent), err)
		}
	}
}

func TestWhoWaitsForTheFirstNodeCanBeInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := typed(t, "x")
		ok, release, err := p.Turn(t.Context())
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		defer release()
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := make(chan error)
		go func() {
			_, err := (&Visit{Node: &sudoNode{password: "x"}, Password: p}).Survey(ctx)
			ended <- err
		}()
		synctest.Wait()
		cause := errors.New("enough")
		cancel(cause)
		if err := <-ended; !errors.Is(err, cause) {
			t.Errorf("%v, want %v", err, cause)
		}
	})
}

func TestAShortPasswordIsNotLookedForInFiles(t *testing.T) {
	out := Output{Stdout: []byte("kind: on"), Stderr: []byte("sudo: on?")}
	typed(t, "on").strike(&out)
	if string(out.Stdout) != "kind: on" || string(out.Stderr) != "sudo: "+withheld+"?" {
		t.Errorf("%q %q", out.Stdout, out.Stderr)
	}
}

func TestNewPasswordRefusesWhatSudoCannotRead(t *testing.T) {
	for text, ok := range map[string]bool{"": false, "a\nb": false, "a\rb": false, "a\x00": false, strings.Repeat("a", 256): false, strings.Repeat("a", 255): true, " ä'\"\\$!": true} {
		_, err := NewPassword(text)
		if (err == nil) != ok || err != nil && text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Never asks for nothing again that was refused once.
func TestNeverSavesTheSecondQuestion(t *testing.T) {
	node := &sudoNode{}
	visit := Visit{Node: node, Become: Never}
	ev, err := visit.Survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path  string
		execs int
	}{{"/x", 1}, {"/y", 2}} {
		if err := visit.Fetch(t.Context(), ev, []evidence.Want{{Kind: evidence.Text, Path: tt.path}}); err != nil || len(node.commands) != tt.execs {
			t.Errorf("%s: %d execs, %v; want %d", tt.path, len(node.commands), err, tt.execs)
		}
	}
}

// A login shell of any kind hands on what stands between single quotes, but for
// these bytes.
func TestTheCommandIsReadAlikeByEveryLoginShell(t *testing.T) {
	before, rest, _ := strings.Cut(asRoot, "'")
	inside, after, _ := strings.Cut(rest, "'")
	if before != "exec /bin/sh -c " || after != "" || strings.ContainsAny(inside, "\\!\n'") {
		t.Errorf("%s", asRoot)
	}
	if strings.Contains(asRoot, "@%s") {
		t.Error("an echo of the command would look like sudo's prompt")
	}
}

// known is what a password has learnt about itself.
func known(t *testing.T, p *Password) string {
	t.Helper()
	patience, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ok, release, err := p.Turn(patience)
	if err != nil {
		t.Fatal("others still wait")
	}
	defer release()
	if !ok {
		return "rejected"
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := p.Turn(ended); err != nil { // it would have to wait for us
		return "undecided"
	}
	return "accepted"
}
