package report

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

func TestFoldNames(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []string
		want []string
	}{
		{"none", nil, nil},
		{"one stands for itself", []string{"worker01"}, []string{"worker01"}},
		{"a range", []string{"w3", "w1", "w2"}, []string{"w[1-3]"}},
		{"ranges and single ones", []string{"w1", "w2", "w3", "w7", "w9", "w10"}, []string{"w[1-3,7,9-10]"}},
		{"leading zeros", []string{"w08", "w09", "w10", "w11"}, []string{"w[08-11]"}},
		{"with and without them", []string{"w8", "w9", "w09", "w10", "w010"}, []string{"w[8-9,09-10,010]"}},
		{"the number in front of the domain", []string{"cp-1.eu2.example.org", "cp-2.eu2.example.org"}, []string{"cp-[1-2].eu2.example.org"}},
		{"domains apart", []string{"cp-1.a", "cp-2.b"}, []string{"cp-1.a", "cp-2.b"}},
		{"the last of several numbers", []string{"rack1-node2", "rack1-node3", "rack2-node2"}, []string{"rack1-node[2-3]", "rack2-node2"}},
		{"addresses", []string{"10.0.0.9", "10.0.0.10", "10.0.1.1:22"}, []string{"10.0.0.[9-10]", "10.0.1.1:22"}},
		{"not the port", []string{"cp-1:22", "cp-2:22", "cp:22", "cp:23"}, []string{"cp-[1-2]:22", "cp:22", "cp:23"}},
		{"IPv6", []string{"2001:db8::1", "2001:db8::2", "[2001:db8::3]:22"}, []string{"2001:db8::1", "2001:db8::2", "[2001:db8::3]:22"}},
		{"a number that is none", []string{"n12345678901234567890", "n12345678901234567891"}, []string{"n12345678901234567890", "n12345678901234567891"}},
		{"twice", []string{"w1", "w1", "w2"}, []string{"w[1,1-2]"}},
		{"a name that looks like a range", []string{"w[1-9]", "a,b", ""}, []string{`""`, `"a,b"`, `"w[1-9]"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := foldNames(tt.in)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// unfold is all names of patterns.
func unfold(t *testing.T, patterns []string) (names []string) {
	t.Helper()
	for _, pattern := range patterns {
		if strings.HasPrefix(pattern, `"`) {
			names = append(names, pattern[1:len(pattern)-1])
			continue
		}
		at := 0
		for at < len(pattern) && (pattern[at] != '[' || rangeAt(pattern[at:]) == 0) {
			at++
		}
		if at == len(pattern) {
			names = append(names, pattern)
			continue
		}
		end := at + rangeAt(pattern[at:])
		for item := range strings.SplitSeq(pattern[at+1:end-1], ",") {
			low, high, found := strings.Cut(item, "-")
			if !found {
				high = low
			}
			a, err := strconv.Atoi(low)
			if err != nil {
				t.Fatal(err)
			}
			b, err := strconv.Atoi(high)
			if err != nil || b < a {
				t.Fatalf("%s: %v", item, err)
			}
			for n := a; n <= b; n++ {
				width := 0
				if padded(low) {
					width = len(low)
				}
				names = append(names, pattern[:at]+fmt.Sprintf("%0*d", width, n)+pattern[end:])
			}
		}
	}
	return names
}

// randomNames are names that have much in common, with every kind of number.
func randomNames(r *rand.Rand) []string {
	names := make([]string, r.IntN(60))
	for i := range names {
		prefix := []string{"w", "w-", "cp1-", "10.0.0.", "", "[", "a,b", "w[1-2]"}[r.IntN(8)]
		suffix := []string{"", ".eu1", ":22", "x", "]", "-b.c2:7"}[r.IntN(6)]
		names[i] = prefix + fmt.Sprintf("%0*d", r.IntN(4), r.IntN(120)) + suffix
	}
	return names
}

// Unfolding what was folded gives every name, as often as it was there.
func TestUnfoldFolded(t *testing.T) {
	for seed := range uint64(3000) {
		names := randomNames(rand.New(rand.NewPCG(seed, 7)))
		patterns := foldNames(names)
		got := unfold(t, patterns)
		slices.Sort(got)
		slices.Sort(names)
		if !slices.Equal(got, names) {
			t.Fatalf("seed %d: %q\nfolded %q\nunfolded %q", seed, names, patterns, got)
		}
	}
}

// What was folded can be given to a waiver, and names the same nodes there.
func TestWaiverNamesWhatWasFolded(t *testing.T) {
	for seed := range uint64(500) {
		names := randomNames(rand.New(rand.NewPCG(seed, 8)))
		for _, pattern := range foldNames(names) {
			if strings.HasPrefix(pattern, `"`) {
				continue
			}
			for _, name := range unfold(t, []string{pattern}) {
				if w := (Waiver{Nodes: "x," + pattern + ",y"}); !w.names(node(name, "", scanner.Verdict{})) {
					t.Errorf("seed %d: %q is not of %q", seed, name, pattern)
				}
			}
		}
	}
}

func FuzzFoldNames(f *testing.F) {
	f.Add("w1\nw2\nw03")
	f.Add("a[1-2]\n\"\n[::1]:22\n99999999999999999999")
	f.Fuzz(func(t *testing.T, text string) {
		names := strings.Split(text, "\n")
		for i := range names {
			names[i] = Clean(names[i])
		}
		got := unfold(t, foldNames(names))
		slices.Sort(got)
		slices.Sort(names)
		if !slices.Equal(got, names) {
			t.Errorf("%q came back as %q", names, got)
		}
	})
}

func TestGeneral(t *testing.T) {
	r := node("worker-1", "", scanner.Verdict{})
	r.Node.Host = "10.0.0.4"
	for in, want := range map[string]string{
		"connect: dial tcp 10.0.0.4:22: connect: connection refused": "connect: dial tcp …: connect: connection refused",
		"worker-1 says no, worker-11 and my-worker-1 say yes":        "… says no, worker-11 and my-worker-1 say yes",
		"until 2026-11-23T11:17:00Z, SHA256:abc+/= at [::1]:10250":   "until …, … at …",
		"serverTLSBootstrap: false in /var/lib/kubelet/config.yaml":  "serverTLSBootstrap: false in /var/lib/kubelet/config.yaml",
		"default (v1.29)": "default (v1.29)",
	} {
		if got := general(in, r); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// homogeneous is a fleet as it is: most nodes alike, one of forty not.
func homogeneous() []scanner.Result {
	file := kubelet.Source{Kind: kubelet.FromFile, Path: configPath, Line: 31}
	worker := func(name, value string, rotation kubelet.Rotation, source kubelet.Source) scanner.Result {
		return node(name, "workers", scanner.Verdict{
			Rotation: rotation, Distro: "kubeadm", Version: "v1.31.4", Source: source, Why: "serverTLSBootstrap: " + value,
			Settings: []scanner.Setting{
				{Name: "serverTLSBootstrap", Value: value, Source: source},
				{Name: "address", Value: "10.0.0." + strings.TrimPrefix(name, "worker"), Source: file},
			},
		})
	}
	var results []scanner.Result
	for i := range 40 {
		results = append(results, worker(fmt.Sprintf("worker%02d", i+1), "true", kubelet.On, file))
	}
	results[16] = worker("worker17", "false", kubelet.Off, kubelet.Source{Kind: kubelet.FromDefault, Text: "v1.31"})
	for i := range 3 {
		name := fmt.Sprintf("worker%d", 41+i)
		results = append(results, missed(name, "workers", scanner.Unreachable, fmt.Sprintf("connect: dial tcp 10.0.0.%d:22: connect: connection refused", 41+i)))
	}
	return append(results, node("cp-1", "control-plane", scanner.Verdict{Rotation: kubelet.On}), node("cp-2", "control-plane", scanner.Verdict{Rotation: kubelet.On, Distro: "k3s"}))
}

// Every node is in one row, whatever there is to say of it.
func TestFoldedHasEveryNodeOnce(t *testing.T) {
	for _, results := range [][]scanner.Result{fleet(), homogeneous(), hostileFleet(), nil} {
		run := testRun(results...)
		run.Waivers = Waivers{{Nodes: "w*", Rotation: "off", Expires: day("2027-01-01")}}
		var same sameAnswers
		for _, r := range results {
			same.add(run, Options{Now: began}, r)
		}
		var got, want []string
		for _, a := range same.sorted() {
			got = append(got, unfold(t, foldNames(a.names))...)
		}
		for _, r := range results {
			want = append(want, Clean(r.Node.Name))
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestOutliers(t *testing.T) {
	setting := func(name, value string) scanner.Result {
		return node(name, "g", scanner.Verdict{Settings: []scanner.Setting{{Name: "port", Value: value, Source: kubelet.Source{Kind: kubelet.FromFile, Path: "/c"}}}})
	}
	for _, tt := range []struct {
		name    string
		results []scanner.Result
		want    []outlier
	}{
		{"all alike", []scanner.Result{setting("a", "1"), setting("b", "1"), setting("c", "1")}, nil},
		{"too few to say", []scanner.Result{setting("a", "1"), setting("b", "2")}, nil},
		{"one of three", []scanner.Result{setting("a", "2"), setting("b", "1"), setting("c", "1")}, []outlier{{setting: "port", is: "2 (file /c)", common: "1 (file /c)", names: []string{"a"}}}},
		{
			"two ways to be unlike",
			[]scanner.Result{setting("a", "2"), setting("b", "1"), setting("c", "1"), setting("d", "3"), setting("e", "2"), setting("f", "1")},
			[]outlier{{setting: "port", is: "2 (file /c)", common: "1 (file /c)", names: []string{"a", "e"}}, {setting: "port", is: "3 (file /c)", common: "1 (file /c)", names: []string{"d"}}},
		},
		{
			"a setting that is not there",
			[]scanner.Result{setting("a", "1"), setting("b", "1"), node("c", "g", scanner.Verdict{})},
			[]outlier{{setting: "port", common: "1 (file /c)", names: []string{"c"}}},
		},
		{"a node that was not assessed is not set up in any way", []scanner.Result{setting("a", "1"), setting("b", "1"), setting("c", "1"), missed("d", "g", scanner.Timeout, "")}, nil},
		{"the node's own address", []scanner.Result{setting("a", "10.0.0.1"), setting("b", "10.0.0.2"), setting("c", "10.0.0.3")}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var configs configurations
			for _, r := range tt.results {
				configs.add(r)
			}
			var got []outlier
			for _, g := range configs.outliers() {
				for _, o := range g.list {
					got = append(got, *o)
				}
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(outlier{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestFoldedGolden(t *testing.T) {
	waived := testRun(homogeneous()...)
	waived.Waivers = Waivers{{Nodes: "worker17", Rotation: "off", Reason: "test bed", Owner: "Ada", Expires: day("2026-12-31"), Source: "waivers.yaml:1"}}
	for file, run := range map[string]Run{"fleet": testRun(fleet()...), "homogeneous": testRun(homogeneous()...), "waived": waived, "hostile": testRun(hostileFleet()...), "empty": testRun()} {
		for _, width := range []int{0, 100} {
			name := fmt.Sprintf("%s-%d.folded", file, width)
			t.Run(name, func(t *testing.T) {
				sameAsGolden(t, name, render(t, "folded", run, Options{Width: width, Now: began}))
			})
		}
	}
}
