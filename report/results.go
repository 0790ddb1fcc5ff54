package report

import (
	"math"
	"reflect"
	"time"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
	"kletscan/scanner/serving"
)

// Results are the results of a run, one after the other, so that a format need
// not hold a fleet in memory. They may be ranged over more than once, with the
// same outcome. After an error, which comes with the zero Result, they end.
//
// Those that Of and Read give are plain: their strings are clean, their times as
// exact as they are saved, and nothing is said of what nobody looked at. So what
// a format makes of a result is the same once it was saved and read again.
type Results func(yield func(scanner.Result, error) bool)

// Of are results that are in memory, in their order.
func Of(results []scanner.Result) Results {
	return func(yield func(scanner.Result, error) bool) {
		for _, r := range results {
			if !yield(plain(r), nil) {
				return
			}
		}
	}
}

// Collect is all results at once, for a format whose layout needs them.
func (rs Results) Collect() (list []scanner.Result, err error) {
	for r, err := range rs {
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

// plain is r with every string in it cleaned, whatever fields a Result comes to
// have, with its times in seconds and milliseconds, and without what a field says
// that another one makes void. It shares nothing with r.
func plain(r scanner.Result) scanner.Result {
	scrub(reflect.ValueOf(&r).Elem())
	return timely(r)
}

// timely is r as plain gives it, but for its strings.
func timely(r scanner.Result) scanner.Result {
	r.Started, r.Duration = r.Started.UTC().Truncate(time.Second), r.Duration.Round(time.Millisecond)
	if r.Started.IsZero() {
		r.Duration = 0
	}
	for _, took := range stageTimes(&r.Stages) {
		*took = took.Truncate(time.Microsecond)
	}
	v := &r.Verdict
	if r.Status != scanner.OK {
		v.Rotation = kubelet.Unknown
	}
	if !restartPending(&r) {
		v.AfterRestart = kubelet.Unknown
	}
	if !looked(&r) {
		v.Served.Class = serving.NotObserved
	}
	if !v.Served.Life.Known {
		v.Served.Life = serving.Life{}
	}
	v.Served.Life.Used = math.Round(v.Served.Life.Used*1e4) / 1e4
	return r
}

func scrub(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(Clean(v.String()))
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			scrub(v.Field(i))
		}
	case reflect.Slice:
		if v.IsNil() {
			return
		}
		own := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(own, v)
		for i := range own.Len() {
			scrub(own.Index(i))
		}
		v.Set(own)
	case reflect.Map:
		if labels, ok := v.Interface().(map[string]string); ok && labels != nil {
			v.Set(reflect.ValueOf(cleanMap(labels)))
		}
	}
}
