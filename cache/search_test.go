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

// search visits every state that the model can reach, breadth first, until the
// frontier is empty, an invariant breaks, or limit states were seen.
func search(set setting, off Rule, limit int) result {
	m := newModel(set, off)
	seed := maphash.MakeSeed()
	seen := map[uint64]struct{}{}
	var parents []int32
	var ordinals []uint8
	first := m.initial()
	c := m.encode(&first)
	seen[maphash.Bytes(seed, c[:])] = struct{}{}
	parents, ordinals = append(parents, -1), append(ordinals, 0)
	frontier, index := []code{c}, []int32{0}
	r := result{states: 1}
	for len(frontier) > 0 {
		var nextFrontier []code
		var nextIndex []int32
		for f := range frontier {
			w := m.decode(&frontier[f])
			m.expand(&w)
			for o := range m.out {
				s := &m.out[o]
				r.transitions++
				if s.bad != "" {
					r.broken = s.bad
					r.trace = append(retrace(set, off, parents, ordinals, index[f]), s.label.String())
					return r
				}
				c := m.encode(&s.w)
				h := maphash.Bytes(seed, c[:])
				if _, ok := seen[h]; ok {
					continue
				}
				seen[h] = struct{}{}
				parents, ordinals = append(parents, index[f]), append(ordinals, uint8(o))
				nextFrontier, nextIndex = append(nextFrontier, c), append(nextIndex, int32(len(parents)-1))
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
func retrace(set setting, off Rule, parents []int32, ordinals []uint8, i int32) []string {
	var path []uint8
	for ; parents[i] >= 0; i = parents[i] {
		path = append(path, ordinals[i])
	}
	m := newModel(set, off)
	w := m.initial()
	var trace []string
	for k := len(path) - 1; k >= 0; k-- {
		s := m.expand(&w)[path[k]]
		trace = append(trace, s.label.String())
		w = s.w
	}
	return trace
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
