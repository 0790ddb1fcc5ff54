// Package oracle compares scanner/kubelet with the kubelet's own libraries over
// generated command lines, configuration files and drop-ins. It has tests and
// nothing else.
//
// It is a module of its own because those libraries bring dozens of modules
// with them, none of which the product needs: `go test ./...` at the top does
// not see it, `make test` runs it as well.
//
// # What is the real thing
//
// From the release that go.mod pins: the v1beta1 types (k8s.io/kubelet), the
// strict and lenient decoders (k8s.io/apimachinery), feature gates, flag types,
// --version and the logging flags (k8s.io/component-base), pflag, the JSON merge
// patches of drop-ins from 1.29 on (json-patch.v4) and the mergo of 1.28.
//
// # What is rewritten
//
// What the kubelet does with them is in no library. It stands in
// kubelet_test.go and flagset_test.go, each function named after the one that it
// follows in cmd/kubelet/app or pkg/kubelet: the two parses of the command line,
// the order of the layers, defaults, relative paths, and of the validation the
// port and the gate. The internal KubeletConfiguration is reduced to the fields
// that decide the serving certificate. Of the flags there is some of every type.
//
// # What is not covered
//
// One module holds one version of each library, so that older versions are
// judged with today's decoders, pflag and gates: what differs between versions
// here is the kubelet's own part. (The tests pass as they are with the libraries
// of 1.31.14 and 1.36.6, too: edit go.mod, run go mod tidy.) Of the fields of a
// --config file, none but featureGates is compared before 1.19. Not compared at
// all: kubelets before 1.10, whose flags and files are others; dynamic
// configuration; a version that is not known; files that are missing or cannot
// be read; and documents beyond the limits of scanner/kubelet, to which it
// answers "unknown".
// What scanner/kubelet says that it does not know is compared in all that it
// does know (notKnown in exceptions_test.go).
//
// # When a test fails
//
// Rapid prints the smallest input that it found and a seed that repeats the
// run. A mistake is mended in scanner/kubelet. A difference that stays is listed
// with its reason in exceptions_test.go, where a test sees to it that it goes
// when it is no longer one.
//
// When go asks for updates to go.mod because the product's modules changed, run
// go mod tidy here.
//
//	go test ./...                        # 10,000 inputs a test
//	go test ./... -rapid.checks=1000000  # many more
package oracle
