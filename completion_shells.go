package main

import (
	"fmt"
	"io"
	"strings"
)

// bashCompletion needs bash alone, and not the package bash-completion.
func bashCompletion(w io.Writer, commands []command) {
	lines(w, "# Completion of kletscan for bash: source <(kletscan completion bash)", bashHead)
	names := make([]string, len(commands))
	for i, c := range commands {
		names[i] = c.name
	}
	lines(w,
		"\tif ((COMP_CWORD == 1)); then",
		"\t\t_kletscan_words "+quoted(strings.Join(append(names, "--help", "--version"), " ")),
		"\t\treturn",
		"\tfi",
		"\tcase \"${COMP_WORDS[1]} $prev\" in",
	)
	for _, c := range commands {
		for _, f := range c.flags {
			if f.value == "" {
				continue
			}
			var patterns []string
			for _, name := range f.dashed() {
				patterns = append(patterns, quoted(c.name+" "+name))
			}
			kind, words := f.values()
			lines(w, "\t"+strings.Join(patterns, " | ")+") "+bashValues(kind, words)+"; return ;;")
		}
	}
	lines(w, "\tesac", "\tcase \"${COMP_WORDS[1]} $cur\" in")
	for _, c := range commands {
		var flags []string
		for _, f := range c.flags {
			flags = append(flags, f.dashed()...)
		}
		lines(w, "\t"+quoted(c.name+" ")+"-*) _kletscan_words "+quoted(strings.Join(flags, " "))+" ;;")
		kind, words := c.arguments()
		lines(w, "\t"+quoted(c.name+" ")+"*) "+bashValues(kind, words)+" ;;")
	}
	lines(w, "\tesac", "}", "complete -F _kletscan kletscan")
}

// bashHead ends where the function has found out what is completed: cur, behind
// prev, which are the two sides of a "=" where there is one, since bash makes
// it a word of its own.
const bashHead = `
_kletscan_reply() {
	COMPREPLY=()
	local line
	while IFS= read -r line; do COMPREPLY+=("$line"); done
}
_kletscan_words() { _kletscan_reply < <(compgen -W "$1" -- "$cur"); }
_kletscan_files() {
	compopt -o filenames 2>/dev/null
	_kletscan_reply < <(compgen "$1" -- "$cur")
}
_kletscan_list() {
	local before=
	[[ $cur == *,* ]] && before=${cur%,*},
	compopt -o nospace 2>/dev/null
	_kletscan_reply < <(compgen -P "$before" -W "$1" -- "${cur##*,}")
}
_kletscan_output() {
	compopt -o nospace 2>/dev/null
	_kletscan_words "$1"
}
_kletscan() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	COMPREPLY=()
	if [[ $cur == = || $prev == = ]]; then
		if [[ $cur == = ]]; then cur=; else prev=${COMP_WORDS[COMP_CWORD - 2]}; fi
		[[ $prev == -* ]] || { _kletscan_files -f; return; } # -o csv=FILE
	fi`

func bashValues(k kind, words []string) string {
	all := quoted(strings.Join(words, " "))
	switch k {
	case kindFile:
		return "_kletscan_files -f"
	case kindDir:
		return "_kletscan_files -d"
	case kindWord:
		return "_kletscan_words " + all
	case kindList:
		return "_kletscan_list " + all
	case kindOutput:
		return "_kletscan_output " + all
	}
	return ":"
}

// zshCompletion may be sourced, or stand as _kletscan in a folder of fpath.
func zshCompletion(w io.Writer, commands []command) {
	lines(w, "#compdef kletscan", "# Completion of kletscan for zsh: source <(kletscan completion zsh)", zshHead)
	lines(w, "\t\tlocal -a commands=(")
	for _, c := range commands {
		lines(w, "\t\t\t"+quoted(c.name+":"+strings.ReplaceAll(c.usage, ":", `\:`)))
	}
	lines(w, "\t\t)", "\t\t_describe command commands", "\t\treturn", "\tfi", "\tcase $line[1] in")
	for _, c := range commands {
		lines(w, "\t"+c.name+")", "\t\t_arguments \\")
		for _, f := range c.flags {
			lines(w, "\t\t\t"+zshFlag(f)+" \\")
		}
		kind, words := c.arguments()
		lines(w, "\t\t\t"+quoted("*:"+zshText(c.args)+":"+zshValues(kind, words)), "\t\t;;")
	}
	lines(w, "\tesac", "}",
		`if [[ $funcstack[1] == _kletscan ]]; then _kletscan "$@"; else compdef _kletscan kletscan; fi`)
}

const zshHead = `
_kletscan_output() {
	if compset -P '*='; then _files; else compadd -S '' -- "$@"; fi
}
_kletscan() {
	local -a line
	local state
	_arguments -C '(- *)'{-h,--help}'[show help]' '(- *)--version[print the version]' '1:command:->command' '*::argument:->rest'
	if [[ $state == command ]]; then`

// zshFlag is a flag as _arguments takes it. All may be repeated: which may not
// is for kletscan to say.
func zshFlag(f cliFlag) string {
	names := f.dashed()
	var specs []string
	for _, name := range names {
		spec := name
		value := ""
		if f.value != "" {
			if strings.HasPrefix(name, "--") {
				spec += "="
			}
			kind, words := f.values()
			value = ":" + zshText(f.value) + ":" + zshValues(kind, words)
		}
		specs = append(specs, quoted("*"+spec+"["+zshText(f.usage)+"]"+value))
	}
	return strings.Join(specs, " ")
}

// zshText escapes what _arguments gives a meaning to.
func zshText(text string) string {
	return strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, ":", `\:`).Replace(text)
}

func zshValues(k kind, words []string) string {
	all := strings.Join(words, " ")
	switch k {
	case kindFile:
		return "_files"
	case kindDir:
		return "_files -/"
	case kindWord:
		return "(" + all + ")"
	case kindList:
		return "_sequence compadd - " + all
	case kindOutput:
		return "_kletscan_output " + all
	}
	return "()" // nothing; a blank would be a message, which keeps flags from being completed
}

// fishCompletion looks at the second word only: a node may be named like a
// command.
func fishCompletion(w io.Writer, commands []command) {
	lines(w, "# Completion of kletscan for fish: kletscan completion fish | source", fishHead)
	for _, c := range commands {
		lines(w, "complete -c kletscan -n __kletscan_no_command -a "+c.name+" -d "+fishText(c.usage))
	}
	for _, c := range commands {
		begin := "complete -c kletscan -n " + fishText("__kletscan_command "+c.name)
		for _, f := range c.flags {
			line := begin
			for _, name := range f.names {
				switch {
				case len(name) == 1:
					line += " -s " + name
				case dashes(name) == "-":
					line += " -o " + name
				default:
					line += " -l " + name
				}
			}
			if f.value != "" {
				kind, words := f.values()
				line += " " + fishValues(kind, words)
			}
			lines(w, line+" -d "+fishText(f.usage))
		}
		switch kind, words := c.arguments(); kind {
		case kindFile:
			lines(w, begin+" -F")
		case kindWord:
			lines(w, begin+" -a "+fishText(strings.Join(words, " ")))
		}
	}
}

const fishHead = `
function __kletscan_no_command
    test (count (commandline -opc)) -eq 1
end
function __kletscan_command
    set -l words (commandline -opc)
    test (count $words) -gt 1; and test $words[2] = $argv[1]
end
function __kletscan_list
    set -l before (string match -r '.*,' -- (string replace -r '^--[^=]*=' '' -- (commandline -ct)))
    printf "$before%s\n" $argv
end
function __kletscan_output
    set -l word (string replace -r '^--[^=]*=' '' -- (commandline -ct))
    set -l format (string match -r '^[^=]*=' -- $word)
    if test -n "$format"
        for file in (__fish_complete_path (string replace -- $format '' $word))
            echo $format$file
        end
    else
        printf '%s\n' $argv
    end
end
complete -c kletscan -f
complete -c kletscan -n __kletscan_no_command -l help -s h -d 'show help'
complete -c kletscan -n __kletscan_no_command -l version -d 'print the version'`

func fishValues(k kind, words []string) string {
	all := strings.Join(words, " ")
	switch k {
	case kindFile:
		return "-r -F"
	case kindDir:
		return "-x -a '(__fish_complete_directories)'"
	case kindWord:
		return "-x -a " + fishText(all)
	case kindList:
		return fmt.Sprintf("-x -a '(__kletscan_list %s)'", all)
	case kindOutput:
		return fmt.Sprintf("-x -a '(__kletscan_output %s)'", all)
	}
	return "-x"
}

// fishText is text as one word.
func fishText(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(text) + "'"
}
