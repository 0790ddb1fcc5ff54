package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"kletscan/scanner/probe"
)

// becomeOptions is what --become and --ask-become-pass come to.
type becomeOptions struct {
	become   probe.Become
	password *probe.Password // nil: none was asked for
}

func becomeFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{
			Name: "become", Value: probe.Auto.String(),
			Usage: "read what the login may not by `WORD`: " + strings.Join(probe.BecomeWords, ", ") + "; auto is sudo -n, or doas -n where there is no sudo",
		},
		&cli.BoolFlag{Name: "ask-become-pass", Usage: "ask for sudo's password once, and look at every node as root"},
	}
}

// parseBecome reads the flags, and asks for the password if they say so.
func parseBecome(c *cli.Context, t terminal) (becomeOptions, error) {
	return newBecome(c.String("become"), c.Bool("ask-become-pass"), t.password)
}

// newBecome checks the word of --become, and asks for a password once it is
// known to be of use.
func newBecome(word string, ask bool, password func(question string) ([]byte, error)) (o becomeOptions, err error) {
	i := slices.Index(probe.BecomeWords, word)
	if i < 0 {
		return o, fmt.Errorf("--become %q: expected one of %s", word, strings.Join(probe.BecomeWords, ", "))
	}
	o.become = probe.Become(i)
	switch {
	case !ask:
		return o, nil
	case o.become == probe.Never:
		return o, errors.New("--ask-become-pass and --become never: expected one of them")
	case o.become == probe.Doas:
		return o, errors.New("--ask-become-pass goes with sudo: doas reads passwords from a terminal alone, give this user a nopass line (see kletscan sudoers --doas)")
	}
	text, err := password("become password: ")
	if err != nil {
		return o, fmt.Errorf("--ask-become-pass: %w", err)
	}
	o.password, err = probe.NewPassword(string(text))
	if err != nil {
		return o, fmt.Errorf("--ask-become-pass: %w", err)
	}
	return o, nil
}
