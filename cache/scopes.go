package cache

import "github.com/whiskstore/whiskstore/store"

// Loss is a loss of messages (R7): of those about documents in a range of the key
// space of a collection. The zero Loss is one of any messages.
type Loss struct {
	// Min (inclusive) and Max (exclusive) bound the range, as in store.Range; both
	// are empty where everything is concerned.
	Min, Max string

	// Position is one that reflects everything that the lost messages were about;
	// empty where none is known.
	Position store.Session
}

// maxRanges is how many ranges a cache tells apart. Beyond it they are taken
// together: everything is suspect once more than it would have to be.
const maxRanges = 64

// rangeScope is the scope of one range with the position at which loads may repair it.
type rangeScope struct {
	min, max string
	scope
	after store.Session
}

// scopes are what a cache lost, by range. They are never changed, only replaced,
// so that lookups need no lock.
type scopes struct {
	total  uint64       // losses so far, of whatever range
	all    rangeScope   // of everything
	ranges []rangeScope // of parts
}

// lose books a loss at the time now.
func (s *scopes) lose(m machine, now int64, loss Loss) *scopes {
	n := &scopes{total: s.total + 1, all: s.all, ranges: append([]rangeScope(nil), s.ranges...)}
	r := n.find(loss.Min, loss.Max)
	position := loss.Position
	if now < r.soft && position != r.after { // two positions cannot be compared
		position = ""
	}
	r.scope = m.lose(r.scope, now, position != "")
	r.losses, r.after = n.total, position
	if len(n.ranges) > maxRanges {
		for _, r := range n.ranges {
			n.all.join(r)
		}
		n.ranges = nil
	}
	return n
}

// find returns the scope of a range, a new one if there is none.
func (s *scopes) find(low, high string) *rangeScope {
	if low == "" && high == "" {
		return &s.all
	}
	for i := range s.ranges {
		if r := &s.ranges[i]; r.min == low && r.max == high {
			return r
		}
	}
	s.ranges = append(s.ranges, rangeScope{min: low, max: high})
	return &s.ranges[len(s.ranges)-1]
}

// at is the scope of what lies at a place of the key space, with the position
// that loads have to read at while it is soft.
func (s *scopes) at(place string) rangeScope {
	sum := s.all
	for _, r := range s.ranges {
		if r.min <= place && (r.max == "" || place < r.max) {
			sum.join(r)
		}
	}
	return sum
}

// join adds what o lost. While both would have loads read at positions, and at
// different ones, nothing is admitted.
func (r *rangeScope) join(o rangeScope) {
	if r.soft != 0 && o.soft != 0 && r.after != o.after {
		r.blind = max(r.blind, min(r.soft, o.soft))
	}
	if o.soft > r.soft {
		r.soft, r.after = o.soft, o.after
	}
	r.blind, r.losses = max(r.blind, o.blind), max(r.losses, o.losses)
}

// standsUntil is the end of the last time in which something is not admitted.
func (s *scopes) standsUntil() int64 {
	end := max(s.all.blind, s.all.soft)
	for _, r := range s.ranges {
		end = max(end, r.blind, r.soft)
	}
	return end
}
