package scanner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"path"
	"strconv"
	"time"

	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
	"kletscan/scanner/serving"
)

// defaultListen is where a kubelet serves unless its settings say otherwise,
// as its own node reaches it.
const defaultListen = "127.0.0.1:10250"

// observer looks at the certificate of one visit's node.
type observer struct {
	conn    Conn
	timeout time.Duration // for each attempt; 0: only ctx bounds it
	guess   chan evidence.Attempt
}

// observe begins with a guess, the default address, while the probe runs: it
// costs no time of its own where the guess is right.
func observe(ctx context.Context, conn Conn, timeout time.Duration) *observer {
	o := &observer{conn: conn, timeout: timeout, guess: make(chan evidence.Attempt, 1)}
	go func() { o.guess <- o.attempt(ctx, defaultListen, "") }()
	return o
}

// wait ends when no attempt is under way any more; the connection is closed.
func (o *observer) wait() { <-o.guess }

// finish is what was seen at listen: without a server name, as an API server
// sees it that dials by IP, and with one where that tells more.
func (o *observer) finish(ctx context.Context, listen, name string, static bool) *evidence.Serving {
	first := <-o.guess
	o.guess <- first // for wait
	if listen == "" {
		return nil // nothing is served, so what was seen there is somebody else's
	}
	if listen != defaultListen {
		first = o.attempt(ctx, listen, "")
	}
	seen := &evidence.Serving{Address: listen, Attempts: []evidence.Attempt{first}}
	switch first.Outcome {
	case evidence.Refused, evidence.ForwardingRefused, evidence.TimedOut, evidence.NotTLS:
		return seen // a server name makes no difference
	case evidence.CertificateSeen:
		if !static {
			return seen
		}
	}
	seen.Attempts = append(seen.Attempts, o.attempt(ctx, listen, name))
	return seen
}

// fallback is what to ask the node for where sshd opens no connection for us,
// or the handshake could not be made: what openssl is served there, and the
// certificate that lies on its disk.
func fallback(seen *evidence.Serving, j *Judgement) []evidence.Want {
	if seen == nil {
		return nil
	}
	switch seen.Attempts[len(seen.Attempts)-1].Outcome {
	case evidence.ForwardingRefused, evidence.Failed, evidence.Closed, evidence.AlertOther:
	default:
		return nil
	}
	wants := []evidence.Want{{Kind: evidence.Served, Path: j.Listen}}
	if j.OnDisk != "" {
		wants = append(wants, evidence.Want{Kind: evidence.CertFile, Path: j.OnDisk})
	}
	return wants
}

// fellBack adds to seen what the node answered to the wants of fallback.
func fellBack(seen *evidence.Serving, ev *evidence.Evidence, j *Judgement) {
	for _, out := range ev.OpenSSL {
		if out.Address == j.Listen && !out.Missing {
			seen.Attempts = append(seen.Attempts, serving.ParseOpenSSL([]byte(out.Text)))
		}
	}
	if f := ev.File(0, j.OnDisk); f != nil && f.State == evidence.Present {
		a := serving.ParsePEM([]byte(f.Content))
		a.Path = f.Path
		seen.Attempts = append(seen.Attempts, a)
	}
}

// onDisk is where the certificate lies that a kubelet with these settings
// serves; empty where they are not known.
func onDisk(e kubelet.Effective) string {
	dir := e.CertDir.Value
	switch {
	case e.Rotation == kubelet.On && path.IsAbs(dir):
		return path.Join(dir, "kubelet-server-current.pem")
	case e.Rotation == kubelet.External && path.IsAbs(e.TLSCertFile.Value):
		return e.TLSCertFile.Value
	case e.Rotation == kubelet.Off && path.IsAbs(dir):
		return path.Join(dir, "kubelet.crt")
	}
	return ""
}

// attempt is one handshake. It never fails: how it ended is what it found out.
func (o *observer) attempt(ctx context.Context, address, name string) evidence.Attempt {
	if o.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.timeout)
		defer cancel()
	}
	stream, err := o.conn.DialTCP(ctx, address)
	if err == nil {
		return serving.Handshake(ctx, stream, name)
	}
	a := evidence.Attempt{Method: evidence.Handshake, SNI: name, Outcome: evidence.Failed, Detail: err.Error()}
	switch {
	case errors.Is(err, ErrNoListener):
		a.Outcome = evidence.Refused
	case errors.Is(err, ErrForwardingRefused):
		a.Outcome = evidence.ForwardingRefused
	case errors.Is(err, context.DeadlineExceeded):
		a.Outcome, a.Detail = evidence.TimedOut, fmt.Sprintf("no connection within %v", o.timeout)
	}
	return a
}

// listenAddress is where the node itself reaches its kubelet: loopback for a
// kubelet that listens everywhere. Settings that are not known are taken for
// their defaults: what is found there says so itself.
func listenAddress(host string, port int) string {
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, strconv.Itoa(cmp.Or(port, 10250)))
}
