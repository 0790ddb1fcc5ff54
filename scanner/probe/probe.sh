# kletscan probe: reads, never writes. POSIX sh: dash, bash, busybox ash, ksh, zsh as sh.
# It goes out in one line, without comments, as one argument between single quotes: every login shell must hand it
# on unchanged, so no quote of that kind, backslash, exclamation mark, tab or two blanks may stand in the code.
# Set before this text: K, the random word of this run; mark, a random word that begins every frame; services,
# environments, configs, dropins, ranchers, arguments, certdirs and authorities, lists of names; and become, who
# reads what this user cannot: sudo, doas, auto for what is there, or nothing for nobody.
LC_ALL=C
PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin:$PATH
export LC_ALL PATH
unset COLUMNS PS_FORMAT PS_PERSONALITY CMD_ENV
limit=1048577
withheld="(withheld)"
# What may not stand in this text: a quote, a backslash, two bytes that no argument has, the other quote, a tab
# and a newline.
bs=$(echo 15 | tr 0-7 "&-(Z-^")
q=${bs%?}
bs=${bs#?}
x=$(printf "${bs}037${bs}001${bs}042${bs}011${bs}012.")
us=${x%?????}
x=${x#?}
soh=${x%????}
x=${x#?}
dq=${x%???}
x=${x#?}
tab=${x%??}
nl=${x#?}
nl=${nl%?}
stops="$bs$bs=$q$tab $dq"
ends=" $tab$nl"
suspect="header|://.*@|token|passw|secret|bearer|key-data|private key|$bs${bs}[ux]"

# m WORD...: the next frame begins. What was printed since the last one is its body, byte for byte.
m() {
	echo
	printf %s "@$mark $*"
	echo
}

# facts PATH: modification time, mode and owner, or what stands for not known.
facts() {
	stat -L -c "%Y %a %u" "$1" 2>/dev/null || echo 0 - -1
}

# blocked PATH: some directory above it may not be searched, so nothing is known of PATH.
blocked() {
	a=$1
	while :; do
		a=${a%/*}
		case $a in "") return 1 ;; esac
		if [ -e "$a" ]; then
			if [ -x "$a" ]; then return 1; fi
			return 0
		fi
	done
}

# absence PATH: why there is nothing to see at PATH.
absence() {
	case $1 in /proc/*/root/*) if [ "$uid" -gt 0 ]; then
		echo denied
		return
	fi ;; esac
	if blocked "$1"; then
		echo denied
	elif [ -h "$1" ] && [ "$uid" -gt 0 ]; then
		echo denied
	else
		echo absent
	fi
}

# credential NAME: the value of a flag or variable of that name is one. A file that holds one is none,
# a variable full of flags is looked into, and a feature gate (CSIServiceAccountToken) is only named like one.
credential() {
	case $1 in
	-t | *[Ss]et[Cc]redential | *[Uu][Rr][Ll]-header) return 0 ;;
	*_FILE | *_PATH | *_DIR | *_ARGS | *_OPTS | *_OPTIONS | *_FLAGS | *[/:,]*) return 1 ;;
	*[a-z]*[A-Z]* | *[A-Z]*[a-z]*) case $1 in *_* | *-*) ;; *) return 1 ;; esac ;;
	esac
	case $1 in
	*TOKEN* | *PASSW* | *PASSPHRASE* | *SECRET* | *CREDENTIAL* | *PRIVATE_KEY* | *ACCESS_KEY* | *API_KEY*) return 0 ;;
	*[Tt]oken | *[Pp]assword | *[Pp]asswd | *[Pp]assphrase | *[Ss]ecret | *[Cc]redential | *[Cc]redentials) return 0 ;;
	*secret[_-]key | *access[_-]key | *private[_-]key | *api[_-]key) return 0 ;;
	esac
	return 1
}

# hinted TEXT: it may hold a credential, and is worth a close look.
hinted() {
	case $1 in
	*[Tt][Oo][Kk][Ee][Nn]* | *[Pp][Aa][Ss][Ss]* | *[Ss][Ee][Cc][Rr][Ee][Tt]* | *[Cc][Rr][Ee][Dd][Ee][Nn]*) return 0 ;;
	*[Kk][Ee][Yy]* | *[Hh][Ee][Aa][Dd][Ee][Rr]* | *-t | *-t["$stops$us"]* | *"://"*"@"*) return 0 ;;
	esac
	return 1
}

# urls: takes what stands before the @ of a URL out of line. A URL ends at one of ends.
urls() {
	done=
	while :; do
		case $line in *"://"*"@"*) ;; *) break ;; esac
		done=$done${line%%"://"*}"://"
		line=${line#*"://"}
		url=${line%%["$ends"]*}
		case $url in *@*) done=$done$withheld@ ;; esac
		while :; do
			case $url in *@*) ;; *) break ;; esac
			url=${url#*@}
			line=${line#*@}
		done
	done
	line=$done$line
}

# The words of a line, read as systemd and a shell read them. quote is the open quote, word the name that
# may turn out to be a credential. hold is what is being kept back: the next word, the rest of this one, up
# to the end of the quote or line, or more words that are no flag. lead is how far the value of the word at hand reaches.
restart() {
	quote=
	word=
	hold=
	lead=$whole
	start=1
	own=
	greedy=
	gates=
	joined=
}

# piece TEXT: a part of a word.
piece() {
	case $hold in
	word | quote | line) return ;;
	next) case $1 in --[a-z]*) ;; *)
		said=$said$withheld
		hold=word
		return
		;;
	esac ;;
	more) case $1 in [A-Za-z0-9]*)
		hold=word
		return
		;;
	esac ;;
	esac
	hold=
	start=
	word=$word$1
	said=$said$1
}

# equals: what stands before it is the name of what comes.
equals() {
	case $hold in
	word | quote | line) return ;;
	next)
		said=$said$withheld
		hold=word
		return
		;;
	esac
	hold=
	said="$said="
	if [ -z "$gates" ] && credential "$word"; then
		said=$said$withheld
		hold=${lead:-word}
		own=
		wordy
	fi
	case $word in *feature-gates) gates=1 ;; esac
	word=
	lead=
	start=
}

# wordy: the value that begins may have blanks in it that nothing quotes.
wordy() {
	greedy=$list
	case $word in *[Uu][Rr][Ll]-header | *[Ss]et[Cc]redential) greedy=1 ;; esac
}

# blank CHARACTER: a word ends.
blank() {
	case $hold in
	quote | line) return ;;
	word)
		if [ -n "$own" ]; then return; fi
		hold=
		if [ -n "$greedy" ]; then hold=more; fi
		;;
	"") case $word in -*) if credential "$word"; then
		hold=next
		own=
		wordy
	fi ;; esac ;;
	esac
	said=$said$1
	word=
	lead=
	gates=
	start=1
}

# quotation CHARACTER: a quote opens or closes, or is of the other kind.
quotation() {
	case $quote in
	"")
		quote=$1
		lead=
		if [ -n "$start" ]; then lead=quote; fi
		start=
		case $hold in
		next)
			said=$said$withheld
			hold=word
			own=1
			;;
		word | line) own=1 ;;
		*)
			hold=
			said=$said$1
			;;
		esac
		;;
	"$1")
		quote=
		lead=
		if [ -n "$own" ]; then
			own=
			return
		fi
		hold=
		said=$said$1
		;;
	*) piece "$1" ;;
	esac
}

# escape: rest is what follows a backslash.
escape() {
	case $rest in
	"")
		joined=1
		said=$said$bs
		return
		;;
	"$bs"*) piece "$bs$bs" ;;
	"$q"*) piece "$bs$q" ;;
	"$dq"*) piece "$bs$dq" ;;
	" "*) piece "$bs " ;;
	*)
		piece "$bs"
		return
		;;
	esac
	rest=${rest#?}
}

# scan TEXT: adds it to said without the values of credentials.
scan() {
	rest=$1
	while [ -n "$rest" ]; do
		chunk=${rest%%["$stops"]*}
		stop=
		case $rest in
		"$chunk$bs"*) stop=$bs ;;
		"$chunk="*) stop="=" ;;
		"$chunk "*) stop=" " ;;
		"$chunk$tab"*) stop=$tab ;;
		"$chunk$q"*) stop=$q ;;
		"$chunk$dq"*) stop=$dq ;;
		esac
		case $chunk in ?*) piece "$chunk" ;; esac
		case $stop in "") return ;; esac
		rest=${rest#*["$stops"]}
		case $stop in
		"$bs") escape ;;
		"=") equals ;;
		" " | "$tab") blank "$stop" ;;
		*) quotation "$stop" ;;
		esac
	done
}

# ended: so does the line. Where it goes on in the next one, or a quote does, so does what is held.
ended() {
	if [ -n "$joined" ]; then
		if [ -n "$unit" ]; then blank ""; fi
	elif [ -z "$quote" ] || [ -n "$unit" ]; then
		restart
	else
		blank ""
	fi
	joined=
}

# keyless: scans line without a private key in PEM, which may go on in the next lines.
keyless() {
	case $line in *"-----BEGIN "*"PRIVATE KEY"*)
		scan "${line%%"-----BEGIN "*}"
		line=${line#*"-----BEGIN "}
		case $hold$own in "" | next | word | more)
			hold=
			said=$said$withheld
			case $line in
			*"-----END "*)
				line=${line#*"-----END "}
				line=${line#*-----}
				;;
			*)
				line=
				pem=1
				;;
			esac
			;;
		esac
		;;
	esac
	scan "$line"
}

# trim TEXT: t is what follows its blanks.
trim() {
	t=$1
	while :; do
		case $t in " "* | "$tab"*) t=${t#?} ;; *) return ;; esac
	done
}

# mask: prints line without the values of credentials. In a unit, a word ends with its line; an
# environment file goes on within quotes. What is too long to be looked at is held altogether.
mask() {
	case $pem in 1) case $line in
		*"-----END "*)
			line=${line#*"-----END "}
			line=${line#*-----}
			pem=
			;;
		*) line= ;;
		esac ;;
	esac
	said=$line
	if [ ${#line} -gt 8192 ]; then
		if hinted "$line" || [ -n "$quote$hold" ]; then
			said=$withheld
			long=1
		fi
		line=
	fi
	case $quote$hold$line in "["*)
		unit=1
		whole=
		restart
		;;
	esac
	case $quote$hold in "" | next)
		trim "$line"
		case $t in "#"* | ";"*)
			if hinted "$t"; then said="# $withheld"; fi
			line=
			t="#"
			;;
		esac
		;;
	*) t=$line ;;
	esac
	case $t in "#") ;; *) if [ -n "$line$quote$hold" ]; then
		said=
		urls
		keyless
		ended
	fi ;; esac
	printf %s "$said"
	echo
}

# plain: standard input, a text of lines, without the values of credentials.
plain() {
	pem=
	long=
	unit=
	list=
	whole=line
	restart
	while IFS= read -r line || [ -n "$line" ]; do mask; done
	[ -z "$long" ]
}

# argument: a, one of an argument vector, without the values of credentials, as said.
argument() {
	said=$a
	case $due$a in
	due: | due:--[a-z]*) ;;
	due:*)
		due=
		said=$withheld
		return
		;;
	esac
	due=
	case $a in -*=* | -*" "*) ;; -*) if credential "$a"; then
		due=due:
		return
	fi ;; esac
	if hinted "$a"; then
		if [ ${#a} -gt 8192 ]; then return 1; fi
		line=$a
		urls
		restart
		quote=$us
		lead=quote
		said=
		keyless
	fi
}

# arguments TEXT: an argument vector with $us for every NUL and a dot at its end, printed as it was but for
# the values of credentials. Fails where that cannot be told.
arguments() {
	case $1 in *"$soh"*) return 3 ;; esac
	left=$1
	if hinted "$left"; then
		if [ ${#left} -gt 65536 ]; then return 3; fi
		due=
		list=1
		whole=
		pem=
		while :; do
			case $left in *"$us"*) ;; *) break ;; esac
			a=${left%%"$us"*}
			left=${left#*"$us"}
			argument || return 3
			printf "%s${bs}000" "$said"
		done
		a=${left%.}
		argument || return 3
		printf %s "$said"
	else
		printf %s "${left%.}" | tr "$us" "${bs}000"
	fi
}

# flow TEXT: rest is what follows a map in braces that was opened depth times. Fails where that is not plain.
flow() {
	rest=$1
	while [ -n "$rest" ]; do
		chunk=${rest%%["{}$dq$q"]*}
		stop=
		case $rest in
		"$chunk{"*) stop="{" ;;
		"$chunk}"*) stop="}" ;;
		"$chunk$q"*) stop=$q ;;
		"$chunk$dq"*) stop=$dq ;;
		*)
			rest=
			return
			;;
		esac
		rest=${rest#*["{}$dq$q"]}
		case $stop in
		"{") depth=$((depth + 1)) ;;
		"}")
			depth=$((depth - 1))
			case $depth in 0) return 0 ;; -*) return 1 ;; esac
			;;
		*)
			case $rest in *"$stop"*) ;; *) return 1 ;; esac
			case ${rest%%"$stop"*} in *"$bs") return 1 ;; esac
			rest=${rest#*"$stop"}
			;;
		esac
	done
}

header="[Ss][Tt][Aa][Tt][Ii][Cc][Pp][Oo][Dd][Uu][Rr][Ll][Hh][Ee][Aa][Dd][Ee][Rr]"
# headless: takes what staticPodURLHeader holds out of line, whose beginning said then is.
headless() {
	said=
	while :; do
		case $line in *$header*) ;; *) return 0 ;; esac
		before=${line%%$header*}
		value=${line#*$header}
		key=${line#"$before"}
		key=${key%%["$q$dq: $tab"]*}
		case $value in "$dq"* | "$q"*)
			key=$key${before#"${before%?}"}
			value=${value#?}
			;;
		esac
		trim "$before"
		case $t in "" | "$dq" | "$q") alone=1 ;; *) alone= ;; esac
		trim "$value"
		case $t in :*) trim "${t#:}" ;; *) return 1 ;; esac
		said="$said$before$key: "
		case $t in
		null* | "~"*)
			line=$t
			continue
			;;
		"{"*)
			depth=0
			flow "$t" || return 1
			line=$rest
			;;
		"" | "#"*)
			if [ -z "$alone" ]; then return 1; fi
			block=1
			line=
			;;
		*) return 1 ;;
		esac
		said="$said{$dq$withheld$dq: []}"
	done
}

# scalar: takes the value out of a line whose key is named like a credential.
scalar() {
	key=${line%%:*}
	key=${key%["$dq$q"]}
	trim "${line#*:}"
	case $line in *:*) ;; *) return ;; esac
	case $key in *[Tt][Oo][Kk][Ee][Nn] | *[Pp]assword | *[Pp]asswd | *[Ss]ecret | *-key-data) ;; *) return ;; esac
	case $t in "" | true* | false* | null* | "~"* | "{"* | "["* | "#"* | "//"*) return ;; esac
	value=$dq$withheld$dq
	case $t in ["$dq$q"]*["$dq$q"],) value=$value, ;; *,) value=$withheld, ;; esac
	line="${line%%:*}: $value"
}

# settings: of a KubeletConfiguration on standard input all but credentials, each line on its own line.
# Fails where one could hide.
settings() {
	ends="$ends$dq$q"
	hush=
	block=
	depth=0
	while IFS= read -r line || [ -n "$line" ]; do
		if [ ${#line} -gt 65536 ]; then return 1; fi
		case $line in *"$bs"u00[4-7]* | *"$bs"U000000[4-7]* | *"$bs"x[4-7]*) return 1 ;; esac
		said=
		trim "$line"
		inner=$((${#line} - ${#t}))
		case $block$depth in 0) indent=$inner ;; *)
			if [ "$depth" -gt 0 ]; then
				if [ "$inner" -le "$indent" ]; then case $t in "}"*) ;; *) return 1 ;; esac fi
				flow "$line" || return 1
				line=$rest
			elif [ "$inner" -gt "$indent" ]; then
				flow "$line" || return 1
				if [ "$depth" -gt 0 ]; then return 1; fi
				line=
			else
				case $t in
				"" | "#"* | "- "*) line= ;;
				"{"* | "["*) return 1 ;;
				*:* | "---"* | "..."* | "}"*)
					block=
					indent=$inner
					;;
				*) return 1 ;;
				esac
			fi
			;;
		esac
		case $t in
		"#"*)
			if hinted "$t"; then hush=1; fi
			if [ -n "$hush" ]; then line="# $withheld"; fi
			;;
		*) hush= ;;
		esac
		if [ -n "$line" ]; then
			headless || return 1
			urls
			scalar
		fi
		printf %s "$said$line"
		echo
	done
	[ "$depth" = 0 ]
}

# kubeletkeys: of a k3s or RKE2 config.yaml on standard input only what decides the kubelet.
# Fails at a line that is not plain block YAML, since a key could hide there.
kubeletkeys() {
	keep=
	pem=
	long=
	unit=1
	list=
	whole=
	restart
	while IFS= read -r line || [ -n "$line" ]; do
		case $line in
		"" | "#"* | "---"*) continue ;;
		kubelet-arg:* | kubelet-arg+:* | data-dir:* | config:* | node-name:*) keep=1 ;;
		[A-Za-z]*:*) keep= ;;
		" "* | "$tab"* | "-"*) ;;
		*) return 1 ;;
		esac
		if [ -n "$keep" ]; then mask; fi
	done
	[ -z "$long" ]
}

# certificates: of a PEM file on standard input only the certificates. Keys stay here.
certificates() {
	keep=
	while IFS= read -r line || [ -n "$line" ]; do
		case $line in
		"-----BEGIN CERTIFICATE-----"*) keep=1 ;;
		*"-----BEGIN "*) keep= ;;
		esac
		if [ -n "$keep" ]; then
			printf %s "$line"
			echo
		fi
		case $line in "-----END "*) keep= ;; esac
	done
}

# served ADDRESS: what openssl is served there, in ten seconds at the most.
served() {
	m served "$1"
	if command -v openssl >/dev/null 2>&1; then
		$patience openssl s_client -connect "$1" -showcerts </dev/null 2>&1 | head -c 262144
	else
		m rc 127
	fi
}

# send KIND: standard input as far as KIND lets it leave the node.
#   k  a KubeletConfiguration (looked for before, by the caller)
#   r  one in which there is no credential to look for
#   t  a unit, environment or argument file
#   y  a config.yaml of k3s or RKE2
#   p  a PEM file
send() {
	case $1 in
	k)
		text=$(head -c $limit | settings && echo .) || return 1
		printf %s "${text%.}"
		;;
	r) head -c $limit ;;
	t) head -c $limit | plain ;;
	y) head -c $limit | kubeletkeys ;;
	p) head -c $limit | certificates ;;
	esac
}

# unsent KIND: the state of a file that send did not let go.
unsent() {
	state=sealed
	case $1 in y) state=withheld ;; esac
}

# file KIND PID PATH: one file, seen through /proc/PID/root unless PID is 0.
# With become set, cat -- PATH as root reads what this user cannot.
file() {
	case $did in *"$nl$2 $3$nl"*) return ;; esac
	did="$did$2 $3$nl"
	r=$3
	case $2 in 0) ;; *) r=/proc/$2/root$3 ;; esac
	m file "$2" "$3"
	if [ -e "$r" ]; then
		if [ -f "$r" ]; then
			if [ -r "$r" ]; then
				state=present
				kind=$1
				if [ "$1" = k ] && [ -s "$r" ]; then
					grep -q KubeletConfiguration "$r" 2>/dev/null || state=withheld
					grep -qiE "$suspect" "$r" 2>/dev/null || kind=r
				fi
				if [ $state = present ]; then send $kind <"$r" 2>/dev/null || unsent "$1"; fi
				m state $state no $(facts "$r")
				return
			fi
			state=denied
		else
			m state not-regular no $(facts "$r")
			return
		fi
	else
		state=$(absence "$r")
	fi
	if [ $state = denied ] && [ -n "$become" ]; then
		rootfile "$1" "$r"
	else
		m state $state no $(facts "$r")
	fi
}

# asroot COMMAND...: as root and without a question, or not at all.
asroot() {
	case $become in
	sudo) sudo -n "$@" </dev/null ;;
	doas) doas -n "$@" </dev/null ;;
	esac
}

# rootcat PATH: its content as root, and the status behind it.
rootcat() {
	asroot cat -- "$1"
	echo "=$?"
}

# rootfile KIND PATH: a refusal goes to standard error, where it is told apart by its own marker.
# A file longer than the limit is cut before a shell holds it, and then has no marker of its own.
rootfile() {
	printf %s "@$mark sudo $2" >&2
	echo >&2
	c=$(rootcat "$2" | head -c $((limit + 2)))
	state=denied
	if [ ${#c} -gt $((limit + 1)) ]; then c="$c=0"; fi
	case $c in
	*=0)
		c=${c%=0}
		state=present
		if [ "$1" = k ]; then case $c in "" | *KubeletConfiguration*) ;; *) state=withheld ;; esac fi
		if [ $state = present ]; then printf %s "$c" | send "$1" || unsent "$1"; fi
		;;
	esac
	m state $state sudo $(facts "$2")
}

# confs PID DIR: every *.conf below a --config-dir, as the kubelet would find them.
confs() {
	r=$2
	case $1 in 0) ;; *) r=/proc/$1/root$2 ;; esac
	case $did in *"$nl$1 $2/$nl"*) return ;; esac
	did="$did$1 $2/$nl"
	state=present
	list=
	how=no
	if [ -d "$r" ]; then
		list=$(find "$r" 2>/dev/null) || state=denied
	elif [ -e "$r" ]; then
		state=not-regular
	else
		state=$(absence "$r")
	fi
	if [ $state = denied ] && [ -n "$become" ]; then
		printf %s "@$mark sudo $r" >&2
		echo >&2
		how=sudo
		list=$(asroot find "$r") && state=present
	fi
	m dir "$1" "$2"
	m state $state $how $(facts "$r")
	pid=$1
	set -f
	IFS=$nl
	for x in $list; do
		set +f
		unset IFS
		case $x in
		*.conf) ;;
		*) continue ;;
		esac
		case $pid in 0) ;; *) x=${x#/proc/$pid/root} ;; esac
		file k "$pid" "$x"
	done
	set +f
	unset IFS
}

# names DIR: names, times and link targets of the certificates there, never their contents.
names() {
	if [ -e "$1" ]; then
		if [ -r "$1" ] && [ -x "$1" ]; then state=present; else state=denied; fi
	else
		state=$(absence "$1")
	fi
	case $state in absent) return ;; esac
	m dir 0 "$1"
	m state $state no $(facts "$1")
	for x in "$1"/*kubelet*; do
		if [ -e "$x" ] || [ -h "$x" ]; then
			m entry $(facts "$x") "$x"
			readlink "$x" 2>/dev/null
		fi
	done
}

# program PATH: what it prints for --version, if root alone could have put it there.
program() {
	m program "$1"
	case $1 in
	/*/kubelet | /*/k3s | /*/rke2) ;;
	*) return ;;
	esac
	case $(stat -L -c "%u %a" "$1" 2>/dev/null) in
	"0 755" | "0 555" | "0 750" | "0 550" | "0 700" | "0 500") $patience "$1" --version </dev/null 2>/dev/null | head -c 200 ;;
	esac
}

# version PID: the same for the program of a process.
version() {
	x=$(readlink "/proc/$1/exe" 2>/dev/null)
	case $x in "")
		x=$(head -c 4096 "/proc/$1/cmdline" 2>/dev/null | tr -c "[:print:]" " ")
		x=${x%% *}
		;;
	esac
	case $x in /*) program "$x" ;; esac
}

# vector: the argument vector of the process d, and the status behind it.
vector() {
	head -c $limit "$d/cmdline" 2>/dev/null
	echo "=$?"
}

# candidate PID COMM: all that decides what this process is.
candidate() {
	d=/proc/$1
	m process "$1" "$2"
	m status
	grep -E "^(PPid|Uid):" "$d/status" 2>/dev/null
	m stat
	head -c 1024 "$d/stat" 2>/dev/null
	m cmdline
	c=$(vector | tr "${bs}000${bs}037" "${bs}037${bs}001")
	case $c in
	*=0)
		arguments "${c%=0}."
		m rc $?
		;;
	*) m rc 1 ;;
	esac
	m cgroup
	head -c 4096 "$d/cgroup" 2>/dev/null
	m exe
	readlink "$d/exe" 2>/dev/null
	m cwd
	readlink "$d/cwd" 2>/dev/null
	ns=$(readlink "$d/ns/mnt" 2>/dev/null)
	m mnt
	printf %s "$ns"
	m environ
	grep -q KUBELET_CONFIG_DROPIN_DIR_ALPHA= "$d/environ" 2>/dev/null
	m rc $?
	if [ "$root" = 0 ]; then
		case $ns in "" | "$self") version "$1" ;; esac
		while IFS= read -r l; do
			t=${l%.service*}
			case $t in "$l") ;; *) units="$units ${t##*/}.service" ;; esac
		done 2>/dev/null <"$d/cgroup"
	fi
}

# processes: every process that could be a kubelet or have one inside. Root-owned ones are never crowded out.
processes() {
	seen=0
	readable=0
	others=0
	for d in /proc/[0-9]*; do
		seen=$((seen + 1))
		c=
		read -r c 2>/dev/null <"$d/comm" || continue
		readable=$((readable + 1))
		case $c in
		kubelet | kubelite | hyperkube | k3s | k3s-server | k3s-agent | rke2 | k0s | microshift) ;;
		*) continue ;;
		esac
		root=
		while read -r n v x; do
			case $n in Uid:)
				root=$v
				break
				;;
			esac
		done 2>/dev/null <"$d/status"
		case $root in 0) ;; *)
			others=$((others + 1))
			if [ $others -gt 8 ]; then continue; fi
			;;
		esac
		candidate "${d#/proc/}" "$c"
	done
	m pids $seen $readable
}

# audit: the audit step of the benchmark, to the letter where this ps can do it. K is in the arguments of this very
# shell, and so is the word: it is no finding.
audit() {
	how="ps -ef"
	o=$(ps -ef 2>/dev/null) || {
		how=ps
		o=$(ps 2>/dev/null)
	}
	m ps $how
	pem=
	unit=1
	list=1
	whole=
	set -f
	IFS=$nl
	for line in $o; do
		case $line in
		*"$K"*) ;;
		*kubelet*)
			restart
			mask
			;;
		esac
	done | head -c 131072
	set +f
	unset IFS
}

shown="-p Id -p LoadState -p ActiveState -p MainPID -p FragmentPath -p DropInPaths -p EnvironmentFiles -p NeedDaemonReload"
optional=" (ignore_errors="
# loaded: the units as systemd has loaded them, and the files it names, in its order.
# Fails where systemd is not running.
loaded() {
	case $units in "") for u in $services; do units="$units $u.service"; done ;; esac
	o=$(systemctl --no-pager show $shown -- $units 2>/dev/null) || return 1
	m units
	printf %s "$o"
	set -f
	IFS=$nl
	for l in $o; do
		set +f
		unset IFS
		case $l in
		FragmentPath=/*) file t 0 "${l#*=}" ;;
		DropInPaths=/*) for x in ${l#*=}; do file t 0 "$x"; done ;;
		EnvironmentFile*=/*)
			l=${l#*=}
			file t 0 "${l%"$optional"*}"
			;;
		esac
	done
	set +f
	unset IFS
}

# searched: the same files looked for by hand.
searched() {
	for u in $services; do
		for r in /etc /run /usr/local/lib /usr/lib /lib; do
			for x in "$r/systemd/system/$u.service" "$r/systemd/system/$u.service.d"/*.conf; do
				if [ -e "$x" ] || [ -h "$x" ]; then file t 0 "$x"; fi
			done
		done
		for x in "/etc/init.d/$u" "/etc/conf.d/$u"; do
			if [ -e "$x" ]; then file t 0 "$x"; fi
		done
	done
	for x in $environments; do
		if [ -f "$x" ]; then file t 0 "$x"; fi
	done
}

# wellknown: the configuration files of the common distributions, where they stand.
wellknown() {
	for x in $configs; do
		if [ -e "$x" ] || [ -h "$x" ]; then file k 0 "$x"; fi
	done
	for x in $dropins; do
		if [ -e "$x" ]; then confs 0 "$x"; fi
	done
	for x in $arguments; do
		if [ -e "$x" ]; then file t 0 "$x"; fi
	done
	for x in $ranchers; do
		for y in "$x" "$x.d"/*.yaml; do
			if [ -e "$y" ]; then file y 0 "$y"; fi
		done
	done
	for x in $certdirs; do names "$x"; done
	for x in $authorities; do
		if [ -e "$x" ]; then file p 0 "$x"; fi
	done
}

host() {
	m host
	echo "system=$(uname -s)"
	echo "name=$(uname -n)"
	echo "uid=$uid"
	echo "user=$(id -un 2>/dev/null)"
	echo "now=$(date +%s)"
	echo "clk=$(getconf CLK_TCK 2>/dev/null)"
	echo "mnt=$self"
	grep btime /proc/stat 2>/dev/null
	grep " /proc " /proc/mounts 2>/dev/null
	grep PRETTY_NAME= /etc/os-release 2>/dev/null
}

units=
patience=
if command -v timeout >/dev/null 2>&1; then patience="timeout 10"; fi
did=$nl
uid=$(id -u)
self=$(readlink /proc/self/ns/mnt 2>/dev/null)
case $uid in 0) become= ;; esac
case $become in auto)
	become=sudo
	if command -v doas >/dev/null 2>&1; then command -v sudo >/dev/null 2>&1 || become=doas; fi
	;;
esac
