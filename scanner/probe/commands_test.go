package probe

import (
	"strings"
	"testing"
)

// What a dry run announces is what the script holds.
func TestCommandsAreThoseOfTheScript(t *testing.T) {
	announced := strings.Join(Commands(Auto), "\n")
	for _, command := range []string{
		"cat", "date", "doas", "find", "getconf", "grep", "head", "id", "openssl", "ps", "readlink", "stat", "sudo", "systemctl", "timeout", "tr", "uname",
	} {
		if !strings.Contains(script, command+" ") && !strings.Contains(script, "$("+command+")") || !strings.Contains(announced, command) {
			t.Errorf("%s: expected it in the script and in what a dry run announces", command)
		}
	}
	for _, become := range []Become{Never, Sudo, Doas} {
		text := strings.Join(Commands(become), "\n")
		if strings.Contains(text, "sudo") != (become == Sudo) || strings.Contains(text, "doas") != (become == Doas) {
			t.Errorf("--become %v announces:\n%s", become, text)
		}
	}
}
