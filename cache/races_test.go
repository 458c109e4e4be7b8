package cache

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whiskstore/whiskstore/cache/wire"
	"github.com/whiskstore/whiskstore/store"
)

// raceCase is a race or trace that needs more than one line: a subscriber, a
// table, or the age of values. play reports whether it goes wrong.
type raceCase struct {
	id, closes string
	off        Rule
	by         string // instead of the rules that are off
	play       func(t *testing.T, off Rule) bool
}

// heard is a cache behind a tracker, in virtual time.
type heard struct {
	cache   *Cache[int]
	tracker *Tracker
}

func hear(t *testing.T, off Rule) *heard {
	c := New(Options[int]{Lag: traceLag, MaxAge: time.Hour, MaxStaleness: 4*time.Second + tick, Without: off})
	t.Cleanup(c.Close)
	h := &heard{c, NewTracker(TrackerOptions{Lines: map[string][]Line{"whisks": {c}}, Without: off})}
	h.tracker.Start([]int32{0}, time.Now())
	return h
}

// mark is a watermark of a range that claims what was committed a while ago.
func (h *heard) mark(source string, epoch wire.Epoch, low, high string, ago time.Duration) {
	now := time.Now()
	h.tracker.Handle(0, wire.Encode(wire.Message{
		InstanceID: wire.BridgeInstance, Kind: wire.Watermark, Source: source, Epoch: epoch,
		Range: &wire.Range{Min: low, Max: high, Of: "whisks"}, Vouched: now.Add(-ago),
	}), now)
	h.tracker.Tick(now)
}

// load stores version 1 if it may be stored.
func (h *heard) load() {
	if found := h.cache.Begin(traceKey, false); found.Load != nil {
		found.Load.End(Loaded[int]{Value: 1, Version: store.Version{Rev: "1", Order: 1, Lineage: "L"}}, nil)
	}
}

func (h *heard) held() bool { return h.cache.Begin(traceKey, false).Held }

func wait(d time.Duration) { <-time.After(d) }

// derivedLoad is a Get of a table whose load has read its documents and not
// ended yet. end ends it, and returns whether its result was stored.
func derivedLoad(t *testing.T, table *Table[int], read ...Source) (end func() bool) {
	gate, done := make(chan struct{}), make(chan struct{})
	get := func(gate chan struct{}, loaded *bool) {
		table.Get(t.Context(), "key", nil, func(context.Context, Request) (Derived[int], error) {
			<-gate
			*loaded = true
			return Derived[int]{Sources: read}, nil
		})
	}
	go func() {
		get(gate, new(bool))
		close(done)
	}()
	synctest.Wait()
	return func() bool {
		close(gate)
		<-done
		again := false
		get(gate, &again)
		return !again
	}
}

func derivedCase(before bool, changed string, read ...Source) func(*testing.T, Rule) bool {
	return func(t *testing.T, off Rule) bool {
		table := NewTable[int](TableOptions{Lag: traceLag, Without: off})
		defer table.Close()
		tell := func() { table.Observe(changed, store.Version{Rev: "2", Order: 2, Lineage: "L"}) }
		if before {
			tell()
		}
		end := derivedLoad(t, table, read...)
		if !before {
			tell()
		}
		return end()
	}
}

var raceCases = []raceCase{
	{id: "T14", closes: "S14", off: RuleEpoch, play: func(t *testing.T, off Rule) bool {
		h := hear(t, off)
		h.mark("bridge", 1, "", "", 0)
		wait(time.Minute)
		h.mark("bridge", 2, "", "", 0) // what the first epoch did not publish never comes
		h.load()
		return h.held()
	}},
	{id: "T20", closes: "S18", off: RuleDerived, play: derivedCase(false, "subject")},
	{id: "T21", closes: "S18", off: RuleDerived, play: derivedCase(true, "subject")},
	{id: "S18-subject", closes: "S18", off: RuleDerived,
		play: derivedCase(false, "subject", Source{ID: "subject", Version: store.Version{Rev: "1"}}, Source{ID: "limits"})},
	{id: "S18-limits", closes: "S18", off: RuleDerived,
		play: derivedCase(false, "limits", Source{ID: "subject", Version: store.Version{Rev: "1"}}, Source{ID: "limits"})},
	{id: "S18-limits-before", closes: "S18", off: RuleDerived,
		play: derivedCase(true, "limits", Source{ID: "subject", Version: store.Version{Rev: "1"}}, Source{ID: "limits", Version: store.Version{Rev: "1"}})},
	{id: "T31", closes: "S10", off: RuleAge, play: func(t *testing.T, off Rule) bool {
		h := hear(t, off)
		wait(time.Minute) // deaf, degraded; a commit now, shown after three units
		h.cache.SetHealth(Health{State: Degraded, Reason: "deaf"})
		wait(2 * time.Second)
		found := h.cache.Begin(traceKey, false)
		wait(3 * time.Second)
		found.Load.End(Loaded[int]{Value: 1, Version: store.Version{Rev: "1", Order: 1, Lineage: "L"}}, nil)
		wait(3 * time.Second)
		return h.held()
	}},
	{id: "T32", closes: "S10", off: RuleSilence, play: func(t *testing.T, off Rule) bool {
		h := hear(t, off)
		h.mark("bridge", 1, "", "", time.Minute)
		wait(time.Minute)
		h.load()
		for range 5 {
			wait(time.Second)
			h.mark("bridge", 1, "", "", time.Minute) // it arrives, but what it says is old
		}
		return h.held()
	}},
	{id: "S15", closes: "S15", off: RuleSilence, play: func(t *testing.T, off Rule) bool {
		h := hear(t, off)
		h.mark("low", 1, "", "7F", 0)
		wait(time.Minute)
		h.load()
		for range 5 {
			wait(time.Second)
			h.mark("low", 1, "", "7F", 0) // another region's bridge has taken the other half
		}
		return h.held()
	}},
	{id: "S13", closes: "S13", off: RuleAge, by: "nothing but the bound of R9; tombstones (A6)", play: func(t *testing.T, off Rule) bool {
		c := New(Options[int]{MaxAge: time.Minute, Without: off})
		defer c.Close()
		c.Begin(traceKey, false).Load.End(Loaded[int]{Value: 1, Version: store.Version{Rev: "1", Order: 1, Lineage: "L"}}, nil)
		wait(time.Minute) // a physical delete meanwhile, which no feed shows
		return c.Begin(traceKey, false).Held
	}},
}

func (r *raceCase) wrong(t *testing.T, off Rule) (wrong bool) {
	synctest.Test(t, func(t *testing.T) { wrong = r.play(t, off) })
	return wrong
}

// otherwise names the tests of races and traces that no rule closes: they fail
// when the mechanism is broken.
var otherwise = []struct{ id, test, by string }{
	{"S11", "TestSubscriberTwoNodesOneName", "no consumer group; own messages are known by source and epoch; interleaving epochs degrade"},
	{"S12", "TestSubscriberMalformed", "unusable records are counted and passed, and are losses"},
	{"E1", "TestRows", "R6: a lookup fails in no state (rows CACHE-D7, CACHE-D12)"},
	{"E2", "TestRows", "R5a: a value is placed at the end of its write (rows CACHE-D4, CACHE-D13)"},
	{"T25", "TestBrokenAssumptions", "nothing but R9: A1 is broken"},
	{"T26", "TestBrokenAssumptions", "nothing: A3 is broken"},
	{"T33", "TestTrackerSequences", "a sequence for each partition"},
	{"T34", "TestSilentWriter", "R8 judges durable sources alone"},
}

// raceRow is a line of the table from races and traces to rules and tests.
type raceRow struct{ id, by, test string }

// raceRows lists every race and trace.
func raceRows() []raceRow {
	ids := []string{}
	for i := 1; i <= 18; i++ {
		ids = append(ids, fmt.Sprintf("S%d", i))
	}
	ids = append(ids, "E1", "E2")
	for i := 1; i <= 34; i++ {
		ids = append(ids, fmt.Sprintf("T%d", i))
		if i == 10 || i == 22 {
			ids = append(ids, fmt.Sprintf("T%db", i))
		}
	}
	var rows []raceRow
	for _, id := range ids {
		var by, tests []string
		shows := func(test, name, closes, rules string) {
			if strings.Contains(" "+closes+" ", " "+id+" ") || name == id || strings.HasPrefix(name, id+"-") {
				if !slices.Contains(by, rules) {
					by = append(by, rules)
				}
				tests = append(tests, test+"/"+name)
			}
		}
		for _, c := range traceCases {
			shows("TestTraces", c.id, c.closes, together(c.off))
		}
		for _, c := range raceCases {
			shows("TestRaceCases", c.id, c.closes, cmp.Or(c.by, together(c.off)))
		}
		for _, o := range otherwise {
			if o.id == id {
				by, tests = append(by, o.by), append(tests, o.test)
			}
		}
		rows = append(rows, raceRow{id, strings.Join(by, "; "), strings.Join(tests, ", ")})
	}
	return rows
}

// together names rules of which each closes the hole by itself.
func together(off Rule) string { return strings.ReplaceAll(off.String(), "|", " with ") }

// TestRaceCases plays every case with all rules on, where it must not go wrong,
// and without the rules that close it, where it must.
func TestRaceCases(t *testing.T) {
	for _, c := range raceCases {
		t.Run(c.id, func(t *testing.T) {
			if c.wrong(t, 0) {
				t.Error("goes wrong with all rules on")
			}
			if !c.wrong(t, c.off) {
				t.Errorf("does not go wrong without %v: the case shows nothing", c.off)
			}
		})
	}
}

// TestRacesAreShown holds that every race and trace has a test, and that the
// tests named exist.
func TestRacesAreShown(t *testing.T) {
	var source strings.Builder
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.HasSuffix(f.Name(), "_test.go") {
			b, err := os.ReadFile(f.Name())
			if err != nil {
				t.Fatal(err)
			}
			source.Write(b)
		}
	}
	for _, r := range raceRows() {
		if r.test == "" {
			t.Errorf("nothing shows %s", r.id)
		}
		for test := range strings.SplitSeq(r.test, ", ") {
			name, _, _ := strings.Cut(test, "/")
			if !strings.Contains(source.String(), "func "+name+"(t *testing.T)") {
				t.Errorf("%s: there is no %s", r.id, name)
			}
		}
	}
}
