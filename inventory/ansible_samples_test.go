package inventory

// ansibleSamples are inventories, by file name, that Ansible and we must read
// alike. Each is about one rule of Ansible's documentation or plugins.
var ansibleSamples = map[string]string{
	"ungrouped.ini":      "a ansible_host=10.0.0.1\nb ansible_user=core\n[web]\nc\n",
	"comments.ini":       "# one\n; two\n  # three\na ansible_host=10.0.0.1 # four\nb#five\n[web] # six\nc\n[web:vars]#seven\nansible_user=u\n[x:children] # eight\nweb # nine\n",
	"ranges.ini":         "[web]\nw[01:03]\nx[a:c]\ny[1:10:3]\nz[8:11]-[a:b].example\n[n:vars]\n[n]\n10.0.0.[1:3]\n[:2]q\n",
	"letters.ini":        "[web]\nx[y:B]\n",
	"ports.ini":          "[web]\na:2222\nb[1:2]:2223\n[fe80::1]:2224\n[c.example]:2225\n192.0.2.1:22\nd:22 ansible_port=23\n",
	"ipv6.ini":           "[web]\nfe80::1\n2001:db8::[1:3]\n::1\nh ansible_host=fe80::2\n",
	"quotes.ini":         "[web]\na ansible_user='core' ansible_host=\"10.0.0.1\"\nb ansible_user=\"'core'\"\nc \"ansible_user=core\"\nd ansible_user=co\\re\ne ansible_user='\"x\"'\n",
	"literals.ini":       "[web]\na\nb ansible_user=007 ansible_host=b2\nc ansible_user=1000 ansible_host=c2\nd ansible_host='\"d2\"' ansible_port='\"2222\"'\n[web:vars]\nansible_port = 2222 # ssh\nansible_host='10.0.0.9' # quoted\n",
	"plain-values.ini":   "[web]\na\n[web:vars]\nansible_host = 10.0.0.9\nansible_user =   core  \n",
	"children.ini":       "[a:children]\nb\nc\n[b:children]\nd\n[c:children]\nd\n[d]\nh1\nh2\n[c]\nh3\n",
	"declared-later.ini": "[a:vars]\nansible_user=u\n[b:children]\na\n[a]\nh\n",
	"empty-group.ini":    "[a]\n[b:children]\na\n[c]\nh ansible_port=1\n",
	"precedence.ini": `alone ansible_host=10.9.9.9
[all:vars]
ansible_user=all
ansible_port=1
[a]
h1
h2 ansible_user=own
[b]
h1
h3 ansible_host=10.0.0.3
[c:children]
a
b
[a:vars]
ansible_port=2
[b:vars]
ansible_port=3
ansible_user=b
[c:vars]
ansible_user=c
ansible_port=4
`,
	"priority.ini":      "[a]\nh\n[b]\nh\n[a:vars]\nansible_group_priority=10\nansible_user=a\n[b:vars]\nansible_user=b\n",
	"deep-beats.ini":    "[z]\nh\n[z:vars]\nansible_user=z\n[a:children]\nb\n[b]\nh\n[b:vars]\nansible_user=b\n",
	"host-twice.ini":    "[a]\nh ansible_user=one ansible_port=1\n[b]\nh ansible_user=two\n",
	"tabs-crlf.ini":     "[a]\r\nh\tansible_user=u\r\n\r\n  indented ansible_port=5\r\n",
	"secrets.ini":       "[a]\nh ansible_password='s3 cr#et' ansible_become_password='{{ x }}' ansible_ssh_pass=!vault\n[a:vars]\nansible_become=true\npackages=['a', 'b']\n",
	"dashes.ini":        "[my-group]\nweb-1 ansible_user=u\n[other_group:children]\nmy-group\n",
	"hosts-section.ini": "[web:hosts]\nh ansible_user=u\n",
	"same-name.ini":     "[x:children]\nw1\n[a]\nw1 ansible_user=host\nw2 ansible_user=two\n[w1]\nw1 ansible_port=5\n[w2]\nw3\nw2 ansible_port=6\n",
	"all-section.ini":   "[all]\nh1\nh2\n[web]\nh1\n",
	"groups.yml":        "all:\n  hosts:\n    mail:\n  children:\n    web:\n      hosts:\n        w[01:03]:\n        x: {ansible_host: 10.0.0.1, ansible_port: 22}\n      vars:\n        ansible_user: core\n    db:\n      children:\n        east: {hosts: {d1: , w01: }}\n",
	"empty.yml":         "all:\n  hosts:\n  children:\n    a:\n    b:\n      hosts: {h: }\n  vars:\n",
	"string.yml":        "web:\n  hosts: w1\n  children: more\nmore:\n  hosts:\n    w2:\n",
	"anchors.yml":       "x: &x\n  vars: &v {ansible_user: u, ansible_port: 5}\n  hosts:\n    a: &a\n      ansible_host: 10.0.0.1\ny:\n  hosts:\n    b:\n      <<: *v\n      ansible_port: 6\n    c: {<<: [{ansible_user: first}, *v]}\n",
	"null-var.yml":      "all:\n  vars: {ansible_user: u}\n  hosts:\n    a: {ansible_port: 5}\n",
	"quoted.yml":        "---\n\"web\":\n  'hosts':\n    \"w[1:2].example:2222\":\n      ansible_user: \"007\"\n...\n",
	"unsafe.yml":        "web:\n  hosts:\n    h:\n      ansible_user: !unsafe core\n",
	"order.yml":         "b:\n  hosts: {h: }\n  vars: {ansible_user: b}\na:\n  hosts: {h: }\n  vars: {ansible_user: a}\n",
	"flow.yml":          "---\nall: {children: {web: {hosts: {h: {ansible_port: 5}}}}}\n",
}
