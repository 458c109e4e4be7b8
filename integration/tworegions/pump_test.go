package tworegions

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/store"
)

// TestPumpTakeOver: a pump that dies before its checkpoint is taken over. What it
// published last comes again, and a subscriber notices no loss, unless the
// hand-over is false.
func TestPumpTakeOver(t *testing.T) {
	for name, sabotage := range map[string]sabotage{"true": "", "false": falseHandover} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg, err := Config{Duration: 2 * time.Second}.withDefaults()
				if err != nil {
					t.Fatal(err)
				}
				cfg.sabotage = sabotage
				r, err := newRegion("eu", true, "")
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				if err := newPumps(ctx, r, cfg); err != nil {
					t.Fatal(err)
				}
				c := newCaches(r, "eu-0", cfg)
				c.complete(r.stores[store.Subjects])
				var running sync.WaitGroup
				running.Go(func() { c.run(ctx, r.bus, func() {}) })
				synctest.Wait()
				for _, p := range r.pumps {
					running.Go(func() { p.run(ctx) })
				}
				const writes = 300 // one each 10 ms, before and after the take-over
				whisks := r.stores[store.Whisks]
				for i := range writes {
					if _, err := whisks.Put(ctx, store.Document{ID: fmt.Sprint("guest/", i), Body: []byte(`{}`)}, nil); err != nil {
						t.Fatal(err)
					}
					time.Sleep(10 * time.Millisecond)
				}
				time.Sleep(time.Second)
				synctest.Wait()
				p := r.pumps[0]
				if p.epoch != 2 || p.takeOvers.Load() != 1 {
					t.Errorf("got epoch %d after %d take-overs, want 2 and 1", p.epoch, p.takeOvers.Load())
				}
				published := p.published.Load()
				if again := published > writes; again != (sabotage == "") {
					t.Errorf("%d messages about %d changes: published again is %t", published, writes, again)
				}
				if n := c.tracker.Stats().Losses["new epoch without hand-over"] + c.tracker.Stats().Losses["gap"]; n != 0 {
					t.Errorf("got losses %v, want none by the take-over", c.tracker.Stats().Losses)
				}
				if h := c.documents[store.Whisks].Health(); h.State != cache.Coherent {
					t.Errorf("got %+v, want coherent", h)
				}
				cancel()
				running.Wait()
				c.close()
				for _, d := range c.documents {
					d.Close()
				}
				for _, s := range r.stores {
					s.Close()
				}
			})
		})
	}
}
