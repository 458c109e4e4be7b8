package main

import "time"

// loop is an event loop with virtual time.
type loop struct {
	now   time.Duration
	n     uint64
	queue []timed
}

// timed is an event; those of one moment happen in the order they were made.
type timed struct {
	at time.Duration
	n  uint64
	do func()
}

func (a *timed) before(b *timed) bool { return a.at < b.at || a.at == b.at && a.n < b.n }

// after makes do happen d from now.
func (l *loop) after(d time.Duration, do func()) {
	l.n++
	q := append(l.queue, timed{at: l.now + max(d, 0), n: l.n, do: do})
	i := len(q) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if !q[i].before(&q[parent]) {
			break
		}
		q[i], q[parent] = q[parent], q[i]
		i = parent
	}
	l.queue = q
}

// step lets the next event happen; it reports whether there was one.
func (l *loop) step() bool {
	q := l.queue
	if len(q) == 0 {
		return false
	}
	first := q[0]
	last := len(q) - 1
	q[0], q[last] = q[last], timed{}
	q = q[:last]
	for i := 0; ; {
		least := i
		for c := 4*i + 1; c <= 4*i+4 && c < last; c++ {
			if q[c].before(&q[least]) {
				least = c
			}
		}
		if least == i {
			break
		}
		q[i], q[least] = q[least], q[i]
		i = least
	}
	l.queue = q
	l.now = first.at
	first.do()
	return true
}
