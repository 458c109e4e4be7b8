package cache

import (
	"hash/maphash"
	"strings"
)

// result is what a search found.
type result struct {
	states, transitions int
	depth               int
	fixpoint            bool
	broken              string   // the first invariant that broke
	trace               []string // the shortest way to it
}

// successor is one event that may happen in a state, and the state it leads to.
type successor[S any] struct {
	label label
	next  S
	bad   string // the invariant that breaks, if any
}

// breadthFirst visits every state that can be reached from first, until the
// frontier is empty, an invariant breaks, or limit states were seen. It
// remembers states by 64-bit fingerprints and forgets what expand returned at
// its next call.
func breadthFirst[S comparable](first S, limit int, expand func(S) []successor[S]) result {
	seed := maphash.MakeSeed()
	seen := map[uint64]struct{}{maphash.Comparable(seed, first): {}}
	parents, ordinals := []int32{-1}, []uint8{0}
	frontier, index := []S{first}, []int32{0}
	r := result{states: 1}
	for len(frontier) > 0 {
		var nextFrontier []S
		var nextIndex []int32
		for f := range frontier {
			for o, s := range expand(frontier[f]) {
				r.transitions++
				if s.bad != "" {
					r.broken = s.bad
					r.trace = append(retrace(first, expand, parents, ordinals, index[f]), s.label.String())
					return r
				}
				h := maphash.Comparable(seed, s.next)
				if _, ok := seen[h]; ok {
					continue
				}
				seen[h] = struct{}{}
				parents, ordinals = append(parents, index[f]), append(ordinals, uint8(o))
				nextFrontier, nextIndex = append(nextFrontier, s.next), append(nextIndex, int32(len(parents)-1))
				if r.states++; r.states >= limit {
					return r
				}
			}
		}
		frontier, index = nextFrontier, nextIndex
		r.depth++
	}
	r.fixpoint = true
	return r
}

// retrace walks from the beginning to state i and names the events on the way.
func retrace[S any](first S, expand func(S) []successor[S], parents []int32, ordinals []uint8, i int32) []string {
	var path []uint8
	for ; parents[i] >= 0; i = parents[i] {
		path = append(path, ordinals[i])
	}
	at := first
	var trace []string
	for k := len(path) - 1; k >= 0; k-- {
		s := expand(at)[path[k]]
		trace = append(trace, s.label.String())
		at = s.next
	}
	return trace
}

// search visits every state of the model of a line.
func search(set setting, off Rule, limit int) result {
	m := newModel(set, off)
	var out []successor[code]
	first := m.initial()
	return breadthFirst(m.encode(&first), limit, func(c code) []successor[code] {
		w := m.decode(&c)
		out = out[:0]
		for i := range m.expand(&w) {
			s := &m.out[i]
			out = append(out, successor[code]{s.label, m.encode(&s.w), s.bad})
		}
		return out
	})
}

func (r result) String() string { return r.broken + ": " + strings.Join(r.trace, " ") }

// loadKey is a number, so that two loads can be put in order.
func loadKey(l modelLoad) uint64 {
	k := uint64(l.state) | uint64(l.read)<<2 | uint64(l.floor)<<4 | l.op.gen<<8 | l.op.losses<<16 |
		uint64(l.op.start)<<24 | uint64(l.op.born)<<32
	if l.op.fresh {
		k |= 1 << 40
	}
	if l.op.covers {
		k |= 1 << 41
	}
	return k
}

func messageKey(m modelMessage) int {
	k := int(m.version | m.of<<2)
	if m.repeated {
		k |= 1 << 4
	}
	return k
}
