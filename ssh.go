package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"

	"github.com/urfave/cli/v2"

	"kletscan/scanner"
	"kletscan/scanner/remote"
)

// The words of --host-key-policy.
const (
	policyStrict    = "strict"
	policyAcceptNew = "accept-new"
)

func sshFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "user", Aliases: []string{"u"}, Usage: "log in as `NAME` where the inventory names nobody"},
		&cli.StringSliceFlag{Name: "private-key", Usage: "key `FILE` to log in with (repeatable)"},
		&cli.StringFlag{
			Name: "ssh-config", Aliases: []string{"F"},
			Usage: "ssh_config `FILE` instead of ~/.ssh/config and the system's; none for no file. " +
				"A file with more than plain Host blocks is read by ssh -G, which runs the commands of its Match exec",
		},
		&cli.StringFlag{Name: "jump", Aliases: []string{"J"}, Usage: "reach every node through `[USER@]HOST[:PORT],...`, as ssh -J; none for directly"},
		&cli.StringSliceFlag{Name: "known-hosts", Usage: "known_hosts `FILE` instead of ssh_config's (repeatable)"},
		&cli.StringFlag{
			Name:  "host-key-policy",
			Usage: "`POLICY` for hosts that are not on file: strict refuses them, accept-new adds them; default is ssh_config's StrictHostKeyChecking, else strict",
		},
		&cli.DurationFlag{
			Name: "connect-timeout", DefaultText: "ssh_config's ConnectTimeout, else " + remote.DefaultConnectTimeout.String(),
			Usage: "for TCP, key exchange and login",
		},
		&cli.DurationFlag{Name: "command-timeout", Value: remote.DefaultCommandTimeout, Usage: "for one command on a node"},
		&cli.IntFlag{Name: "retries", Value: scanner.DefaultRetries, Usage: "begin a visit again up to `N` times after a lost or throttled connection, never after a refused login or host key"},
		&cli.IntFlag{Name: "agent-concurrency", DefaultText: "no limit of logins", Usage: "at most `N` logins with the agent at once; 1 for keys that want a touch"},
		&cli.IntFlag{Name: "per-jump", Value: remote.DefaultPerJump, Usage: "at most `N` visits at once through one jump host"},
		&cli.IntFlag{Name: "per-subnet", DefaultText: "no limit", Usage: "at most `N` visits at once in one /24 (IPv6: /64)"},
		&cli.IntFlag{Name: "memory", Value: remote.DefaultMemory >> 20, Usage: "keep at most `N` MiB of what all nodes in flight say, beyond 256 KiB each: one that says more is closed; at most 4 nodes at once for each MiB"},
		&cli.BoolFlag{Name: "ask-pass", Usage: "ask once for a password to log in with where keys do not do; sent only to hosts whose key was on file before"},
	}
}

// sshConfig is what the flags and the environment of the operator say of SSH.
func sshConfig(c *cli.Context, t terminal) (cfg remote.Config, err error) {
	cfg = remote.Config{
		User:             c.String("user"),
		PrivateKeys:      c.StringSlice("private-key"),
		SSHConfigFile:    c.String("ssh-config"),
		Jump:             c.String("jump"),
		KnownHosts:       c.StringSlice("known-hosts"),
		AgentConcurrency: c.Int("agent-concurrency"),
		Retries:          c.Int("retries"),
		PerJump:          c.Int("per-jump"),
		PerSubnet:        c.Int("per-subnet"),
		Passphrase:       t.passphrase(),
	}
	switch policy := c.String("host-key-policy"); policy {
	case "":
	case policyStrict:
		cfg.HostKeyPolicy = remote.Strict
	case policyAcceptNew:
		cfg.HostKeyPolicy = remote.AcceptNew
	default:
		return cfg, fmt.Errorf("--host-key-policy %q: expected %s or %s: a host key is always checked", policy, policyStrict, policyAcceptNew)
	}
	if cfg.Retries < 0 || cfg.Retries > scanner.MaxRetries {
		return cfg, fmt.Errorf("--retries %d: expected a number from 0 to %d", cfg.Retries, scanner.MaxRetries)
	}
	if cfg.Memory = c.Int("memory") << 20; cfg.Memory < 1<<20 {
		return cfg, fmt.Errorf("--memory %d: expected a number of MiB above zero", c.Int("memory"))
	}
	for _, name := range []string{"agent-concurrency", "per-jump", "per-subnet"} {
		if c.IsSet(name) && c.Int(name) < 1 {
			return cfg, fmt.Errorf("--%s %d: expected a number above zero", name, c.Int(name))
		}
	}
	if c.IsSet("connect-timeout") {
		if cfg.ConnectTimeout, err = positive(c, "connect-timeout"); err != nil {
			return cfg, err
		}
	}
	if cfg.CommandTimeout, err = positive(c, "command-timeout"); err != nil {
		return cfg, err
	}
	if c.Bool("ask-pass") {
		if cfg.HostKeyPolicy == remote.AcceptNew {
			return cfg, errors.New("--ask-pass with --host-key-policy accept-new: a password goes only to hosts that are known")
		}
		if cfg.Password, err = t.password("password for the nodes: "); err != nil {
			return cfg, fmt.Errorf("--ask-pass: %w", err)
		}
	}
	identify(&cfg)
	return cfg, nil
}

// identify fills in who runs kletscan, and where.
func identify(cfg *remote.Config) {
	cfg.Home, _ = os.UserHomeDir()
	if u, err := user.Current(); err == nil {
		cfg.LocalUser = u.Username
	}
	cfg.LocalHost, _ = os.Hostname()
	cfg.LookupEnv = os.LookupEnv
	cfg.Environ = os.Environ()
	cfg.SSH, _ = exec.LookPath("ssh") // empty: none
	cfg.AgentSocket = os.Getenv("SSH_AUTH_SOCK")
	if runtime.GOOS == "windows" {
		cfg.SystemDir = filepath.Join(os.Getenv("ProgramData"), "ssh")
		if cfg.AgentSocket == "" {
			cfg.AgentSocket = `\\.\pipe\openssh-ssh-agent`
		}
	}
}

// dialer reads what SSH needs, and tells the operator what was left out.
func (t terminal) dialer(ctx context.Context, cfg remote.Config) (*remote.Dialer, error) {
	dialer, err := remote.New(ctx, cfg)
	if open := new(fs.PathError); errors.As(err, &open) && open.Path == cfg.SSHConfigFile {
		return nil, fmt.Errorf("%w: expected a readable file behind -F, or -F none", err)
	}
	if err != nil {
		return nil, err
	}
	t.warn(dialer)
	return dialer, nil
}

// warn tells the operator what the dialer has met.
func (t terminal) warn(dialer *remote.Dialer) {
	for _, warning := range dialer.Warnings() {
		t.say(warning)
	}
}
