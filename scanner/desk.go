package scanner

// desk is where nodes are judged, by no more goroutines than can run at once.
// Judging takes a deep stack, which those grow once, and every visit in its own
// goroutine would have to grow and to keep.
type desk chan func()

// work does what is brought, until the desk is closed.
func (d desk) work() {
	for f := range d {
		f()
	}
}

// do has f done and waits for it. A panic of f is an Error that is Internal.
func (d desk) do(f func()) (err error) {
	done := make(chan struct{})
	d <- func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				err = Defect(p)
			}
		}()
		f()
	}
	<-done
	return err
}
