package probe

import (
	"crypto/rand"
	_ "embed"
	"strconv"
	"strings"
	"sync"

	"kletscan/scanner/evidence"
)

// script is what a node runs: functions, and nothing that runs by itself
// beyond a few assignments. Command and Script add the call.
//
//go:embed probe.sh
var script string

// StdinCommand is what the login shell is asked to run with Script on its
// standard input: fixed words that every login shell reads alike.
const StdinCommand = "exec /bin/sh -s"

// inCommand stands before the script in a command. Arguments of processes can
// be read by every user of a node, and who knows what begins a frame can forge
// one. So the nonce, which is among them, only announces the mark, which the
// node draws and which stands nowhere but in the answer. Where there is none
// to draw nothing is answered, and the script goes to standard input.
const inCommand = `read -r mark 2>/dev/null </proc/sys/kernel/random/uuid || exit; echo; echo "@$K mark $mark"; `

// onStdin stands before the script there, where nobody reads the nonce.
const onStdin = "mark=$K\n"

// maxCommand bounds a command, in bytes: RFC 4253 section 6.1 lets a server
// refuse a packet with more than 32,768, of which a few are not the command's.
const maxCommand = 32<<10 - 64

// pathBytes are the bytes that a wanted path may consist of: none of them
// means anything to a shell between double quotes, nor to a login shell between
// single ones. argv is chosen by whoever started the process, so a path with
// any other byte is not asked for at all.
const pathBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@:=,%~ "

// Askable reports whether the probe can be asked for path.
func Askable(path string) bool {
	return strings.HasPrefix(path, "/") && len(path) < 4096 && strings.Trim(path, pathBytes) == ""
}

// addressLike reports whether an address consists of bytes that mean nothing
// to a shell.
func addressLike(address string) bool {
	return len(address) < 300 && strings.Trim(address, pathBytes+"[]") == "" && !strings.HasPrefix(address, "-")
}

// survey is the whole survey of a node.
const survey = "host; processes; loaded || searched; wellknown; audit"

// text is what all runs have in common, in one line.
var text = sync.OnceValue(func() string { return assignments() + oneLine(script) })

// oneLine takes comments, indentation and newlines out of the script: tcsh
// takes no newline between quotes.
func oneLine(script string) string {
	var b strings.Builder
	for line := range strings.Lines(script) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		b.WriteString(line)
		if !goesOn(line) {
			b.WriteByte(';')
		}
		b.WriteByte(' ')
	}
	return b.String()
}

// goesOn reports whether a line of the script goes on in the next one. Any other
// ends a command, and its newline becomes a semicolon.
func goesOn(line string) bool {
	switch line[strings.LastIndexByte(line, ' ')+1:] {
	case "{", "|", ";;", "in", "then", "else", "do":
		return true
	}
	return strings.HasSuffix(line, ")") && strings.Count(line, ")") > strings.Count(line, "(") // the pattern of a case
}

// Command is what the login shell is asked to run, with nothing on standard
// input: the script is one argument between single quotes, in which no login
// shell finds anything to do. Without wants it is the survey of the node, which
// reads as the login user and nothing else. With wants it reads just those, and
// what that user cannot as become says. Wants that are not Askable are left
// out.
func Command(nonce string, become Become, wants []evidence.Want) string {
	return "exec /bin/sh -c 'K=" + nonce + "; become=" + become.reader(wants) + "; " + inCommand + text() + calls(wants) + "'"
}

// surveyCommand is the Command of a survey and its nonce. They are one for all
// nodes: every user of a node can read both while it runs, wherever they are
// from, and the text is 19 KB.
var surveyCommand = sync.OnceValues(func() (nonce, command string) {
	nonce = rand.Text()
	return nonce, Command(nonce, Never, nil)
})

// Script is the same for the standard input of StdinCommand.
func Script(nonce string, become Become, wants []evidence.Want) string {
	return "K=" + nonce + "\nbecome=" + become.reader(wants) + "\n" + onStdin + text() + calls(wants) + "\n"
}

// calls runs the script's functions.
func calls(wants []evidence.Want) string {
	if len(wants) == 0 {
		return "{ m begin; " + survey + "; m end; } </dev/null"
	}
	var b strings.Builder
	b.WriteString("{ m begin; ")
	for _, w := range wants {
		if Askable(w.Path) || w.Kind == evidence.Served && addressLike(w.Path) {
			b.WriteString(call(w))
		}
	}
	b.WriteString("m end; } </dev/null")
	return b.String()
}

// call is the one for a want.
func call(w evidence.Want) string {
	pid, path := strconv.Itoa(w.PID), `"`+w.Path+`"; `
	switch w.Kind {
	case evidence.DropInDir:
		return "confs " + pid + " " + path
	case evidence.Served:
		return "served " + path
	case evidence.Program:
		return "program " + path
	case evidence.CertDir:
		return "names " + path
	default:
		return "file " + string(rune(w.Kind)) + " " + pid + " " + path
	}
}
