package serving

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"

	"kletscan/scanner/evidence"
)

// Types of TLS records (RFC 8446 section 5.1).
const (
	recordAlert     = 21
	recordHandshake = 22
)

// Handshake does one TLS handshake over conn and gives what the peer served.
// With sni empty it looks like the API server, which dials its kubelets by IP
// address and so sends no server name; an IP address as sni is not sent either
// (RFC 6066 section 3). It presents no client certificate: the kubelet asks
// for one and does not need it.
//
// Handshake owns conn and closes it. It ends with ctx also where conn has no
// deadlines and its Close does not wake a blocked Read, as with a channel of
// x/crypto/ssh whose peer is silent; a goroutine then stays until conn's
// transport ends.
func Handshake(ctx context.Context, conn net.Conn, sni string) evidence.Attempt {
	if net.ParseIP(strings.Trim(sni, "[]")) != nil {
		sni = ""
	}
	h := &handshake{sni: sni, wire: wire{Conn: conn}}
	// Close may block: a channel sends a packet for it.
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	ended := make(chan evidence.Attempt, 1)
	go func() { ended <- h.run(ctx) }()
	select {
	case attempt := <-ended:
		return attempt
	case <-ctx.Done():
		return h.interrupted(ctx)
	}
}

// handshake is one handshake under way. The fields without a lock are its own
// goroutine's.
type handshake struct {
	sni       string
	wire      wire
	seen      atomic.Pointer[tls.ConnectionState] // from the moment that the peer's certificates are known
	completed atomic.Bool
}

// run is the handshake. It has a goroutine to itself, so a panic would end the
// program: it costs this attempt instead.
func (h *handshake) run(ctx context.Context) (attempt evidence.Attempt) {
	defer func() {
		if p := recover(); p != nil { // its value may be the peer's words
			attempt = h.attempt(evidence.Failed, fmt.Errorf("a defect of kletscan, please report it: a panic with a %T in a handshake", p))
		}
	}()
	client := tls.Client(&h.wire, h.config())
	err := client.Handshake()
	h.completed.Store(err == nil)
	attempt = h.result(ctx, err)
	// With a close_notify, so that the kubelet has nothing to log.
	_ = client.Close()
	return attempt
}

func (h *handshake) config() *tls.Config {
	return &tls.Config{
		ServerName: h.sni,
		// The certificate is what we came to see: we observe it and send
		// nothing to its owner. Verification would hide the ones that matter,
		// the self-signed and the expired.
		InsecureSkipVerify:     true,
		MinVersion:             tls.VersionTLS12,
		SessionTicketsDisabled: true,
		// Without the post-quantum ones, which take twice the time and three
		// times the bytes to keep secret what is never said here. Every server
		// of certificates so far knows one of these.
		CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521},
		VerifyConnection: func(state tls.ConnectionState) error {
			h.seen.Store(&state)
			return nil
		},
	}
}

// result says how an ended handshake ended.
func (h *handshake) result(ctx context.Context, err error) evidence.Attempt {
	if h.seen.Load() != nil {
		return h.certificates(err)
	}
	if alert, ok := remoteAlert(err); ok {
		attempt := h.attempt(evidence.AlertOther, err)
		if attempt.Alert = int(alert); alert == alertInternalError {
			attempt.Outcome = evidence.AlertInternalError
		}
		return attempt
	}
	if answer := h.wire.received; len(answer) > 0 && answer[0] != recordAlert && answer[0] != recordHandshake {
		attempt := h.attempt(evidence.NotTLS, nil)
		attempt.Detail = line(fmt.Sprintf("it answers %q", answer[:min(len(answer), 40)]))
		return attempt
	}
	if ctx.Err() != nil {
		return h.interrupted(ctx)
	}
	var network net.Error
	switch {
	case errors.As(err, &network) && network.Timeout():
		return h.attempt(evidence.TimedOut, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return h.attempt(evidence.Closed, err)
	}
	return h.attempt(evidence.Failed, err)
}

// interrupted is the result of a handshake that ctx ended. It may run beside
// the handshake.
func (h *handshake) interrupted(ctx context.Context) evidence.Attempt {
	err := context.Cause(ctx)
	switch {
	case h.seen.Load() != nil && h.completed.Load():
		return h.certificates(nil)
	case h.seen.Load() != nil:
		return h.certificates(err)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return h.attempt(evidence.TimedOut, err)
	}
	return h.attempt(evidence.Failed, err)
}

// certificates is the result of a handshake that got as far as the peer's
// certificates, and then ended with err.
func (h *handshake) certificates(err error) evidence.Attempt {
	state := h.seen.Load()
	attempt := h.attempt(evidence.CertificateSeen, err)
	attempt.TLSVersion = tls.VersionName(state.Version)
	attempt.Completed = err == nil
	certs := state.PeerCertificates
	attempt.Sent = len(certs)
	for _, cert := range certs[:min(len(certs), chainLimit)] {
		attempt.Chain = append(attempt.Chain, parsed(cert))
	}
	return attempt
}

func (h *handshake) attempt(outcome evidence.Outcome, err error) evidence.Attempt {
	attempt := evidence.Attempt{Method: evidence.Handshake, SNI: fact(h.sni), Outcome: outcome}
	if err != nil {
		attempt.Detail = line(err.Error())
	}
	return attempt
}

// alertInternalError is what a Go server answers when it has no certificate to
// give: GetCertificate failed (RFC 8446 section 6.2).
const alertInternalError = tls.AlertError(80)

// remoteAlert gives the alert that the peer sent. The error of a connection
// holds it in a type that crypto/tls keeps to itself, with the text of an
// AlertError.
func remoteAlert(err error) (tls.AlertError, bool) {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return 0, false
	}
	for number := range 256 {
		if alert := tls.AlertError(number); alert.Error() == op.Err.Error() {
			return alert, true
		}
	}
	return 0, false
}

// wire is a connection that keeps what was read from it, and ends at byteLimit.
type wire struct {
	net.Conn
	received []byte
}

func (w *wire) Read(p []byte) (int, error) {
	room := byteLimit - len(w.received)
	if room <= 0 {
		return 0, fmt.Errorf("more than %d KiB in one handshake", byteLimit>>10)
	}
	n, err := w.Conn.Read(p[:min(len(p), room)])
	w.received = append(w.received, p[:n]...)
	return n, err
}
