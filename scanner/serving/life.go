package serving

import (
	"math"

	"kletscan/scanner/evidence"
)

// renewedBy is the share of its life by which a rotating kubelet has asked for
// the next certificate: it picks a moment between 70 and 90 %
// (client-go/util/certificate, jitteryDuration).
const renewedBy = 0.9

// Life is where a certificate stands in its life. The zero value: not known.
type Life struct {
	Known    bool    // there are dates and a clock; without it nothing below says anything
	Used     float64 // the share of its life that is over: below 0 before it begins, above 1 after its end
	DaysLeft int64   // whole days until NotAfter, rounded down: 0 on the last day, negative after the end
	NotYet   bool    // it does not begin before a later time
	Expired  bool    // its end has passed
	Overdue  bool    // rotated, more than 90 % of its life over, and not renewed; also after its end
}

// Bounds of what X.509 can say (RFC 5280 section 4.1.2.5), in seconds since
// the epoch: the years 0000 and 9999.
const (
	firstSecond = -62167219200
	lastSecond  = 253402300799
)

// LifeOf says where a certificate of a class stands at now, in seconds since
// the epoch; 0: not known. Classify does it for the certificate that decides.
func LifeOf(cert *evidence.Certificate, class Class, now int64) Life {
	begin, end := cert.NotBefore, cert.NotAfter
	for _, t := range []int64{now, begin, end} {
		if t < firstSecond || t > lastSecond {
			return Life{}
		}
	}
	if now == 0 || cert.Unparsable != "" || begin >= end {
		return Life{}
	}
	life := Life{
		Known:    true,
		Used:     float64(now-begin) / float64(end-begin),
		DaysLeft: int64(math.Floor(float64(end-now) / (24 * 60 * 60))),
		NotYet:   now < begin,
		Expired:  now > end,
	}
	life.Overdue = class == Rotated && life.Used > renewedBy
	return life
}
