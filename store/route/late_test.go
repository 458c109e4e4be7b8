package route_test

import (
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/route"
)

// TestLateReplies lets something happen between what a store does and its reply:
// the table learns of two states of one id in the wrong order.
func TestLateReplies(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, s step)
	}{
		{"a write while the primary is read", func(t *testing.T, s step) {
			v := s.puts(s.s, "a", "")
			var w store.Version
			s.p.late = func() { w = s.puts(s.s, "a", v.Rev) }
			s.reads("a", v.Rev, nil, 1, 1)
			time.Sleep(lag)
			s.reads("a", w.Rev, nil, 0, 1)
		}},
		{"a write while the primary is read, without order", func(t *testing.T, s step) {
			s.p.ordered = false
			v := s.puts(s.s, "a", "")
			time.Sleep(lag - 1)
			var w store.Version
			s.p.late = func() { w = s.puts(s.s, "a", v.Rev) }
			s.reads("a", v.Rev, nil, 1, 1)
			time.Sleep(time.Nanosecond) // the replica shows v
			s.reads("a", w.Rev, nil, 1, 0)
		}},
		{"a creation while the primary has nothing", func(t *testing.T, s step) {
			v := s.puts(s.s, "a", "")
			s.deletes(s.s, "a", v.Rev, 0)
			var w store.Version
			s.p.late = func() { w = s.puts(s.s, "a", "") }
			s.reads("a", "", nil, 1, 0)
			s.reads("a", w.Rev, nil, 1, 0)
			s.reads("a", w.Rev, nil, 1, 1)
		}},
		{"a write while the replica is read", func(t *testing.T, s step) {
			v := s.puts(s.s, "a", "")
			time.Sleep(lag)
			var w store.Version
			s.r.late = func() { w = s.puts(s.s, "a", v.Rev) }
			s.reads("a", v.Rev, nil, 0, 1)
			s.reads("a", w.Rev, nil, 1, 1)
		}},
		{"an update that returns before the creation", func(t *testing.T, s step) {
			var w store.Version
			s.p.late = func() { w = s.puts(s.s, "a", "1-a") }
			s.puts(s.s, "a", "")
			time.Sleep(lag)
			s.reads("a", w.Rev, nil, 0, 1)
		}},
		{"an update that returns before the creation, without order", func(t *testing.T, s step) {
			s.p.ordered = false
			var w store.Version
			s.p.late = func() { w = s.puts(s.s, "a", "1-a") }
			s.puts(s.s, "a", "")
			s.reads("a", w.Rev, nil, 1, 0)
		}},
		{"a physical delete that returns before the creation", func(t *testing.T, s step) {
			s.p.late = func() { s.deletes(s.s, "a", "1-a", 0) }
			s.puts(s.s, "a", "")
			s.reads("a", "", nil, 1, 0)
		}},
		{"a creation that returns before the physical delete", func(t *testing.T, s step) {
			v := s.puts(s.s, "a", "")
			var w store.Version
			s.p.late = func() { w = s.puts(s.s, "a", "") }
			s.deletes(s.s, "a", v.Rev, 0)
			s.reads("a", w.Rev, nil, 1, 0)
		}},
		{"an eviction while the primary is read", func(t *testing.T, s step) {
			v := s.puts(s.s, "a", "")
			s.p.late = func() {
				time.Sleep(maxLag)
				s.puts(s.s, "b", "")
				s.puts(s.s, "c", "")
			}
			s.reads("a", v.Rev, nil, 1, 1)
			s.reads("a", v.Rev, nil, 0, 1)
		}},
	} {
		t.Run(c.name, func(t *testing.T) { routed(t, route.Policy{Recent: 2}, c.run) })
	}
}
