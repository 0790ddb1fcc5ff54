package probe

// Commands are what the probe runs on a node, with what each is for. It runs
// nothing else: the fixture nodes know no other command, and fail for one.
func Commands(become Become) []string {
	list := []string{
		"id, uname, date, getconf: who and where the login is, and the node's clock",
		"ps -ef: the benchmark's audit step",
		"cat, head, grep, tr, readlink, stat, find: files, processes in /proc, drop-in directories",
		"systemctl show: the kubelet's unit as systemd has loaded it",
		"timeout 10 kubelet, k3s or rke2 --version: of a program that only root can have put there",
		"timeout 10 openssl s_client: only where a TLS handshake with the kubelet through SSH cannot be made",
	}
	switch become {
	case Auto:
		return append(list, "sudo -n, or doas -n without sudo, for cat -- FILE and find DIR: only what decides and this login may not read")
	case Sudo:
		return append(list, "sudo -n for cat -- FILE and find DIR: only what decides and this login may not read")
	case Doas:
		return append(list, "doas -n for cat -- FILE and find DIR: only what decides and this login may not read")
	}
	return list
}
