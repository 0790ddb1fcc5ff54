# kletscan probe: reads, never writes. POSIX sh: dash, bash, busybox ash, ksh, zsh as sh.
# No single quote, backslash or exclamation mark may stand in here: every login shell
# must be able to hand it on unchanged. K is a random nonce that begins every frame;
# services, environments, configs, dropins, ranchers, arguments, certdirs and authorities are lists of
# names, set before this text. become is who reads what this user cannot: sudo, doas, auto for what is
# there, or nothing for nobody.
LC_ALL=C
PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin:$PATH
export LC_ALL PATH
unset COLUMNS PS_FORMAT PS_PERSONALITY CMD_ENV
limit=1048577
nl="
"

# m WORD...: the next frame begins. What was printed since the last one is its body, byte for byte.
m() {
	echo
	printf %s "@$K $*"
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

# plain: standard input without the values of variables that hold credentials by their name.
plain() {
	held=
	while IFS= read -r line || [ -n "$line" ]; do
		name=${line%%=*}
		case $line in Environment=*)
			name=${line#*=}
			name=${name%%=*}
			;;
		esac
		case $name in *TOKEN* | *PASSW* | *SECRET* | *CREDENTIAL* | *PRIVATE_KEY* | *ACCESS_KEY*)
			held=1
			echo "# withheld: a variable that holds a credential by its name"
			continue
			;;
		esac
		case $line in "" | [A-Za-z_]*=* | "["* | "#"*) held= ;; esac
		if [ -n "$held" ]; then continue; fi
		printf %s "$line"
		echo
	done
}

# kubeletkeys: of a k3s or RKE2 config.yaml on standard input only what decides the kubelet.
# Fails at a line that is not plain block YAML, since a key could hide there.
kubeletkeys() {
	keep=
	while IFS= read -r line || [ -n "$line" ]; do
		case $line in
		"" | "#"* | "---"*) continue ;;
		kubelet-arg:* | kubelet-arg+:* | data-dir:* | config:* | node-name:*) keep=1 ;;
		[A-Za-z]*:*) keep= ;;
		" "* | "	"* | "-"*) ;;
		*) return 1 ;;
		esac
		if [ -n "$keep" ]; then
			printf %s "$line"
			echo
		fi
	done
}

# certificates: of a PEM file on standard input only the certificates. Keys stay here.
certificates() {
	keep=
	while IFS= read -r line || [ -n "$line" ]; do
		case $line in
		"-----BEGIN CERTIFICATE-----"*) keep=1 ;;
		"-----BEGIN "*) keep= ;;
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
	patience=
	if command -v timeout >/dev/null 2>&1; then patience="timeout 10"; fi
	if command -v openssl >/dev/null 2>&1; then
		$patience openssl s_client -connect "$1" -showcerts </dev/null 2>&1 | head -c 262144
	else
		m rc 127
	fi
}

# send KIND: standard input as far as KIND lets it leave the node.
#   k  a KubeletConfiguration (looked for before, by the caller)
#   t  a unit, environment or argument file
#   y  a config.yaml of k3s or RKE2
#   p  a PEM file
send() {
	case $1 in
	k) head -c $limit ;;
	t) head -c $limit | plain ;;
	y) head -c $limit | kubeletkeys ;;
	p) head -c $limit | certificates ;;
	esac
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
				if [ "$1" = k ] && [ -s "$r" ]; then grep -q KubeletConfiguration "$r" 2>/dev/null || state=withheld; fi
				if [ $state = present ]; then send "$1" <"$r" 2>/dev/null || state=withheld; fi
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

# rootfile KIND PATH: a refusal goes to standard error, where it is told apart by its own marker.
rootfile() {
	printf %s "@$K sudo $2" >&2
	echo >&2
	c=$(
		asroot cat -- "$2"
		echo "=$?"
	)
	state=denied
	case $c in
	*=0)
		c=${c%=0}
		state=present
		if [ "$1" = k ]; then case $c in "" | *KubeletConfiguration*) ;; *) state=withheld ;; esac fi
		if [ $state = present ]; then printf %s "$c" | send "$1" || state=withheld; fi
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
		printf %s "@$K sudo $r" >&2
		echo >&2
		how=sudo
		list=$(asroot find "$r") && state=present
	fi
	m dir "$1" "$2"
	m state $state $how $(facts "$r")
	pid=$1
	while IFS= read -r x; do
		case $x in
		*.conf) ;;
		*) continue ;;
		esac
		case $pid in 0) ;; *) x=${x#/proc/$pid/root} ;; esac
		file k "$pid" "$x"
	done <<END
$list
END
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
	"0 755" | "0 555" | "0 750" | "0 550" | "0 700" | "0 500") "$1" --version </dev/null 2>/dev/null | head -c 200 ;;
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

# candidate PID COMM: all that decides what this process is.
candidate() {
	d=/proc/$1
	m process "$1" "$2"
	m status
	grep -E "^(PPid|Uid):" "$d/status" 2>/dev/null
	m stat
	head -c 1024 "$d/stat" 2>/dev/null
	m cmdline
	head -c $limit "$d/cmdline" 2>/dev/null
	m rc $?
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

# audit: the audit step of the benchmark, to the letter where this ps can do it.
audit() {
	how="ps -ef"
	o=$(ps -ef 2>/dev/null) || {
		how=ps
		o=$(ps 2>/dev/null)
	}
	m ps $how
	while IFS= read -r l; do
		case $l in *kubelet*)
			printf %s "$l"
			echo
			;;
		esac
	done <<END | head -c 131072
$o
END
}

shown="-p Id -p LoadState -p ActiveState -p MainPID -p FragmentPath -p DropInPaths
-p EnvironmentFiles -p NeedDaemonReload"
optional=" (ignore_errors="
# loaded: the units as systemd has loaded them, and the files it names, in its order.
# Fails where systemd is not running.
loaded() {
	case $units in "") for u in $services; do units="$units $u.service"; done ;; esac
	o=$(systemctl --no-pager show $shown -- $units 2>/dev/null) || return 1
	m units
	printf %s "$o"
	while IFS= read -r l; do
		case $l in
		FragmentPath=/*) file t 0 "${l#*=}" ;;
		DropInPaths=/*) for x in ${l#*=}; do file t 0 "$x"; done ;;
		EnvironmentFile*=/*)
			l=${l#*=}
			file t 0 "${l%"$optional"*}"
			;;
		esac
	done <<END
$o
END
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
did=$nl
uid=$(id -u)
self=$(readlink /proc/self/ns/mnt 2>/dev/null)
case $uid in 0) become= ;; esac
case $become in auto)
	become=sudo
	if command -v doas >/dev/null 2>&1; then command -v sudo >/dev/null 2>&1 || become=doas; fi
	;;
esac
