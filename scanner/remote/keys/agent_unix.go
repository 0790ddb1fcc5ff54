//go:build !windows

package keys

import "net"

func dialAgent(socket string) (net.Conn, error) {
	return net.DialTimeout("unix", socket, agentTimeout)
}
