package observe_test

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/observe"
)

// still answers without doing anything.
type still struct{ store.ArtifactStore }

func (still) Get(context.Context, string, *store.GetOptions) (store.Document, error) {
	return store.Document{}, nil
}

// unsampled is a store observed by SDKs that measure everything and sample no
// span.
func unsampled(tb testing.TB) store.ArtifactStore {
	tb.Helper()
	m, err := observe.New(observe.Options{
		System:         observe.CosmosDB,
		Collection:     store.Whisks,
		Namespace:      "openwhisk",
		TracerProvider: trace.NewTracerProvider(trace.WithSampler(trace.NeverSample())),
		MeterProvider:  metric.NewMeterProvider(metric.WithReader(metric.NewManualReader())),
	})
	if err != nil {
		tb.Fatal(err)
	}
	return m(still{})
}

func TestAllocationsOfGet(t *testing.T) {
	ctx := t.Context()
	s := unsampled(t)
	got := testing.AllocsPerRun(1000, func() {
		if _, err := s.Get(ctx, "guest/hello", nil); err != nil {
			t.Error(err)
		}
	})
	if got > 4 {
		t.Errorf("got %v allocations for a Get, want at most 4", got)
	}
}

func BenchmarkGet(b *testing.B) {
	for _, c := range []struct {
		name string
		s    store.ArtifactStore
	}{{"bare", still{}}, {"observed", unsampled(b)}} {
		b.Run(c.name, func(b *testing.B) {
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.s.Get(ctx, "guest/hello", nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
