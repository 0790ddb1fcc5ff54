package probe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"kletscan/scanner/evidence"
)

// shellNode is a node whose login shell passes on what its fields say.
type shellNode struct {
	command, stdin string // what is said to each, for want of the probe's answer; "": the probe's answer
	silent         bool   // nothing at all is said to standard input
	fails          error  // of a command

	asked []string // "command" or "stdin", in order
}

func (n *shellNode) Exec(_ context.Context, command, stdin string) (Output, error) {
	form, said := "stdin", n.stdin
	if command != StdinCommand {
		form, said = "command", n.command
	}
	n.asked = append(n.asked, form)
	switch {
	case form == "command" && n.fails != nil:
		return Output{}, n.fails
	case form == "stdin" && n.silent:
		return Output{}, nil
	case said != "":
		return Output{Stdout: []byte(said)}, nil
	}
	return Output{Stdout: surveyed(command+stdin, "denied")}, nil
}

// A node is asked once more where there is no sign of the script in the first
// answer, and only there.
func TestTheScriptGoesToStandardInputWhereItIsNotPassedOn(t *testing.T) {
	broken := errors.New("the connection is gone")
	refused := fmt.Errorf("denied: %w", ErrRefused)
	for _, tt := range []struct {
		rule  string
		node  shellNode
		asked string // of a survey and two fetches
		err   string // of the survey
	}{
		{"it is passed on", shellNode{}, "command command command", ""},
		{"something else answers", shellNode{command: "too long\n"}, "command stdin stdin stdin", ""},
		{"the server refuses it", shellNode{fails: refused}, "command stdin stdin stdin", ""},
		{"the second answer tells more", shellNode{command: "no\n", stdin: "never\n"}, "command stdin", `got "never"`},
		{"the first answer tells more", shellNode{command: "no\n", silent: true}, "command stdin", `got "no"`},
		{"the refusal tells more", shellNode{fails: refused, silent: true}, "command stdin", "denied: " + ErrRefused.Error()},
		{"both are silent", shellNode{command: "\n", silent: true}, "command stdin", "got nothing"},
		{"the connection ends", shellNode{fails: broken}, "command", broken.Error()},
		{"the answer is cut off", shellNode{command: "\n@K mark M\n\n@M begin\n\n@M host\n"}, "command", "end marker is missing"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			node := announcing{&tt.node}
			visit := Visit{Node: node}
			ev, err := visit.Survey(t.Context())
			if tt.err == "" {
				for range 2 {
					if err == nil {
						err = visit.Fetch(t.Context(), ev, []evidence.Want{{Kind: evidence.Text, Path: "/x"}})
					}
				}
			}
			if got := strings.Join(tt.node.asked, " "); got != tt.asked || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("asked by %s, %v\nwant %s, %s", got, err, tt.asked, tt.err)
			}
		})
	}
}

// announcing puts the nonce for K into what a node says.
type announcing struct{ *shellNode }

func (n announcing) Exec(ctx context.Context, command, stdin string) (Output, error) {
	out, err := n.shellNode.Exec(ctx, command, stdin)
	out.Stdout = []byte(strings.ReplaceAll(string(out.Stdout), "@K ", "@"+nonceOf(command+stdin)+" "))
	return out, err
}

// What is too long for a packet that every server takes goes to standard input,
// and does not say that the login shell passes nothing on.
func TestALongFetchGoesToStandardInput(t *testing.T) {
	node := shellNode{}
	visit := Visit{Node: &node}
	ev, err := visit.Survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var many []evidence.Want
	for i := range 10 {
		many = append(many, evidence.Want{Kind: evidence.Text, Path: fmt.Sprintf("/%d/%s", i, strings.Repeat("x", 2000))})
	}
	for _, wants := range [][]evidence.Want{many, many[:1]} {
		if err := visit.Fetch(t.Context(), ev, wants); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(node.asked, " "); got != "command stdin command" {
		t.Errorf("asked by %s", got)
	}
}
