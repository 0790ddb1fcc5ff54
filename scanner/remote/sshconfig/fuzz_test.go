package sshconfig

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func FuzzSplitLine(f *testing.F) {
	for _, seed := range []string{"Port 22", "Port=\"2 2\" # x", "IdentityFile a\\ b 'c' \"d", "\"Port\" 1", "=", "Host \\", "User \xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		name, rest, err := splitLine(line)
		if err != nil || name == "" {
			return
		}
		if strings.ToLower(name) != name || strings.Trim(rest, " \t") == "" || strings.HasPrefix(rest, "=") {
			t.Errorf("%q: keyword %q, rest %q", line, name, rest)
		}
		words, err := splitWords(rest)
		if err == nil && len(strings.Join(words, "")) > len(rest) {
			t.Errorf("%q: %q is longer than the line", line, words)
		}
	})
}

func FuzzParseDump(f *testing.F) {
	f.Add("hostname a\nport 22\nidentityfile a\nidentityfile b\n")
	f.Add("hostname\nciphers \n\n")
	f.Fuzz(func(t *testing.T, text string) {
		dump, err := parseDump(text)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			return
		}
		self := &itself{dump: map[string][]string{}, expanded: map[string]bool{}}
		d, err := self.directives(dump)
		if err != nil {
			return
		}
		d.hostFiles = []directive{}
		s, err := settle(d, Query{Alias: "a"}, local{home: "/h", user: "u"}, newDefaults("/h", "/s"), testEnv)
		if err == nil && (s.HostName == "" && dump["hostname"][0] != "" || s.User == "") {
			t.Errorf("%q: %+v", text, s)
		}
	})
}

// FuzzAsOpenSSH compares the reader with ssh -G for files that the strict check
// lets through.
func FuzzAsOpenSSH(f *testing.F) {
	for _, seed := range []string{
		"Host node1\n Port 7\nUser bob", "Host * !node1\nHostName %h.x\n", "IdentityFile \"/a b\" # c\nIdentityFile ~/%r",
		"Ciphers -*cbc\nMACs +hmac-md5\n", "ProxyJump a@b:1,[::1]\nProxyCommand nc %h", "UserKnownHostsFile ~/a \"/b\"", "Match all\nConnectTimeout 1h",
		"ControlPath /%C\nIdentityAgent $X\n", "ServerAliveInterval 1m30\nConnectionAttempts 3", "IgnoreUnknown a*,b\nabc d",
	} {
		f.Add(seed)
	}
	o := newOracle(f)
	opts := options(f, "")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 2000 || strings.Contains(strings.ToLower(text), "include") {
			return
		}
		opts := opts
		opts.File = write(t, filepath.Join(dir, fmt.Sprintf("%p", t)), text)
		r, err := New(opts)
		q := Query{Alias: "node1"}
		if err != nil {
			if o.dump(t, opts.File, q) != nil {
				t.Errorf("New: %v\nbut ssh reads it", err)
			}
			return
		}
		if r.Outside() != "" {
			return
		}
		got, why, err := r.read(q)
		if why != "" {
			return
		}
		dump := o.dump(t, opts.File, q)
		if dump == nil && err == nil {
			t.Fatal("ssh refuses the file, the reader does not")
		}
		if dump == nil || err != nil {
			return // the reader may refuse what ssh refuses later
		}
		o.checkPrinted(t, got, dump, opts.Home)
		asked, err := r.ask(context.Background(), q)
		if err == nil && fmt.Sprint(asked.IdentityFiles, asked.CertificateFiles, asked.ProxyCommand, asked.IdentityAgent) !=
			fmt.Sprint(got.IdentityFiles, got.CertificateFiles, got.ProxyCommand, got.IdentityAgent) {
			t.Errorf("ssh -G: %+v\nreader: %+v", asked, got)
		}
	})
}

// BenchmarkResolve is 5,000 aliases of 5,000 blocks, from the reader.
func BenchmarkResolve(b *testing.B) {
	var text strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&text, "Host node%d node%[1]d.example\n HostName 10.0.%d.%d\n User admin\n IdentityFile ~/.ssh/%%r\n", i, i/250, i%250)
	}
	text.WriteString("Host *.example\n Port 2222\nHost *\n StrictHostKeyChecking yes\n")
	file := write(b, filepath.Join(b.TempDir(), "config"), text.String())
	b.Run("New", func(b *testing.B) {
		for b.Loop() {
			newResolver(b, Options{File: file, Home: "/h", LocalUser: "u"})
		}
	})
	b.Run("Resolve", func(b *testing.B) {
		r := newResolver(b, Options{File: file, Home: "/h", LocalUser: "u"})
		for i := 0; b.Loop(); i++ {
			if _, why, err := r.read(Query{Alias: fmt.Sprintf("node%d.example", i%5000)}); why != "" || err != nil {
				b.Fatal(why, err)
			}
		}
	})
}
