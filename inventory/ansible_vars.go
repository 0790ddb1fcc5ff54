package inventory

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ansibleVars are the variables that say how to reach a host. Of two names of
// one thing the later one counts, as in Ansible's ssh connection plugin.
func ansibleVars() []string {
	return []string{
		"ansible_host", "ansible_ssh_host",
		"ansible_port", "ansible_ssh_port",
		"ansible_user", "ansible_ssh_user",
		"ansible_private_key_file", "ansible_ssh_private_key_file",
		"ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args",
		"ansible_connection",
	}
}

// wanted reports whether a variable is one of ansibleVars, or what is wrong with
// one that is nearly that.
func (a *ansible) wanted(name value) (bool, error) {
	rest, ok := strings.CutPrefix(name.text, "ansible_")
	if !ok {
		return false, nil
	}
	known := ansibleVars()
	switch {
	case slices.Contains(known, name.text):
		return true, nil
	case rest == "su_user" || rest == "scp_extra_args": // Ansible's own, and not of interest
		return false, nil
	}
	if hint := didYouMean(name.text, slices.Values(known)); hint != "" {
		return false, mistake(name.at(a.file), name.text, "a variable that Ansible does not know: expected one that it does%s", hint)
	}
	return false, nil
}

// node gives a host its address. The connections that Ansible makes with SSH
// are taken; winrm and psrp make a Windows node, whose port and user are not
// SSH's; others, such as local and docker, lead to no node.
func (a *ansible) node(h *ansibleHost, p profile) (Node, error) {
	vars := p.vars
	if len(h.vars) > 0 {
		vars = slices.Clone(p.vars)
		for _, s := range h.vars {
			setVar(&vars, s.name, s.value)
		}
	}
	node := Node{Name: h.name, Host: h.name, Groups: p.groups, Source: h.at}
	if problem := checkHost(h.name); problem != "" {
		return Node{}, mistake(h.at, h.name, "%s", problem)
	}
	reader := varReader{file: a.file, host: h.name, vars: vars}
	if host, v := reader.word("ansible_host", "ansible_ssh_host"); v.kind != nullKind {
		node.Host = host
		reader.refuse(v, checkHost(host))
	}
	connection, v := reader.word("ansible_connection")
	switch connection[strings.LastIndexByte(connection, '.')+1:] {
	case "", "ssh", "smart", "paramiko", "paramiko_ssh", "libssh":
	case "winrm", "psrp":
		node.OS = "windows"
		return node, reader.err
	default:
		reader.refuse(v, "not reached by SSH: expected ssh, or the host left out")
	}
	if port, v := reader.word("ansible_port", "ansible_ssh_port"); v.kind != nullKind {
		var problem string
		node.Port, problem = parsePort(port)
		reader.refuse(v, problem)
	}
	if user, v := reader.word("ansible_user", "ansible_ssh_user"); user != "" {
		node.User = user
		reader.refuse(v, checkUser(user))
	}
	if key, v := reader.word("ansible_private_key_file", "ansible_ssh_private_key_file"); key != "" {
		node.PrivateKeys = []string{key}
		reader.refuse(v, checkPath(key))
	}
	for _, name := range []string{"ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args"} {
		if args, v := reader.word(name); args != "" {
			reader.refuse(v, addSSHArgs(&node, args))
		}
	}
	return node, reader.err
}

// varReader reads the variables of one host.
type varReader struct {
	file, host string
	vars       []setting
	err        error // the first mistake
}

// refuse keeps the first mistake.
func (r *varReader) refuse(v value, problem string) {
	if problem != "" && r.err == nil {
		r.err = mistake(v.at(r.file), v.show(), "of host %s: %s", quote(r.host), problem)
	}
}

// word is the text of the last of names that is set. The kind of the value is
// null where none is.
func (r *varReader) word(names ...string) (string, value) {
	v := lookUp(r.vars, names...)
	name := names[0]
	word, ok := v.word()
	switch {
	case v.kind == nullKind:
		return "", v
	case v.kind == vaultKind || strings.HasPrefix(word, "$ANSIBLE_VAULT"):
		v = value{kind: vaultKind, line: v.line, column: v.column} // nothing of a secret is shown
		r.refuse(v, name+" is encrypted: expected plain text (ansible-inventory --list decrypts it)")
	case !ok:
		r.refuse(v, name+": expected text or a whole number; put it in quotes")
	case strings.Contains(word, "{{") || strings.Contains(word, "{%"):
		r.refuse(v, name+" is a Jinja template, which only Ansible fills in: expected plain text")
	default:
		return word, v
	}
	return "", value{}
}

// checkPath says what is wrong with the path of a file; empty: nothing.
func checkPath(path string) string {
	switch {
	case path[0] == '-':
		return `path begins with "-": expected the path of a key file`
	case strings.ContainsFunc(path, func(c rune) bool { return !strconv.IsPrint(c) || c == '\ufffd' }):
		return "path with a control character: expected the path of a key file"
	}
	return ""
}

// parseInt reads a whole number of a reasonable size.
func parseInt(text string) (int, bool) {
	n, err := strconv.ParseInt(text, 10, 32)
	return int(n), err == nil
}

// addSSHArgs gives a node the jump hosts and keys of options as in
// ansible_ssh_common_args, or says what of them cannot be followed. As in ssh,
// the first jump counts. What does not change which machine is reached, and as
// whom, is read over: host key checking too, for which kletscan has its own
// rules.
func addSSHArgs(node *Node, args string) (problem string) {
	fields, problem := splitShell(args, false)
	for i := 0; i < len(fields) && problem == ""; i++ {
		flag := fields[i].text
		if len(flag) < 2 || flag[0] != '-' {
			return "option of ssh " + quote(flag) + `: expected one with "-"`
		}
		if strings.IndexByte("46AaCfGgKkMNnqsTtVvXxYy", flag[1]) >= 0 {
			continue
		}
		operand := flag[2:]
		if operand == "" {
			if i++; i == len(fields) {
				return "option of ssh " + quote(flag) + " without its argument"
			}
			operand = fields[i].text
		}
		switch flag[1] {
		case 'J':
			problem = setJump(node, operand)
		case 'o':
			problem = addSSHOption(node, operand)
		case 'i':
			problem = addKey(node, operand)
		case 'c', 'E', 'e', 'm', 'S': // cipher, log, escape, MAC, control socket
		default:
			problem = "option of ssh " + quote(flag[:2]) + " is not followed: expected -J, -i or -o, or ~/.ssh/config to have it"
		}
	}
	return problem
}

// addSSHOption follows the operand of ssh -o.
func addSSHOption(node *Node, option string) (problem string) {
	end := strings.IndexAny(option, "= \t")
	if end < 0 {
		return "option of ssh " + quote(option) + ": expected KEY=VALUE"
	}
	key, rest := option[:end], strings.Trim(option[end:], " \t")
	rest = strings.TrimLeft(strings.TrimPrefix(rest, "="), " \t")
	switch strings.ToLower(key) {
	case "proxyjump":
		return setJump(node, rest)
	case "proxycommand":
		jump, problem := proxyJump(rest)
		if problem != "" {
			return problem
		}
		return setJump(node, jump)
	case "identityfile":
		return addKey(node, strings.Trim(rest, `"`))
	case "hostname", "port", "user", "include", "match":
		return "option of ssh " + quote(key) + " is not followed: expected ansible_host, ansible_port or ansible_user"
	}
	return ""
}

// setJump sets the jump hosts of a node if it has none yet.
func setJump(node *Node, jump string) (problem string) {
	if jump != "none" {
		for hop := range strings.SplitSeq(jump, ",") {
			if _, err := parseAddress(Position{}, strings.TrimPrefix(hop, "ssh://")); err != nil {
				return "jump host " + quote(hop) + ": expected [user@]host[:port], without templates"
			}
		}
	}
	if node.Jump == "" {
		node.Jump = jump
	}
	return ""
}

// addKey adds a key file.
func addKey(node *Node, path string) (problem string) {
	if path == "" {
		return "empty path: expected the path of a key file"
	}
	node.PrivateKeys = append(node.PrivateKeys, path)
	return checkPath(path)
}

// proxyJump is the jump host that a ProxyCommand stands for, if it is no more
// than one: ssh -W %h:%p [-q] [-p PORT] [-l USER] [USER@]HOST.
func proxyJump(command string) (jump, problem string) {
	const expected = "is not a plain jump: expected ssh -W %%h:%%p HOST, or ProxyJump=HOST"
	no := fmt.Sprintf("ProxyCommand %s "+expected, quote(command))
	if strings.EqualFold(command, "none") {
		return "none", ""
	}
	fields, problem := splitShell(command, false)
	if problem != "" || len(fields) == 0 || fields[0].text != "ssh" && fields[0].text != "/usr/bin/ssh" {
		return "", no
	}
	var host, user, port string
	forwards := false
	for i := 1; i < len(fields); i++ {
		flag := fields[i].text
		switch {
		case flag == "-q" || flag == "-T" || flag == "-x" || flag == "-a":
			continue
		case flag[:min(1, len(flag))] != "-" && host == "":
			host = flag
			continue
		case len(flag) < 2 || flag[0] != '-':
			return "", no
		}
		operand := flag[2:]
		if operand == "" {
			if i++; i == len(fields) {
				return "", no
			}
			operand = fields[i].text
		}
		switch {
		case flag[1] == 'W' && (operand == "%h:%p" || operand == "[%h]:%p"):
			forwards = true
		case flag[1] == 'p':
			port = operand
		case flag[1] == 'l':
			user = operand
		default:
			return "", no
		}
	}
	if !forwards || host == "" || user != "" && strings.Contains(host, "@") {
		return "", no
	}
	if user != "" {
		host = user + "@" + host
	}
	if port != "" {
		host += ":" + port
	}
	return host, ""
}
