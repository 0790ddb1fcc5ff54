module kletscan

go 1.26.0

// SSH and terminals; winio reaches the agent of OpenSSH for Windows, a named pipe
require (
	github.com/Microsoft/go-winio v0.6.4
	github.com/kevinburke/ssh_config v1.6.0
	golang.org/x/crypto v0.58.0
	golang.org/x/term v0.47.0
)

// Command line, tables and the width of what stands in them
require (
	github.com/mattn/go-runewidth v0.0.19
	github.com/olekukonko/tablewriter v1.1.5
	github.com/urfave/cli/v2 v2.27.7
)

// Inventories: YAML with the line and column of every value
require go.yaml.in/yaml/v3 v3.0.6

// Node files: the parser inside the kubelet's own YAML decoder, sigs.k8s.io/yaml,
// which itself would write out every alias of a hostile file; it serves the
// tests, to compare with
require (
	go.yaml.in/yaml/v2 v2.4.2
	sigs.k8s.io/yaml v1.6.0
)

// The fixture fleet: its SSH server, and the shell that runs the probe in it
require (
	github.com/gliderlabs/ssh v0.3.8
	mvdan.cc/sh/v3 v3.14.1
)

// Test dependencies, and txtar for the fixture nodes
require (
	github.com/google/go-cmp v0.7.0
	github.com/rogpeppe/go-internal v1.16.0
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3
	github.com/skeema/knownhosts v1.3.3
	go.uber.org/goleak v1.3.0
)

require (
	github.com/anmitsu/go-shlex v0.0.0-20200514113438-38f4b401e2be // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/clipperhouse/displaywidth v0.10.0 // indirect
	github.com/clipperhouse/uax29/v2 v2.6.0 // indirect
	github.com/cpuguy83/go-md2man/v2 v2.0.7 // indirect
	github.com/fatih/color v1.18.0 // indirect
	github.com/mattn/go-colorable v0.1.14 // indirect
	github.com/mattn/go-isatty v0.0.20 // indirect
	github.com/olekukonko/cat v0.0.0-20250911104152-50322a0618f6 // indirect
	github.com/olekukonko/errors v1.2.0 // indirect
	github.com/olekukonko/ll v0.1.6 // indirect
	github.com/russross/blackfriday/v2 v2.1.0 // indirect
	github.com/xrash/smetrics v0.0.0-20240521201337-686a1a2994c1 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	golang.org/x/time v0.16.0 // indirect
	golang.org/x/tools v0.51.0 // indirect
)
