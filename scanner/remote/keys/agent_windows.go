package keys

import (
	"net"
	"path/filepath"
	"strings"

	"github.com/Microsoft/go-winio"
)

// dialAgent connects to a named pipe, which Windows' own agent has, or to a
// Unix socket.
func dialAgent(socket string) (net.Conn, error) {
	if strings.HasPrefix(filepath.FromSlash(socket), `\\.\pipe\`) {
		timeout := agentTimeout
		return winio.DialPipe(socket, &timeout)
	}
	return net.DialTimeout("unix", socket, agentTimeout)
}
