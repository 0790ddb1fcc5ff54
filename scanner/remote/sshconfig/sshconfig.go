// Package sshconfig answers what OpenSSH's own client would do for a host: where
// it would connect, as whom, with which keys, against which host keys.
//
// # Two sources, one meaning
//
// A reader of our own reads the files of ssh_config(5) where a strict check of
// every line says that it reads them exactly as OpenSSH does. For all else - a
// Match, a keyword or a value that not every OpenSSH knows - ssh itself is
// asked, with ssh -G, once for each alias. Both sources deliver the same
// values, and one function expands and types them.
//
// Unknown is never a pass: what neither source tells for certain is an error, and
// a directive that would change where or how securely we connect, and that
// nobody follows, is in Settings.Refused.
package sshconfig

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Options says where ssh_config is and who asks. Nothing is taken from the
// process itself.
type Options struct {
	File      string // the only file (ssh -F); empty: Home/.ssh/config and then SystemDir/ssh_config; "none": no file
	Home      string // ssh takes the home directory from the user database; see Resolve
	SystemDir string // folder of ssh_config, such as /etc/ssh
	LocalUser string // %u, and the user to log in as where none is set; empty: not known
	LocalHost string // %l; empty: not known, and then a value with %l, %L or %C is left to ssh

	SSH      string                      // path of the ssh program for what is left to it; empty: none
	Env      func(string) (string, bool) // ${VAR}, IdentityAgent $VAR, and SSH_AUTH_SOCK; nil: nothing is set
	Environ  []string                    // environment of the ssh program
	Timeout  time.Duration               // for one ssh -G; 0: 5 s
	Parallel int                         // ssh -G at once; 0: DefaultParallel
}

// DefaultParallel is how many ssh -G run at once unless told otherwise.
const DefaultParallel = 8

// Query is the question that `ssh -l User -p Port -- Alias` puts.
type Query struct {
	Alias string
	User  string // empty: not given
	Port  int    // 0: not given
}

// Resolver answers queries. It is safe for concurrent use. The files are read
// once, by New. What it reads itself it works out again each time, which takes
// microseconds; the answers of ssh -G are kept: see answers.
type Resolver struct {
	options Options
	files   *reader
	unset   defaults
	ssh     *client // nil: no program
	answers answers
}

// New reads the files. It fails, with FILE:LINE, where OpenSSH refuses them,
// and where they must be left to ssh and there is no ssh program.
func New(o Options) (*Resolver, error) {
	if o.Env == nil {
		o.Env = func(string) (string, bool) { return "", false }
	}
	r := &Resolver{options: o, files: &reader{home: o.Home, systemDir: o.SystemDir}, unset: newDefaults(o.Home, o.SystemDir), answers: newAnswers()}
	if err := r.files.loadAll(o.File); err != nil {
		return nil, err
	}
	if o.SSH != "" {
		r.ssh = newClient(o)
	} else if r.files.outside != "" {
		return nil, fmt.Errorf("%s: only ssh itself reads this, and there is no ssh program: "+
			"install OpenSSH's client, or name another file with -F", r.files.outside)
	}
	return r, nil
}

// Outside tells why ssh is asked for every alias: FILE:LINE and the reason.
// ssh -G runs the commands of Match exec. Empty: the files are read here.
func (r *Resolver) Outside() string { return r.files.outside }

// Resolve returns what ssh would do. ssh -G is asked once for each distinct
// Query, also where that fails, but not when ctx ends first.
//
// It fails where OpenSSH would fail, where Alias or User is none that ssh
// accepts, where ssh does not answer in time, and where Options.Home is not the
// home directory that ssh uses and the answer depends on it.
func (r *Resolver) Resolve(ctx context.Context, q Query) (*Settings, error) {
	if err := checkQuery(q); err != nil {
		return nil, err
	}
	why := r.files.outside
	if why == "" {
		var s *Settings
		var err error
		if s, why, err = r.read(q); why == "" {
			return s, err
		}
	}
	if r.ssh == nil {
		return nil, fmt.Errorf("%s: %s, which only ssh itself reads, and there is no ssh program: install OpenSSH's client", q.Alias, why)
	}
	return r.answers.get(ctx, q, r.ask)
}

// checkQuery refuses what would be read as an option, or as more than an
// alias (ssh.c main), and what ssh refuses on its command line.
func checkQuery(q Query) error {
	if err := checkHost(q.Alias); err != nil {
		return err
	}
	if strings.Contains(q.Alias, "@") || strings.HasPrefix(q.Alias, "ssh://") || !utf8.ValidString(q.Alias) {
		return fmt.Errorf("%q is not a plain host name: expected no @ and no ssh://", q.Alias)
	}
	if q.Port < 0 || q.Port > 65535 {
		return fmt.Errorf("%s: expected a port from 1 to 65535, not %d", q.Alias, q.Port)
	}
	return checkUser(q.User)
}

// read is the first source. why tells what must be left to ssh for this alias.
func (r *Resolver) read(q Query) (s *Settings, why string, err error) {
	d := r.files.lookup(q.Alias)
	if d.left != "" {
		return nil, d.left, nil
	}
	for _, name := range []string{"identityfile", "certificatefile", "userknownhostsfile", "identityagent", "controlpath"} {
		if d.values[name] == nil {
			continue
		}
		text := strings.ReplaceAll(strings.Join(d.values[name], "\n"), "%%", "")
		local := strings.Contains(text, "%l") || strings.Contains(text, "%L") || strings.Contains(text, "%C")
		if strings.Contains(text, "%C") && d.values["proxyjump"] != nil || local && r.options.LocalHost == "" {
			return nil, name + " holds a token", nil
		}
	}
	here := local{home: r.options.Home, user: r.options.LocalUser, host: r.options.LocalHost}
	s, err = settle(d, q, here, r.unset, r.options.Env)
	if err == nil && !plainHost(s.HostName) {
		return nil, "the host name may be an address", nil
	}
	return s, "", err
}

// ask is the second source.
func (r *Resolver) ask(ctx context.Context, q Query) (*Settings, error) {
	self, err := r.ssh.know(ctx)
	if err != nil {
		return nil, err
	}
	sameHome := sameFolder(self.home, r.options.Home)
	if r.options.File == "" && !sameHome {
		return nil, fmt.Errorf("ssh uses %s as home directory, and not %s: set HOME to it, or name an ssh_config with -F", self.home, r.options.Home)
	}
	dump, err := r.ssh.lookup(ctx, q)
	if err != nil {
		return nil, err
	}
	d, err := self.directives(dump)
	if err != nil {
		return nil, err
	}
	for name := range self.expanded {
		if !sameHome && self.expanded[name] && strings.Contains(d.value(name), self.home) {
			return nil, fmt.Errorf("%s: ssh prints %q, and uses %s as home directory, not %s: set HOME to it",
				name, d.value(name), self.home, r.options.Home)
		}
	}
	d.hostFiles = append([]directive{}, r.files.hostFiles...)
	here, files := self.local, r.unset
	here.home = r.options.Home
	if self.systemDir != "" {
		files = newDefaults(here.home, self.systemDir)
	}
	return settle(d, q, here, files, r.options.Env)
}
