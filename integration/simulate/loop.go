package simulate

import "time"

// loop is an event loop with virtual time.
type loop struct {
	now   time.Duration
	n     uint64
	queue []timed // a heap with four children per node
}

// timed is an event; those of one moment happen in the order they were made.
type timed struct {
	at     time.Duration
	n      uint64
	on     *node // on which it happens, in the life that it belongs to; nil is elsewhere
	life   int
	letter *letter // it is the arrival of this letter; otherwise it is do
	do     func()
}

func (e *timed) before(o *timed) bool { return e.at < o.at || e.at == o.at && e.n < o.n }

// after makes do happen d from now.
func (l *loop) after(d time.Duration, do func()) { l.add(timed{at: l.now + max(d, 0), do: do}) }

func (l *loop) add(e timed) {
	l.n++
	e.n = l.n
	l.queue = append(l.queue, e)
	q, i := l.queue, len(l.queue)-1
	for i > 0 {
		parent := (i - 1) / 4
		if !q[i].before(&q[parent]) {
			return
		}
		q[i], q[parent] = q[parent], q[i]
		i = parent
	}
}

// due is the moment of the next event.
func (l *loop) due() (time.Duration, bool) {
	if len(l.queue) == 0 {
		return 0, false
	}
	return l.queue[0].at, true
}

// step lets the next event happen.
func (l *loop) step() {
	first, last := l.queue[0], len(l.queue)-1
	l.queue[0], l.queue[last] = l.queue[last], timed{}
	l.queue = l.queue[:last]
	q, i := l.queue, 0
	for {
		least := i
		for c := 4*i + 1; c <= 4*i+4 && c < len(q); c++ {
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
	l.now = first.at
	if first.on != nil {
		first.on.happen(&first)
		return
	}
	first.do()
}
