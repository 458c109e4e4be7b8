package cache_test

import (
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/cache/wire"
)

// TestMetrics: what Stats counts, a meter provider can read, until it is told not to.
func TestMetrics(t *testing.T) {
	reader := metric.NewManualReader()
	provider := metric.NewMeterProvider(metric.WithReader(reader))
	numbers := func() map[string]int64 {
		var all metricdata.ResourceMetrics
		if err := reader.Collect(t.Context(), &all); err != nil {
			t.Fatal(err)
		}
		got := map[string]int64{}
		add := func(name string, points []metricdata.DataPoint[int64]) {
			for _, p := range points {
				if v, _ := p.Attributes.Value("whiskstore.cache"); v.AsString() != "whisks" {
					t.Errorf("%s: got attributes %v, want the cache's name", name, p.Attributes.Encoded(attribute.DefaultEncoder()))
				}
				for _, key := range []attribute.Key{"whiskstore.result", "whiskstore.reason", "whiskstore.kind"} {
					if v, ok := p.Attributes.Value(key); ok {
						name := name + " " + v.AsString()
						got[name] = p.Value
					}
				}
				if p.Attributes.Len() == 1 {
					got[name] = p.Value
				}
			}
		}
		for _, s := range all.ScopeMetrics {
			for _, m := range s.Metrics {
				switch d := m.Data.(type) {
				case metricdata.Sum[int64]:
					add(m.Name, d.DataPoints)
				case metricdata.Gauge[int64]:
					add(m.Name, d.DataPoints)
				}
			}
		}
		return got
	}
	run(t, cache.Options[int]{Size: func(int) int { return 100 }}, func(t *testing.T, r *rig) {
		tracker := cache.NewTracker(cache.TrackerOptions{Lines: map[string][]cache.Line{"whisks": {r.Cache}}})
		one, err := cache.RegisterStats(provider, "whisks", r.Cache)
		if err != nil {
			t.Fatal(err)
		}
		other, err := cache.RegisterTracker(provider, "whisks", tracker)
		if err != nil {
			t.Fatal(err)
		}
		r.get(t)
		r.get(t)
		r.Observe(key, version(2))
		r.get(t) // version 1: behind the fence
		tracker.Handle(0, wire.Encode(bridge(wire.Change, "b", 1, 1)), time.Now())
		tracker.Handle(0, wire.Record{}, time.Now())
		r.SetHealth(cache.Health{State: cache.Degraded})
		got := numbers()
		for name, want := range map[string]int64{
			"whiskstore.cache.lookups hit": 1, "whiskstore.cache.lookups miss": 2, "whiskstore.cache.lookups joined": 0,
			"whiskstore.cache.operations stored": 1, "whiskstore.cache.operations fence": 1,
			"whiskstore.cache.messages repaired": 1, "whiskstore.cache.messages confirmed": 0, "whiskstore.cache.messages not_held": 1,
			"whiskstore.cache.losses": 1, "whiskstore.cache.entries": 0, "whiskstore.cache.fences": 2, "whiskstore.cache.size": 0,
			"whiskstore.cache.evictions": 0, "whiskstore.cache.sheds": 0, "whiskstore.cache.state": int64(cache.Degraded),
			"whiskstore.cache.records change": 1, "whiskstore.cache.records watermark": 0, "whiskstore.cache.records.repeats": 0,
			"whiskstore.cache.records.skipped null": 1, "whiskstore.cache.gaps first sight of a source": 1,
		} {
			if n, ok := got[name]; !ok || n != want {
				t.Errorf("%s: got %d (%v), want %d", name, n, ok, want)
			}
		}
		if err := one.Unregister(); err != nil {
			t.Error(err)
		}
		if err := other.Unregister(); err != nil {
			t.Error(err)
		}
	})
}
