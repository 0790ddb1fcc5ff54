package probe

import (
	"regexp"
	"strings"
)

// A masker takes the values of credentials out of the lines of a text, as
// mask, scan and their like in probe.sh do on the node, state for state; a
// fuzz test holds the two together. It is for what no node has filtered, and a
// second belt for what one has.
//
// Words are read as systemd and a shell read them: a flag's value is the next
// word or what follows its =, within quotes or without.
type masker struct {
	said []byte
	unit bool // a word ends with its line; an environment file goes on within quotes
	list bool // words that follow a value and are no flag belong to it: nothing quotes them
	pem  bool // within a private key
	long bool // a line was too long to be looked at, and is held altogether

	quote          byte // the open quote
	lead           hold // how far the value of the word at hand would reach
	hold           hold
	word           string // the name that may turn out to be a credential's
	start          bool   // of a word
	own            bool   // the open quote belongs to what is held
	greedy         bool   // list, for one value
	gates, joined  bool   // behind feature-gates=; the line goes on in the next one
	reachesLineEnd bool   // lead of a line's first word
}

// hold is what is being kept back.
type hold byte

const (
	nothing hold = iota
	next         // the next word
	rest         // of this word
	quoted       // up to the end of the quote
	line         // up to the end of the line
	more         // further words that are no flags
)

// maxMasked is the length of a line that is looked at, in bytes: the shells
// need time for it that grows with its square.
const maxMasked = 8192

// maskLines is text without the values of credentials. ok is unset where a
// line was too long to tell.
func maskLines(text string) (masked string, ok bool) {
	if plain(text) {
		return text, true
	}
	return maskWords(text)
}

// maskWords is maskLines for a text that is not plain.
func maskWords(text string) (masked string, ok bool) {
	m := masker{reachesLineEnd: true}
	m.restart()
	var b strings.Builder
	for l := range strings.Lines(text) {
		body, ended := strings.CutSuffix(l, "\n")
		b.WriteString(m.mask(body))
		if ended {
			b.WriteByte('\n')
		}
	}
	return b.String(), !m.long
}

// maskListing does the same for the output of ps.
func maskListing(text string) string {
	m := masker{unit: true, list: true}
	var b strings.Builder
	at, done := 0, 0 // in text: where the line begins, and how far b reaches
	for l := range strings.Lines(text) {
		line := strings.TrimSuffix(l, "\n")
		if m.pem || !plain(line) {
			m.restart()
			if masked := m.mask(line); masked != line {
				b.WriteString(text[done:at] + masked)
				done = at + len(line)
			}
		}
		at += len(l)
	}
	if done == 0 {
		return text
	}
	return b.String() + text[done:]
}

// maskArgv does the same for an argument vector, where a flag and its value
// may be two elements. ok is unset where an argument was too long to tell.
func maskArgv(args []string) (masked []string, ok bool) {
	due := false
	masked = make([]string, 0, len(args))
	for _, arg := range args {
		if due && arg != "" && !isLongFlag(arg) {
			due = false
			masked = append(masked, withheld)
			continue
		}
		if due = false; !hinted(arg) {
			masked = append(masked, arg)
			continue
		}
		if due = arg[0] == '-' && !strings.ContainsAny(arg, "= ") && credential(arg); due {
			masked = append(masked, arg)
			continue
		}
		if len(arg) > maxMasked {
			return nil, false
		}
		m := masker{list: true}
		m.restart()
		m.quote, m.lead = argumentQuote, quoted
		m.keyless(maskURLs(arg, " \t\n"))
		masked = append(masked, string(m.said))
	}
	return masked, true
}

// argumentQuote is the quote around a whole argument: a byte that none has.
const argumentQuote = '\x1f'

func isLongFlag(text string) bool {
	return len(text) > 2 && text[:2] == "--" && 'a' <= text[2] && text[2] <= 'z'
}

var (
	alwaysCredential = regexp.MustCompile(`(?s)^-t$|[Ss]et[Cc]redential$|[Uu][Rr][Ll]-header$`)
	neverCredential  = regexp.MustCompile(`(?s)_(?:FILE|PATH|DIR|ARGS|OPTS|OPTIONS|FLAGS)$|[/:,]`)
	mixedCase        = regexp.MustCompile(`(?s)[a-z].*[A-Z]|[A-Z].*[a-z]`)
	credentialName   = regexp.MustCompile(`(?s)TOKEN|PASSW|PASSPHRASE|SECRET|CREDENTIAL|PRIVATE_KEY|ACCESS_KEY|API_KEY|` +
		`(?:[Tt]oken|[Pp]assword|[Pp]asswd|[Pp]assphrase|[Ss]ecret|[Cc]redentials?|(?:secret|access|private|api)[_-]key)$`)
	wordyName = regexp.MustCompile(`(?s)[Uu][Rr][Ll]-header$|[Ss]et[Cc]redential$`)
)

// credential reports whether the value of a flag or variable of that name is
// one. A file that holds one is none, a variable full of flags is looked into,
// and a feature gate (CSIServiceAccountToken) is only named like one.
func credential(name string) bool {
	switch {
	case !hinted(name):
		return false
	case alwaysCredential.MatchString(name):
		return true
	case !credentialName.MatchString(name), neverCredential.MatchString(name):
		return false
	}
	return strings.ContainsAny(name, "_-") || !mixedCase.MatchString(name)
}

// maskURLs takes what stands before the @ of a URL out of text. A URL ends at
// one of ends.
func maskURLs(text, ends string) string {
	var done strings.Builder
	for {
		before, after, found := strings.Cut(text, "://")
		if !found || !strings.Contains(after, "@") {
			return done.String() + text
		}
		done.WriteString(before + "://")
		text = after
		url := text
		if i := strings.IndexAny(text, ends); i >= 0 {
			url = text[:i]
		}
		if i := strings.LastIndexByte(url, '@'); i >= 0 {
			done.WriteString(withheld)
			text = text[i:]
		}
	}
}

func (m *masker) restart() {
	m.quote, m.word, m.hold, m.lead = 0, "", nothing, nothing
	if m.reachesLineEnd {
		m.lead = line
	}
	m.start, m.own, m.greedy, m.gates, m.joined = true, false, false, false, false
}

// mask is one line without the values of credentials.
func (m *masker) mask(text string) string {
	if m.pem {
		text = m.afterKey(text)
	}
	if len(text) > maxMasked {
		if hinted(text) || m.quote != 0 || m.hold != nothing {
			m.long = true
			return withheld
		}
		return text
	}
	if m.quote == 0 && m.hold == nothing && strings.HasPrefix(text, "[") {
		m.unit, m.reachesLineEnd = true, false
		m.restart()
	}
	if m.quote == 0 && (m.hold == nothing || m.hold == next) {
		if t := strings.TrimLeft(text, " \t"); t != "" && (t[0] == '#' || t[0] == ';') {
			if hinted(t) {
				return "# " + withheld
			}
			return text
		}
	}
	if text == "" && m.quote == 0 && m.hold == nothing {
		return ""
	}
	m.said = m.said[:0]
	m.keyless(maskURLs(text, " \t\n"))
	m.ended()
	return string(m.said)
}

// afterKey is what follows a private key on the line where it ends.
func (m *masker) afterKey(text string) string {
	_, after, found := strings.Cut(text, "-----END ")
	if !found {
		return ""
	}
	m.pem = false
	if _, behind, found := strings.Cut(after, "-----"); found {
		return behind
	}
	return after
}

// keyless scans text without a private key in PEM, which may go on in the next
// lines.
func (m *masker) keyless(text string) {
	if before, after, found := strings.Cut(text, "-----BEGIN "); found && strings.Contains(after, "PRIVATE KEY") {
		m.scan(before)
		text = after
		if !m.own && m.hold != quoted && m.hold != line {
			m.hold = nothing
			m.said = append(m.said, withheld...)
			m.pem = true
			text = m.afterKey(text)
		}
	}
	m.scan(text)
}

func (m *masker) scan(text string) {
	for text != "" {
		i := strings.IndexAny(text, "\\'\"= \t")
		if i < 0 {
			m.piece(text)
			return
		}
		if i > 0 {
			m.piece(text[:i])
		}
		stop := text[i]
		text = text[i+1:]
		switch stop {
		case '\\':
			if text == "" {
				m.joined = true
				m.said = append(m.said, '\\')
				return
			}
			n := 0
			if strings.IndexByte("\\'\" ", text[0]) >= 0 {
				n = 1
			}
			m.piece("\\" + text[:n])
			text = text[n:]
		case '=':
			m.equals()
		case ' ', '\t':
			m.blank(string(stop))
		default:
			m.quotation(stop)
		}
	}
}

// piece is a part of a word.
func (m *masker) piece(text string) {
	switch m.hold {
	case rest, quoted, line:
		return
	case next:
		if !isLongFlag(text) {
			m.said = append(m.said, withheld...)
			m.hold = rest
			return
		}
	case more:
		if c := text[0] | 0x20; 'a' <= c && c <= 'z' || '0' <= text[0] && text[0] <= '9' {
			m.hold = rest
			return
		}
	}
	m.hold, m.start = nothing, false
	m.word += text
	m.said = append(m.said, text...)
}

// equals: what stands before it is the name of what comes.
func (m *masker) equals() {
	switch m.hold {
	case rest, quoted, line:
		return
	case next:
		m.said = append(m.said, withheld...)
		m.hold = rest
		return
	}
	m.hold = nothing
	m.said = append(m.said, '=')
	if !m.gates && credential(m.word) {
		m.said = append(m.said, withheld...)
		m.hold, m.own = rest, false
		if m.lead != nothing {
			m.hold = m.lead
		}
		m.wordy()
	}
	m.gates = m.gates || strings.HasSuffix(m.word, "feature-gates")
	m.word, m.lead, m.start = "", nothing, false
}

// wordy tells whether the value that begins may have blanks in it that nothing
// quotes.
func (m *masker) wordy() { m.greedy = m.list || wordyName.MatchString(m.word) }

// blank ends a word.
func (m *masker) blank(text string) {
	switch m.hold {
	case quoted, line:
		return
	case rest:
		if m.own {
			return
		}
		m.hold = nothing
		if m.greedy {
			m.hold = more
		}
	case nothing:
		if strings.HasPrefix(m.word, "-") && credential(m.word) {
			m.hold, m.own = next, false
			m.wordy()
		}
	}
	m.said = append(m.said, text...)
	m.word, m.lead, m.gates, m.start = "", nothing, false, true
}

// quotation opens a quote or closes it, or is one of the other kind.
func (m *masker) quotation(c byte) {
	switch m.quote {
	case 0:
		m.quote, m.lead = c, nothing
		if m.start {
			m.lead = quoted
		}
		m.start = false
		switch m.hold {
		case next:
			m.said = append(m.said, withheld...)
			m.hold, m.own = rest, true
		case rest, line:
			m.own = true
		default:
			m.hold = nothing
			m.said = append(m.said, c)
		}
	case c:
		m.quote, m.lead = 0, nothing
		if m.own {
			m.own = false
			return
		}
		m.hold = nothing
		m.said = append(m.said, c)
	default:
		m.piece(string(c))
	}
}

// ended ends a line. Where it goes on in the next one, or a quote does, so does
// what is held.
func (m *masker) ended() {
	switch {
	case m.joined:
		if m.unit {
			m.blank("")
		}
	case m.quote == 0 || m.unit:
		m.restart()
	default:
		m.blank("")
	}
	m.joined = false
}
