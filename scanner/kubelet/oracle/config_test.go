package oracle

import (
	"testing"

	"pgregory.net/rapid"
)

// The same --config files are refused, and the others give the same settings.
// The types are today's: enableServer is a field of them, and was not before 1.19.
func TestConfigFile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minor := minors(19, newest).Draw(t, "minor")
		node{args: []string{"--config", configPath}, config: documents(minor).Draw(t, "config")}.check(t, minor)
	})
}

// --config-dir merges as the version does: mergo in 1.28, JSON merge patches on
// the internal object in 1.29 to 1.31 and on v1beta1 from 1.32 on.
func TestDropIns(t *testing.T) {
	for name, span := range map[string][2]int{"1.28": {28, 28}, "1.29 to 1.31": {29, 31}, "from 1.32": {32, newest}} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				minor := minors(span[0], span[1]).Draw(t, "minor")
				n := node{args: []string{"--config-dir", configDir}, dropIns: dropInSets(minor).Draw(t, "drop-ins")}
				if rapid.IntRange(0, 4).Draw(t, "with --config") > 0 {
					n.args = append(n.args, "--config", configPath)
					n.config = plainDocuments(minor).Draw(t, "config")
				}
				n.check(t, minor)
			})
		})
	}
}

// Everything at once, in the kubelet's order: defaults, --config, --config-dir,
// flags, gates, validation.
func TestWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes(newest).Draw(t, "node").check(t, newest)
	})
}

// nodes have most often both kinds of files, named anywhere among the flags.
func nodes(minor int) *rapid.Generator[node] {
	return rapid.Custom(func(t *rapid.T) node {
		n := node{config: plainDocuments(minor).Draw(t, "config"), dropIns: dropInSets(minor).Draw(t, "drop-ins")}
		parts := rapid.SliceOfN(arguments(minor), 0, 4).Draw(t, "arguments")
		for _, part := range [][]string{{"--config", configPath}, {"--config-dir=" + configDir}} {
			if rapid.IntRange(0, 3).Draw(t, "with "+part[0]) > 0 {
				i := rapid.IntRange(0, len(parts)).Draw(t, "at")
				parts = append(parts[:i:i], append([][]string{part}, parts[i:]...)...)
			}
		}
		for _, part := range parts {
			n.args = append(n.args, part...)
		}
		return n
	})
}
