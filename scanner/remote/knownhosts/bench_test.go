package knownhosts

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	oracle "golang.org/x/crypto/ssh/knownhosts"
)

// fleet is n hosts with a key each, and their known_hosts file.
func fleet(b *testing.B, n int, hashed bool) (hosts []Host, keys []ssh.PublicKey, file string) {
	b.Helper()
	var text strings.Builder
	for i := range n {
		public := make(ed25519.PublicKey, ed25519.PublicKeySize)
		binary.BigEndian.PutUint64(public, uint64(i))
		key, err := ssh.NewPublicKey(public)
		check(b, err)
		h := Address(fmt.Sprintf("node%d.example.com", i), 22)
		name := h.String()
		if hashed {
			name = hashName(name)
		}
		text.WriteString(name + " " + string(ssh.MarshalAuthorizedKey(key)))
		hosts, keys = append(hosts, h), append(keys, key)
	}
	file = filepath.Join(b.TempDir(), "known_hosts")
	write(b, file, text.String())
	return hosts, keys, file
}

func BenchmarkLoad50000Lines(b *testing.B) {
	for _, hashed := range []bool{false, true} {
		b.Run(fmt.Sprintf("hashed=%v", hashed), func(b *testing.B) {
			_, _, file := fleet(b, 50_000, hashed)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			db := loadFiles(b, file)
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportAllocs()
			for b.Loop() {
				loadFiles(b, file)
			}
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB-kept")
			runtime.KeepAlive(db)
		})
	}
}

// One operation is one host: what to offer, and then its key.
func BenchmarkHostOf10000Lines(b *testing.B) {
	for _, hashed := range []bool{false, true} {
		hosts, keys, file := fleet(b, 10_000, hashed)
		db := loadFiles(b, file)
		b.Run(fmt.Sprintf("known/hashed=%v", hashed), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				n := i % len(hosts)
				db.Offer(hosts[n])
				if a := db.Check(hosts[n], keys[n], time.Time{}); a.State != OK {
					b.Fatal(a.Err())
				}
			}
		})
		b.Run(fmt.Sprintf("mismatch/hashed=%v", hashed), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				n := i % len(hosts)
				db.Offer(hosts[n])
				if a := db.Check(hosts[n], keys[(n+1)%len(keys)], time.Time{}); a.State != Mismatch {
					b.Fatal(a.Err())
				}
			}
		})
	}
}

// The same with x/crypto, which needs one look-up to know what to offer, and one
// for the key. 100 hosts of the 10,000 stand for all.
func BenchmarkXCryptoHostOf10000Lines100HostsOnly(b *testing.B) {
	for _, hashed := range []bool{false, true} {
		b.Run(fmt.Sprintf("known/hashed=%v", hashed), func(b *testing.B) {
			hosts, keys, file := fleet(b, 10_000, hashed)
			callback, err := oracle.New(file)
			check(b, err)
			nobody := newED25519(b).shown()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				n := i % 100 * 100
				address := net.JoinHostPort(hosts[n].String(), "22")
				var other *oracle.KeyError
				if err := callback(address, &net.TCPAddr{}, nobody); !errors.As(err, &other) {
					b.Fatal(err)
				}
				check(b, callback(address, &net.TCPAddr{}, keys[n]))
			}
		})
	}
}
