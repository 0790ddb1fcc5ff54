package knownhosts

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

func readFile(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	check(t, err)
	return string(b)
}

func wantState(t testing.TB, db *DB, h Host, key hostKey, want State) {
	t.Helper()
	if a := db.Check(h, key.shown(), time.Now()); a.State != want {
		t.Errorf("%s: got state %d, want %d: %v", h, a.State, want, a.Err())
	}
}

func TestAdd(t *testing.T) {
	t.Parallel()
	ed, other, ca := newED25519(t), newED25519(t), newECDSA(t)
	node := Address("node1", 2222)
	tests := []struct {
		name, before string
		host         Host
		key          hostKey
		hashed       bool
		after        string // * stands for a hash; "": as before
		err          string
	}{
		{"a new host", "", node, ed, false, "[node1]:2222 {ed}\n", ""},
		{"the name is written in lower case", "", Address("NODE1", 22), ed, false, "node1 {ed}\n", ""},
		{"hashed", "", node, ed, true, "* {ed}\n", ""},
		{"after others", "node2 {other}\n", node, ed, false, "node2 {other}\n[node1]:2222 {ed}\n", ""},
		{"after a line without newline", "node2 {other}", node, ed, false, "node2 {other}\n[node1]:2222 {ed}\n", ""},
		{"after a bad line without newline", "node2 ssh-ed25519 AAA", node, ed, false, "node2 ssh-ed25519 AAA\n[node1]:2222 {ed}\n", ""},
		{"the key is on file", "[node1]:2222 {ed}\n", node, ed, false, "", ""},
		{"the key is on file without port", "node1 {ed}\n", node, ed, false, "", ""},
		{"another key without port is no obstacle", "node1 {other}\n", node, ed, false, "node1 {other}\n[node1]:2222 {ed}\n", ""},
		{"an authority is no obstacle", "@cert-authority * {ca}\n", node, ed, false, "@cert-authority * {ca}\n[node1]:2222 {ed}\n", ""},
		{"another key is on file", "[node1]:2222 {other}\n", node, ed, false, "", "host key mismatch: [node1]:2222 shows "},
		{"a key of another type is on file", "[node1]:2222 {ca}\n", node, ed, false, "", "host key mismatch"},
		{"revoked", "@revoked * {ed}\n", node, ed, false, "", "is revoked at "},
		{"revoked without port, which OpenSSH adds", "@revoked node1 {ed}\n", node, ed, false, "", "is revoked at "},
		{"a certificate", "", node, ed.signed(t, ca, nil, "node1"), false, "", `a key of type "ssh-ed25519-cert-v01@openssh.com" is not added`},
		{"no name", "", Host{}, ed, false, "", `host name "": cannot stand in known_hosts`},
		{"a wildcard", "", Address("*.example.com", 22), ed, false, "", "cannot stand in known_hosts"},
		{"a list", "", Alias("a,b"), ed, false, "", "cannot stand in known_hosts"},
		{"a blank", "", Alias("a b"), ed, false, "", "cannot stand in known_hosts"},
		{"a newline, also hashed", "", Alias("a\nb"), ed, true, "", `host name "a\nb": cannot`},
		{"a marker", "", Alias("@revoked"), ed, false, "", "cannot stand in known_hosts"},
		{"a hash", "", Alias("|1|a|b"), ed, false, "", "cannot stand in known_hosts"},
		{"a name that is too long", "", Alias(strings.Repeat("a", maxPattern+1)), ed, false, "", "cannot stand in known_hosts"},
	}
	text := strings.NewReplacer("{ed}", ed.line(), "{other}", other.line(), "{ca}", ca.line())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			before := text.Replace(tt.before)
			db := load(t, before)
			name := db.files[0].name
			err := db.Add(tt.host, tt.key.shown(), name, tt.hashed)
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Fatalf("got error %v, want %q", err, tt.err)
			}
			want := before
			if tt.after != "" {
				want = text.Replace(tt.after)
			}
			got := readFile(t, name)
			if hash, rest, ok := strings.Cut(got, " "); ok && tt.hashed && wellHashed(hash) {
				got = "* " + rest
			}
			if got != want {
				t.Errorf("the file has\n%swant\n%s", got, want)
			}
			if tt.err == "" {
				wantState(t, db, tt.host, tt.key, OK)
				wantState(t, loadFiles(t, name), tt.host, tt.key, OK)
				if a, b := numbers(db.OnFile(tt.host)), numbers(loadFiles(t, name).OnFile(tt.host)); a != b {
					t.Errorf("line numbers %q, and %q if read again", a, b)
				}
			}
		})
	}
}

// OpenSSH writes the same line.
func TestAddLikeSSH(t *testing.T) {
	t.Parallel()
	client, server := tool(t, "ssh"), tool(t, "sshd")
	all := map[string]hostKey{"ed": newED25519(t)}
	keys := writeKeys(t, all)
	config := sshdConfig(t, filepath.Join(keys, "sshd_config"), []string{"ed"})
	theirs, ours := filepath.Join(t.TempDir(), "known_hosts"), filepath.Join(t.TempDir(), "known_hosts")
	h := Address("Node1", 2222)
	// The end of the run is of no interest: the user has no key.
	out := runSSH(t, client, server+" -i -e -f "+config, theirs, h, "StrictHostKeyChecking=accept-new", "HashKnownHosts=no")
	check(t, loadFiles(t, ours).Add(h, all["ed"].shown(), ours, false))
	if a, b := readFile(t, ours), readFile(t, theirs); a != b {
		t.Errorf("got %q, ssh writes %q, and says %s", a, b, out)
	}
	check(t, exec.Command(tool(t, "ssh-keygen"), "-H", "-f", theirs).Run())
	wantState(t, loadFiles(t, theirs), h, all["ed"], OK)
	hashed := filepath.Join(t.TempDir(), "known_hosts")
	check(t, loadFiles(t, hashed).Add(h, all["ed"].shown(), hashed, true))
	if err := exec.Command(tool(t, "ssh-keygen"), "-F", h.String(), "-f", hashed).Run(); err != nil {
		t.Errorf("ssh-keygen does not find the hashed name: %v", err)
	}
}

func TestAddMakesFileAndFolder(t *testing.T) {
	t.Parallel()
	ed := newED25519(t)
	name := filepath.Join(t.TempDir(), ".ssh", "known_hosts")
	db := loadFiles(t, name)
	check(t, db.Add(Address("node1", 22), ed.shown(), name, false))
	for path, want := range map[string]os.FileMode{name: 0o600, filepath.Dir(name): 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: got %v, %v, want mode %v", path, info.Mode(), err, want)
		}
	}
}

func TestAddThatCannotWrite(t *testing.T) {
	t.Parallel()
	ed, other := newED25519(t), newED25519(t)
	node := Address("node1", 22)
	name := filepath.Join(t.TempDir(), "no", "such", "folder")
	db := loadFiles(t, name)
	err := db.Add(node, ed.shown(), name, false)
	if !errors.Is(err, ErrNotWritten) || !strings.Contains(err.Error(), filepath.Dir(name)) {
		t.Errorf("got %v, want ErrNotWritten with the name of the folder", err)
	}
	wantState(t, db, node, ed, OK)
	wantState(t, db, node, other, Mismatch)
	if err := db.Add(node, other.shown(), name, false); err == nil || errors.Is(err, ErrNotWritten) {
		t.Errorf("another key for a pinned host: got %v", err)
	}
	if a := db.Check(node, other.shown(), time.Now()); !strings.Contains(a.Err().Error(), name+" (this run only)") {
		t.Errorf("got %v, want the place of the pinned key", a.Err())
	}
	if err := db.Add(node, ed.shown(), "/elsewhere", false); err == nil || errors.Is(err, ErrNotWritten) {
		t.Errorf("a file that was not loaded: got %v", err)
	}
}

func TestAddToDevice(t *testing.T) {
	t.Parallel()
	ed, node := newED25519(t), Address("node1", 22)
	db := loadFiles(t, os.DevNull)
	check(t, db.Add(node, ed.shown(), os.DevNull, false))
	wantState(t, db, node, ed, OK)
}

// What others do to the file between Load and Add.
func TestAddAfterOthers(t *testing.T) {
	t.Parallel()
	ed, other := newED25519(t), newED25519(t)
	node, pinned := Address("node1", 22), Address("pinned", 22)
	line := "node1 " + ed.line() + "\n"
	for _, tt := range []struct {
		name, before, now string
		want              State
	}{
		{"the same key appended", "x " + other.line() + "\n", "x " + other.line() + "\n" + line, OK},
		{"the same key in another file of that name", "x " + other.line() + "\n", line, OK},
		{"another key appended", "", "node1 " + other.line() + "\n", Mismatch},
		{"a key revoked", line, "@revoked * " + ed.line() + "\n", Revoked},
		{"a line finished", "node1 " + other.line()[:30], "node1 " + other.line() + "\n", Mismatch},
		{"all deleted", "node1 " + other.line() + "\n", "", OK},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			name := filepath.Join(t.TempDir(), "known_hosts")
			write(t, name, tt.before)
			db := loadFiles(t, name)
			before, err := os.Stat(name)
			check(t, err)
			check(t, db.pin(pinned, other.shown(), name, "pinned "+other.line()+"\n"))
			if strings.HasPrefix(tt.now, tt.before) {
				write(t, name, tt.now)
			} else {
				write(t, name+".new", tt.now)
				check(t, os.Rename(name+".new", name))
			}
			check(t, os.Chtimes(name, time.Time{}, before.ModTime())) // as if in the same tick of the clock
			if err := db.Add(node, ed.shown(), name, false); (err == nil) != (tt.want == OK) {
				t.Errorf("got %v", err)
			}
			wantState(t, db, node, ed, tt.want)
			wantState(t, db, pinned, other, OK)
			if tt.want != OK && readFile(t, name) != tt.now {
				t.Errorf("the file was changed: %q", readFile(t, name))
			}
			if n := strings.Count(readFile(t, name), "node1 "); n != 1 && tt.want == OK {
				t.Errorf("%d lines, want one", n)
			}
		})
	}
}

// Many goroutines, two DBs, one file: each host is there once, with one key.
func TestAddConcurrently(t *testing.T) {
	t.Parallel()
	const hosts, workers = 40, 8
	name := filepath.Join(t.TempDir(), "known_hosts")
	dbs := []*DB{loadFiles(t, name), loadFiles(t, name)}
	keys := []hostKey{newED25519(t), newED25519(t)}
	var mu sync.Mutex
	won := make(map[string]ssh.PublicKey)
	var group sync.WaitGroup
	for w := range workers {
		db, key := dbs[w%2], keys[w/2%2].shown()
		group.Go(func() {
			for i := range hosts {
				h := Address(fmt.Sprintf("node%d", i), 22)
				db.Offer(h)
				err := db.Add(h, key, name, w%3 == 0)
				mu.Lock()
				switch before, ok := won[h.String()]; {
				case err == nil && ok && keyText(before) != keyText(key):
					t.Errorf("%s: two keys were accepted", h)
				case err == nil:
					won[h.String()] = key
				case !strings.HasPrefix(err.Error(), "host key mismatch"):
					t.Errorf("%s: %v", h, err)
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	fresh := loadFiles(t, name)
	if got := strings.Count(readFile(t, name), "\n"); got != hosts || len(fresh.Warnings()) > 0 {
		t.Errorf("%d lines and warnings %q, want %d lines", got, fresh.Warnings(), hosts)
	}
	for host, key := range won {
		if a := fresh.Check(Address(host, 22), key, time.Now()); a.State != OK {
			t.Errorf("%s: %v", host, a.Err())
		}
	}
}

// Who holds the lock for ever costs one wait, not one for each host.
func TestAddToLockedFile(t *testing.T) {
	t.Parallel()
	ed := newED25519(t)
	name := filepath.Join(t.TempDir(), "known_hosts")
	out, unlock, err := tryOpenLocked(name)
	check(t, err)
	db := loadFiles(t, name)
	f := db.files[0]
	f.stuck = true
	for i := range 3 {
		h := Address(fmt.Sprintf("node%d", i), 22)
		if err := db.Add(h, ed.shown(), name, false); !errors.Is(err, ErrNotWritten) || !errors.Is(err, errBusy) {
			t.Errorf("got %v, want ErrNotWritten", err)
		}
		wantState(t, db, h, ed, OK)
	}
	if info, err := out.Stat(); err != nil || info.Size() > 0 || !f.stuck {
		t.Errorf("stuck is %v, and the file has %d bytes", f.stuck, info.Size())
	}
	if !isAt(out, name) {
		t.Error("the file is not where it is")
	}
	check(t, os.Rename(name, name+".old"))
	write(t, name, "")
	if isAt(out, name) {
		t.Error("a file put in its place is taken for it")
	}
	unlock()
	check(t, db.Add(Address("node9", 22), ed.shown(), name, false))
	if got := readFile(t, name); f.stuck || strings.Count(got, "\n") != 1 {
		t.Errorf("stuck is %v, and the file has %q", f.stuck, got)
	}
}
