package probe

import "strings"

// hinted reports whether text may hold a credential: it has token, pass,
// secret, creden, key or header in it, in any case, the flag -t, or something
// before the @ of a URL.
func hinted(text string) bool { return hint(text, "\\='\" \t\x1f") }

// plain reports whether a text comes out of a masker as it went in, which is
// cheaper to tell: nothing in it is hinted, and no word has a quote or the end
// of a line in it, over which a masker reads on.
func plain(text string) bool {
	if len(text) > maxMasked {
		for line := range strings.Lines(text) {
			if len(line) > maxMasked {
				return false
			}
		}
	}
	return !hint(text, "\\='\" \t\x1f\n") && !brokenWord(text)
}

// hint is hinted, with what may stand behind -t. It sees every byte that a node
// sends, so it is a narrow loop: for the second bytes of what it looks for.
func hint(text, stops string) bool {
	second := byte(0)
	for i := range len(text) {
		found := text[i]|0x20 == second
		second = hintSeconds[text[i]]
		if found && isHint(text, i-1, stops) {
			return true
		}
	}
	if strings.IndexByte(text, '@') < 0 {
		return false
	}
	_, behind, found := strings.Cut(text, "://")
	return found && strings.IndexByte(behind, '@') >= 0
}

// hintSeconds are the second bytes of what hint looks for, by the first ones:
// to-ken, key, pass, se-cret, creden, header, -t.
var hintSeconds = [256]byte{'k': 'e', 'K': 'e', 'p': 'a', 'P': 'a', 'c': 'r', 'C': 'r', 'h': 'e', 'H': 'e', '-': 't'}

// isHint reports whether the pair of bytes at i belongs to what hint looks for.
func isHint(text string, i int, stops string) bool {
	behind := text[i+2:]
	switch text[i] | 0x20 {
	case 'k':
		return begins(behind, "y") || begins(behind, "n") && i >= 2 && begins(text[i-2:], "to")
	case 'p':
		return begins(behind, "ss")
	case 'c':
		return begins(behind, "eden") || begins(behind, "et") && i >= 2 && begins(text[i-2:], "se")
	case 'h':
		return begins(behind, "ader")
	default:
		return text[i+1] == 't' && (behind == "" || strings.IndexByte(stops, behind[0]) >= 0)
	}
}

// begins reports whether text begins with a word in lower case, in any case.
func begins(text, word string) bool {
	if len(text) < len(word) {
		return false
	}
	for i := range len(word) {
		if text[i]|0x20 != word[i] {
			return false
		}
	}
	return true
}

// brokenWord reports whether a quote or the end of a line stands within one of
// text's words.
func brokenWord(text string) bool {
	for _, c := range []byte("'\"\\") {
		for rest := text; ; {
			i := strings.IndexByte(rest, c)
			if i < 0 || i+1 == len(rest) {
				break
			}
			next := rest[i+1]
			if i > 0 && inWord(rest[i-1]) && (inWord(next) || next == '\'' || next == '"' || next == '\\' || c == '\\' && next == '\n') {
				return true
			}
			rest = rest[i+1:]
		}
	}
	return false
}

// inWord reports whether a byte may stand in what hint looks for.
func inWord(c byte) bool { return c == '-' || 'a' <= c|0x20 && c|0x20 <= 'z' }
