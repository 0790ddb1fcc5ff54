package report

import (
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"slices"
	"time"

	"kletscan/inventory"
	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

// packer writes a Result as few bytes, or reads it back: one list of its fields,
// result, serves both ways, so that they cannot disagree. Every string passes
// Clean on its way in. The bytes are for this very process: nothing in them says
// what they are.
type packer struct {
	bytes   []byte // what was written so far, or is still to be read
	reading bool
	err     error // of reading: bytes that nobody wrote
}

var errPacked = errors.New("a result that was kept is not as it was written")

// pack appends r to b. What unpack gives of it is plain(r).
func pack(b []byte, r scanner.Result) []byte {
	r = timely(r)
	p := packer{bytes: b}
	p.result(&r)
	return p.bytes
}

func unpack(b []byte) (r scanner.Result, err error) {
	p := packer{bytes: b, reading: true}
	p.result(&r)
	if p.err == nil && len(p.bytes) > 0 {
		p.err = errPacked
	}
	return r, p.err
}

func (p *packer) result(r *scanner.Result) {
	p.node(&r.Node)
	packNumber(p, &r.Status)
	packText(p, &r.Error)
	p.time(&r.Started)
	packNumber(p, &r.Duration)
	for _, took := range stageTimes(&r.Stages) {
		packNumber(p, took)
	}
	p.verdict(&r.Verdict)
}

func (p *packer) node(n *inventory.Node) {
	packText(p, &n.Name)
	packText(p, &n.Host)
	packNumber(p, &n.Port)
	packText(p, &n.User)
	p.texts(&n.Groups)
	p.labels(&n.Labels)
	p.texts(&n.PrivateKeys)
	packText(p, &n.Jump)
	packText(p, &n.OS)
	packText(p, &n.Kubelet)
	packText(p, &n.Source.File)
	packNumber(p, &n.Source.Line)
	packNumber(p, &n.Source.Column)
	packNumber(p, &n.Index)
}

func (p *packer) verdict(v *scanner.Verdict) {
	packNumber(p, &v.Rotation)
	packList(p, &v.Conditions, packText)
	packNumber(p, &v.AfterRestart)
	packText(p, &v.Distro)
	packText(p, &v.Version)
	packText(p, &v.VersionSource)
	p.source(&v.Source)
	packText(p, &v.Why)
	p.served(&v.Served)
	packList(p, &v.Settings, func(p *packer, s *scanner.Setting) {
		packText(p, &s.Name)
		packText(p, &s.Value)
		p.source(&s.Source)
		packText(p, &s.Detail)
	})
	packList(p, &v.Letter, func(p *packer, l *scanner.Letter) {
		packText(p, &l.Rule)
		packText(p, &l.Result)
		packText(p, &l.Why)
	})
	packNumber(p, &v.PID)
	packText(p, &v.Unit)
	p.texts(&v.Remedy)
	p.texts(&v.Others)
}

func (p *packer) source(s *kubelet.Source) {
	packText(p, &s.Kind)
	packText(p, &s.Path)
	packNumber(p, &s.Line)
	packText(p, &s.Text)
}

func (p *packer) served(s *scanner.Served) {
	packNumber(p, &s.Class)
	packText(p, &s.Join)
	packText(p, &s.Why)
	packText(p, &s.Address)
	packText(p, &s.Method)
	packText(p, &s.Subject)
	packText(p, &s.Issuer)
	packText(p, &s.Serial)
	packText(p, &s.SHA256)
	packText(p, &s.KeyType)
	p.texts(&s.SANs)
	packNumber(p, &s.NotAfter)
	packText(p, &s.SignedBy)
	for _, truth := range []*bool{&s.Life.Known, &s.Life.NotYet, &s.Life.Expired, &s.Life.Overdue} {
		p.truth(truth)
	}
	packNumber(p, &s.Life.DaysLeft)
	p.float(&s.Life.Used)
}

// take is the next n bytes that are read; nil: there are fewer.
func (p *packer) take(n uint64) []byte {
	if n > uint64(len(p.bytes)) {
		p.bytes, p.err = nil, errPacked
		return nil
	}
	taken := p.bytes[:n]
	p.bytes = p.bytes[n:]
	return taken
}

func (p *packer) size(n *uint64) {
	if !p.reading {
		p.bytes = binary.AppendUvarint(p.bytes, *n)
		return
	}
	read, width := binary.Uvarint(p.bytes)
	if width <= 0 {
		p.bytes, p.err = nil, errPacked
		return
	}
	*n, p.bytes = read, p.bytes[width:]
}

func packText[S ~string](p *packer, s *S) {
	if p.reading {
		var n uint64
		p.size(&n)
		*s = S(p.take(n))
		return
	}
	clean := Clean(string(*s))
	p.bytes = append(binary.AppendUvarint(p.bytes, uint64(len(clean))), clean...)
}

func packNumber[N ~int | ~int64 | ~uint8](p *packer, n *N) {
	if !p.reading {
		p.bytes = binary.AppendVarint(p.bytes, int64(*n))
		return
	}
	read, width := binary.Varint(p.bytes)
	if width <= 0 {
		p.bytes, p.err = nil, errPacked
		return
	}
	*n, p.bytes = N(read), p.bytes[width:]
}

func (p *packer) truth(b *bool) {
	var n uint8
	if *b {
		n = 1
	}
	packNumber(p, &n)
	*b = n == 1
}

func (p *packer) float(f *float64) {
	if !p.reading {
		p.bytes = binary.LittleEndian.AppendUint64(p.bytes, math.Float64bits(*f))
	} else if b := p.take(8); b != nil {
		*f = math.Float64frombits(binary.LittleEndian.Uint64(b))
	}
}

// time is exact to the second.
func (p *packer) time(t *time.Time) {
	seconds := t.Unix()
	packNumber(p, &seconds)
	*t = time.Unix(seconds, 0).UTC()
}

func (p *packer) texts(list *[]string) { packList(p, list, packText) }

// packList keeps nil apart from an empty list.
func packList[T any](p *packer, list *[]T, item func(*packer, *T)) {
	var n uint64
	if *list != nil {
		n = uint64(len(*list)) + 1
	}
	p.size(&n)
	if p.reading {
		if n == 0 || n-1 > uint64(len(p.bytes)) { // an item has at least a byte
			if n > 0 {
				p.bytes, p.err = nil, errPacked
			}
			return
		}
		*list = make([]T, n-1)
	}
	for i := range *list {
		item(p, &(*list)[i])
	}
}

// labels are written by their keys, so that of those that are the same when
// clean the last stays.
func (p *packer) labels(m *map[string]string) {
	var keys []string
	if *m != nil {
		keys = slices.AppendSeq(make([]string, 0, len(*m)), maps.Keys(*m))
		slices.Sort(keys)
	}
	p.texts(&keys)
	if p.reading && keys != nil {
		*m = make(map[string]string, len(keys))
	}
	for _, key := range keys {
		label := (*m)[key]
		packText(p, &label)
		if p.reading {
			(*m)[key] = label
		}
	}
}
