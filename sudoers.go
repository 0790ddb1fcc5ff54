package main

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"

	"kletscan/scanner/probe"
)

func sudoersCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:  "sudoers",
		Usage: "print the lines of sudoers that let a user read what decides, and nothing else",
		Description: `Prints lines for sudo, or with --doas for doas, to put on every node.

Examples:
   kletscan sudoers --user scan >kletscan && visudo -c -f kletscan

EXIT STATUS
   0    printed
   1    internal or I/O error
   2    the command line is wrong`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "user", Aliases: []string{"u"}, Usage: "for the login `NAME` (required)"},
			&cli.BoolFlag{Name: "doas", Usage: "lines of doas.conf instead"},
		},
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usageError(fmt.Errorf("%q: sudoers takes no arguments, only flags", c.Args().First()))
			}
			user := c.String("user")
			if err := checkSudoer(user); err != nil {
				return usageError(err)
			}
			lines := sudoersLines
			if c.Bool("doas") {
				lines = doasLines
			}
			_, err := io.WriteString(t.stdout, lines(user))
			return err
		},
	}
}

// userName is what useradd(8) accepts (shadow, lib/chkname.c), and upper case
// and dots, which many sites allow.
var userName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,31}$`)

// checkSudoer refuses what sudoers(5) would read as something other than a user.
func checkSudoer(name string) error {
	switch {
	case name == "":
		return errors.New("sudoers: expected the login name with --user NAME")
	case !userName.MatchString(name):
		return fmt.Errorf("--user %q: expected a login name of letters, digits, dots, dashes and underscores", name)
	case name == strings.ToUpper(name):
		return fmt.Errorf("--user %s: sudoers reads a name in capitals as an alias: expected a login name with lower-case letters", name)
	case name == "root":
		return errors.New("--user root: root needs no lines, expected another login")
	}
	return nil
}

// sudoersLines are lines for sudoers(5). Arguments stand there in full, since
// a wildcard in arguments matches blanks and slashes, too: one more file, or
// any other. Regular expressions need sudo 1.9.10; to an older sudo and to
// sudo-rs they are words that no command line consists of. They have no
// backslash, which sudo-rs takes for a mistake. /bin/cat is cat everywhere:
// sudo compares the file and not the name of its directory
// (plugins/sudoers/match_command.c).
func sudoersLines(user string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# What kletscan lets %[1]s read as root: the settings of the kubelet, and nothing else.
# kletscan itself takes only a KubeletConfiguration and the kubelet's arguments from a
# node; %[1]s can run these commands, too, and sees each file as a whole.
#
#   kletscan sudoers --user %[1]s | ssh NODE 'sudo sh -c "umask 337; cat >/etc/sudoers.d/kletscan" && sudo visudo -c'
#
# A kubelet whose --config names another file needs a line for it like these.
# Not to be had by such lines: the files of a kubelet in a container. kletscan reads them
# through /proc/PID/root, and any user can have a process whose root leads cat to any file.

# Only where Defaults has requiretty, as on old RHEL:
# Defaults:%[1]s !requiretty

`, user)
	rule := func(comment, command string) {
		fmt.Fprintf(&b, "%s%s ALL=(root) NOPASSWD: %s\n", comment, user, command)
	}
	for _, r := range probe.RootReads() {
		switch {
		case r.Dir:
			rule("", "/usr/bin/find "+r.Path)
			rule("", "/bin/cat ^-- "+strings.ReplaceAll(r.Path, ".", "[.]")+"/[A-Za-z0-9._-]+[.]conf$")
		case r.Reserve != "":
			fmt.Fprintf(&b, "# Only if you must: %s.\n", r.Reserve)
			rule("# ", "/bin/cat -- "+r.Path)
		default:
			rule("", "/bin/cat -- "+r.Path)
		}
	}
	return b.String()
}

// doasLines are the same for doas.conf(5), which knows no patterns. It compares
// a command without a slash as it was typed, and finds it in a PATH of its own.
func doasLines(user string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# What kletscan lets %[1]s read as root: the settings of the kubelet, and nothing else.
# kletscan itself takes only a KubeletConfiguration and the kubelet's arguments from a
# node; %[1]s can run these commands, too, and sees each file as a whole.
# Add the lines to /etc/doas.conf, and check it with doas -C /etc/doas.conf.
#
# A kubelet whose --config names another file needs a line for it like these, and so does
# each *.conf in a directory of drop-ins: doas.conf knows no patterns.
# Not to be had by such lines: the files of a kubelet in a container. kletscan reads them
# through /proc/PID/root, and any user can have a process whose root leads cat to any file.

`, user)
	rule := func(comment, command, args string) {
		fmt.Fprintf(&b, "%spermit nopass %s as root cmd %s args %s\n", comment, user, command, args)
	}
	for _, r := range probe.RootReads() {
		switch {
		case r.Dir:
			rule("", "find", r.Path)
			rule("# ", "cat", "-- "+r.Path+"/NAME.conf")
		case r.Reserve != "":
			fmt.Fprintf(&b, "# Only if you must: %s.\n", r.Reserve)
			rule("# ", "cat", "-- "+r.Path)
		default:
			rule("", "cat", "-- "+r.Path)
		}
	}
	return b.String()
}
