package tworegions

import (
	"slices"
	"sync"
	"time"
)

// truth is what every document of whisks and subjects was, and when: what hits
// are held to. Nodes write down each write once it is acknowledged, which counts
// as the moment of its commit.
type truth struct {
	keep time.Duration // how long a state that was replaced is remembered

	mu      sync.Mutex
	docs    map[place][]state
	unknown map[sighting]bool   // served, but not written down by then
	late    map[place]time.Time // when it was replicated later than the lag budget allows, the last time
}

// state is one state of a document.
type state struct {
	n    int64 // they count up
	mark string
	by   *node // nil for what was there before the run
	at   time.Time
	gone bool
}

// sighting is a state that was served. Its mark tells it from the document's
// others: a revision, or what a value derived from the document shows of it.
type sighting struct {
	place
	mark string
}

const (
	maxUnknown  = 10_000
	absenceMark = ""
)

func newTruth(keep time.Duration) *truth {
	return &truth{keep: keep, docs: map[place][]state{}, unknown: map[sighting]bool{}, late: map[place]time.Time{}}
}

// committed writes down a state that node by wrote. n orders the states of a
// document that several nodes write; 0 is the next one.
func (t *truth) committed(p place, s state) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.at = time.Now()
	states := t.docs[p]
	if s.n == 0 {
		s.n = 1
		if len(states) > 0 {
			s.n += states[len(states)-1].n
		}
	}
	i := len(states)
	for i > 0 && states[i-1].n > s.n {
		i--
	}
	states = slices.Insert(states, i, s)
	for len(states) > 1 && s.at.Sub(states[1].at) > t.keep {
		states = states[1:]
	}
	t.docs[p] = states
	delete(t.unknown, sighting{p, s.mark})
}

// own is the number of the newest state that n has written, 0 for none.
func (t *truth) own(p place, n *node) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range slices.Backward(t.docs[p]) {
		if s.by == n {
			return s.n
		}
	}
	return 0
}

// found is what the truth knows of a state that was served.
type found struct {
	n     int64         // 0 when it is not known: newer than what is written down
	stale time.Duration // since when it had not been the newest one
	late  bool          // the document was replicated too late not long before
}

// look returns what is known of a state that was served to a reader who came at
// the time began.
func (t *truth) look(seen sighting, began time.Time) found {
	t.mu.Lock()
	defer t.mu.Unlock()
	states := t.docs[seen.place]
	for i, s := range slices.Backward(states) {
		if s.mark != seen.mark {
			continue
		}
		late, ever := t.late[seen.place]
		f := found{n: s.n, late: ever && began.Sub(late) <= t.keep}
		if i+1 < len(states) {
			f.stale = max(0, began.Sub(states[i+1].at))
		}
		return f
	}
	if len(t.unknown) < maxUnknown {
		t.unknown[seen] = true
	}
	return found{}
}

// newest returns the newest state.
func (t *truth) newest(p place) state {
	t.mu.Lock()
	defer t.mu.Unlock()
	states := t.docs[p]
	if len(states) == 0 {
		return state{gone: true}
	}
	return states[len(states)-1]
}

// latest returns the last two states, the newest one at the end.
func (t *truth) latest(p place) []state {
	t.mu.Lock()
	defer t.mu.Unlock()
	states := t.docs[p]
	return slices.Clone(states[max(0, len(states)-2):])
}

// unwritten returns states that were served and that nobody has written, or not
// for a long time.
func (t *truth) unwritten() []sighting {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []sighting
	for s := range t.unknown {
		all = append(all, s)
	}
	return all
}

// replicated notes how late a replica showed a change.
func (t *truth) replicated(p place, lag, budget time.Duration) {
	if lag <= budget {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.late[p] = time.Now()
}

// tooLate is the number of documents that were replicated later than the lag
// budget allows.
func (t *truth) tooLate() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.late)
}

// places returns all documents.
func (t *truth) places() []place {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]place, 0, len(t.docs))
	for p := range t.docs {
		all = append(all, p)
	}
	return all
}
