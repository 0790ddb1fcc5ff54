package serving

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"

	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/cryptobyte"
)

// Types of records and handshake messages (RFC 8446 sections 5.1 and 4).
const (
	recordAlert       = 21
	recordHandshake   = 22
	recordApplication = 23

	messageCertificate = 11
)

// rawChain gives the certificates that a handshake received, as they were
// sent. It is for a chain that crypto/tls refuses as a whole and hands over
// nothing of, because of one certificate in it: a malformed extension, a
// negative serial number, a key that is too long or of an unusual type. The
// kubelet itself reads only the first of the chain that it is told to serve.
//
// received is everything read, and secret is the server's handshake traffic
// secret, which only TLS 1.3 has. It gives nil if there are no certificates.
func rawChain(received []byte, state tls.ConnectionState, secret []byte) [][]byte {
	switch state.Version {
	case tls.VersionTLS12: // in the clear
		return certificateMessage(handshakeMessages(received, nil), false)
	case tls.VersionTLS13:
		if opener := newRecordOpener(state.CipherSuite, secret); opener != nil {
			return certificateMessage(handshakeMessages(received, opener), true)
		}
	}
	return nil
}

// handshakeMessages joins the handshake messages of a stream of records: those
// in the clear or, with an opener, those that it opens.
func handshakeMessages(received []byte, opener *recordOpener) []byte {
	var messages []byte
	const headerLen = 5
	for len(received) >= headerLen {
		end := headerLen + int(binary.BigEndian.Uint16(received[3:]))
		if len(received) < end {
			break
		}
		header, body := received[:headerLen], received[headerLen:end]
		received = received[end:]
		switch {
		case opener == nil && header[0] == recordHandshake:
			messages = append(messages, body...)
		case opener != nil && header[0] == recordApplication:
			content, ok := opener.open(header, body)
			if !ok {
				return messages
			}
			messages = append(messages, content...)
		}
	}
	return messages
}

// certificateMessage finds the Certificate message and takes it apart
// (RFC 8446 section 4.4.2, RFC 5246 section 7.4.2).
func certificateMessage(messages cryptobyte.String, tls13 bool) [][]byte {
	var kind uint8
	var body, list cryptobyte.String
	for kind != messageCertificate {
		if !messages.ReadUint8(&kind) || !messages.ReadUint24LengthPrefixed(&body) {
			return nil
		}
	}
	var context cryptobyte.String
	if tls13 && !body.ReadUint8LengthPrefixed(&context) || !body.ReadUint24LengthPrefixed(&list) {
		return nil
	}
	var ders [][]byte
	for !list.Empty() {
		var der, extensions cryptobyte.String
		if !list.ReadUint24LengthPrefixed(&der) || tls13 && !list.ReadUint16LengthPrefixed(&extensions) {
			return nil
		}
		ders = append(ders, der)
	}
	return ders
}

// recordOpener opens the records of TLS 1.3 that a server protects under its
// handshake traffic secret, in their order (RFC 8446 section 5.2).
type recordOpener struct {
	aead     cipher.AEAD
	iv       []byte
	sequence uint64
}

// newRecordOpener gives nil for a suite that is not known.
func newRecordOpener(suite uint16, secret []byte) *recordOpener {
	hash, keyLen, newAEAD := sha256.New, 16, newGCM
	switch suite {
	case tls.TLS_AES_128_GCM_SHA256:
	case tls.TLS_AES_256_GCM_SHA384:
		hash, keyLen = sha512.New384, 32
	case tls.TLS_CHACHA20_POLY1305_SHA256:
		keyLen, newAEAD = chacha20poly1305.KeySize, chacha20poly1305.New
	default:
		return nil
	}
	const ivLen = 12
	key, keyErr := hkdf.Expand(hash, secret, expandLabel("key", keyLen), keyLen)
	iv, ivErr := hkdf.Expand(hash, secret, expandLabel("iv", ivLen), ivLen)
	aead, err := newAEAD(key)
	if keyErr != nil || ivErr != nil || err != nil {
		return nil
	}
	return &recordOpener{aead: aead, iv: iv}
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// expandLabel is the info of HKDF-Expand-Label without a context (RFC 8446
// section 7.1).
func expandLabel(label string, length int) string {
	label = "tls13 " + label
	return string([]byte{byte(length >> 8), byte(length), byte(len(label))}) + label + "\x00"
}

// open gives the content of one record if it is part of the handshake.
func (o *recordOpener) open(header, body []byte) (content []byte, ok bool) {
	nonce := bytes.Clone(o.iv)
	for i := range 8 {
		nonce[len(nonce)-1-i] ^= byte(o.sequence >> (8 * i))
	}
	o.sequence++
	content, err := o.aead.Open(nil, nonce, body, header)
	content = bytes.TrimRight(content, "\x00") // padding
	last := len(content) - 1
	if err != nil || last < 0 || content[last] != recordHandshake {
		return nil, false
	}
	return content[:last], true
}

// keyLog takes the server's handshake traffic secret out of what crypto/tls
// writes to its KeyLogWriter. It protects nothing but the certificates.
type keyLog struct{ secret []byte }

func (k *keyLog) Write(line []byte) (int, error) {
	if field := bytes.Fields(line); len(field) == 3 && string(field[0]) == "SERVER_HANDSHAKE_TRAFFIC_SECRET" {
		secret, err := hex.DecodeString(string(field[2]))
		if err != nil {
			return 0, err
		}
		k.secret = secret
	}
	return len(line), nil
}
