package main

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"kletscan/scanner/probe"
)

// sudosOwn is what sudo writes about itself: that it was asked, and by whom.
var sudosOwn = regexp.MustCompile(`^(?:var/log/sudo\.log|(?:var/)?run/sudo/ts(?:/.*)?)$`)

// TestNothingIsChanged compares the file system of a real node before and after
// visits by users of all rights: no file, directory or link is new, gone or
// another than it was, apart from sudo's own records.
func TestNothingIsChanged(t *testing.T) {
	b := startBox(t, "dash")
	upper := b.upper(t)
	b.as(t, "plain", "sudo -n true") // makes the directories of its records
	before := snapshot(t, upper)
	since := func() map[string]string {
		now := snapshot(t, upper)
		list := changes(before, now)
		before = now
		return list
	}
	for _, tt := range []struct {
		rule string
		own  *regexp.Regexp // what may change
		scan func()
	}{
		{"root needs no sudo", regexp.MustCompile(`^$`), func() { visitBox(t, b, "root") }},
		{"without rights, and with one file's", sudosOwn, func() { visitBox(t, b, "plain", "only") }},
		{"sudo and doas", sudosOwn, func() { visitBox(t, b, "wheel", "doer") }},
		{"sudo with a password", sudosOwn, func() { wantRow(t, b.scan(t, probe.Auto, boxPassword, "asked")[0], "on", "") }},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			tt.scan()
			for path, what := range since() {
				if !tt.own.MatchString(path) {
					t.Errorf("%s: %s", path, what)
				}
			}
		})
	}
	t.Run("what is changed is seen", func(t *testing.T) {
		command := "touch /etc/hostname && chmod 700 /var/lib/kubelet && echo >/tmp/x && rm /usr/bin/uname && " +
			"cd /var/lib/kubelet && cp -p config.yaml /tmp/y && echo >>config.yaml && touch -r /tmp/y config.yaml"
		if _, code := b.as(t, "root", command); code != 0 {
			t.Fatalf("exit %d", code)
		}
		list := since()
		for _, path := range []string{"etc/hostname", "var/lib/kubelet", "tmp/x", "usr/bin/uname", "var/lib/kubelet/config.yaml"} {
			if list[path] == "" {
				t.Errorf("%s was not", path)
			}
		}
	})
}

// visitBox scans a box as some users, who all get their row.
func visitBox(t *testing.T, b box, users ...string) {
	t.Helper()
	code, stdout, stderr := kletscan(t.Context(), append([]string{"scan", "-F", filepath.Join(b.dir, "ssh_config"), "-o", "json"}, users...)...)
	if n := strings.Count(stdout, `"status": "ok"`); n != len(users) {
		t.Errorf("exit %d, %d of %d users got their row: %s%s", code, n, len(users), stdout, stderr)
	}
}

// upper is the layer that has all that was changed in a box since it was made. It
// is in the box's mount namespace, and is reached through one of its processes.
func (b box) upper(t *testing.T) string {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		variables := strings.Split(string(text), "\x00")
		at := slices.IndexFunc(variables, func(v string) bool { return strings.HasPrefix(v, "BOX=") })
		if at < 0 || !slices.Contains(variables, "FILES="+b.dir) {
			continue
		}
		upper := filepath.Join(filepath.Dir(name), "root", strings.TrimPrefix(variables[at], "BOX="), "upper")
		if isDirectory(upper) {
			return upper
		}
	}
	t.Fatal("no process of the box shows its layers")
	return ""
}

// snapshot is what there is to know of every file below root, but when it was
// read last.
func snapshot(t *testing.T, root string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		stat := info.Sys().(*syscall.Stat_t)
		said := fmt.Sprintf("%v, of %d:%d, %d bytes, written %d.%09d, changed %d.%09d, inode %d",
			info.Mode(), stat.Uid, stat.Gid, info.Size(), stat.Mtim.Sec, stat.Mtim.Nsec, stat.Ctim.Sec, stat.Ctim.Nsec, stat.Ino)
		if info.Mode().IsRegular() {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			said += fmt.Sprintf(", SHA-256 %x", sha256.Sum256(text))
		}
		name, err := filepath.Rel(root, path)
		files[name] = said
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// changes are all differences of two snapshots, by path.
func changes(before, after map[string]string) map[string]string {
	all := maps.Clone(before)
	maps.Copy(all, after)
	maps.DeleteFunc(all, func(path, _ string) bool { return before[path] == after[path] })
	for path := range all {
		all[path] = fmt.Sprintf("was (%s), is (%s)", before[path], after[path])
	}
	return all
}
