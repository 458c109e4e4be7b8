package cosmos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
)

// meters is a provider whose values a test can read.
type meters struct {
	reader   *sdkmetric.ManualReader
	provider *sdkmetric.MeterProvider
}

func newMeters() *meters {
	r := sdkmetric.NewManualReader()
	return &meters{r, sdkmetric.NewMeterProvider(sdkmetric.WithReader(r))}
}

// textual are attributes that OpenTelemetry defines as text though they look like
// numbers.
var textual = map[string]bool{"db.response.status_code": true, "error.type": true}

// total adds up the points of a metric whose attributes include attrs, given as
// "key=value": values of sums and gauges, sums of histograms. n is the number of
// measurements in histograms, else of points.
func (m *meters) total(t *testing.T, name string, attrs ...string) (sum float64, n int) {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := m.reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	matches := func(set attribute.Set) bool {
		for _, a := range attrs {
			key, want, _ := strings.Cut(a, "=")
			if v, ok := set.Value(attribute.Key(key)); !ok || v.String() != want || textual[key] && v.Type() != attribute.STRING {
				return false
			}
		}
		return true
	}
	for _, scope := range all.ScopeMetrics {
		for _, metric := range scope.Metrics {
			if metric.Name != name {
				continue
			}
			switch d := metric.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					if matches(p.Attributes) {
						sum, n = sum+float64(p.Value), n+1
					}
				}
			case metricdata.Sum[float64]:
				for _, p := range d.DataPoints {
					if matches(p.Attributes) {
						sum, n = sum+p.Value, n+1
					}
				}
			case metricdata.Gauge[int64]:
				for _, p := range d.DataPoints {
					if matches(p.Attributes) {
						sum, n = sum+float64(p.Value), n+1
					}
				}
			case metricdata.Histogram[int64]:
				for _, p := range d.DataPoints {
					if matches(p.Attributes) {
						sum, n = sum+float64(p.Sum), n+int(p.Count)
					}
				}
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					if matches(p.Attributes) {
						sum, n = sum+p.Sum, n+int(p.Count)
					}
				}
			}
		}
	}
	return sum, n
}

// TestMetrics shows the rows of observability.
func TestMetrics(t *testing.T) {
	ctx := t.Context()
	tomb := &store.DeleteOptions{Tombstone: tombstoneTTL}
	setup := func(t *testing.T, o cosmostest.Options, collection string, change func(*Config)) (*Store, *cosmostest.Server, *meters) {
		m := newMeters()
		srv := startFake(t, o)
		return openFake(t, srv, collection, Deps{Meter: m.provider}, change), srv, m
	}

	t.Run("COS-D8_differs", func(t *testing.T) {
		s, srv, m := setup(t, cosmostest.Options{}, store.Whisks, nil)
		charged := func(op cosmostest.Operation) float64 {
			return srv.Counters().Total(cosmostest.CounterKey{Operation: op}).Charge
		}
		want := func(what string, sum, want float64, n int) {
			t.Helper()
			if diff := sum - want; n == 0 || want == 0 || diff > 0.01 || diff < -0.01 {
				t.Errorf("request units of %s: got %v, want %v", what, sum, want)
			}
		}
		v := mustPut(t, s, "guest/a", bodyAt("guest", "a", 1))
		if _, err := s.Get(ctx, "guest/a", nil); err != nil {
			t.Fatal(err)
		}
		sum, n := m.total(t, "cosmosdb_ru_used", "action=put", "mode=write", "collection=whisks")
		want("put", sum, charged(cosmostest.CreateItem), n)
		sum, n = m.total(t, "cosmosdb_ru_used", "action=get", "mode=read")
		want("get", sum, charged(cosmostest.ReadItem), n)
		if _, err := s.Delete(ctx, "guest/a", v.Rev, tomb); err != nil {
			t.Fatal(err)
		}
		// Upstream books a soft delete as get and put; here it is one write.
		sum, n = m.total(t, "cosmosdb_ru_used", "action=del", "mode=write")
		want("del", sum, charged(cosmostest.PatchItem), n)
		q := &store.Query{Table: "whisks.v2.1.0/actions", StartKey: store.Key{"guest"}, EndKey: store.Key{"guest", store.Top}}
		for _, err := range s.Query(ctx, q) {
			if err != nil {
				t.Fatal(err)
			}
		}
		before := charged(cosmostest.QueryItems)
		sum, n = m.total(t, "cosmosdb_ru_used", "action=query", "mode=read")
		want("query", sum, before, n)
		if _, err := s.Count(ctx, q); err != nil {
			t.Fatal(err)
		}
		sum, n = m.total(t, "cosmosdb_ru_used", "action=count", "mode=read")
		want("count", sum, charged(cosmostest.QueryItems)-before, n)
		sum, n = m.total(t, "azure.cosmosdb.client.operation.request_charge", "db.system.name=azure.cosmosdb", "db.operation.name=create_item",
			"db.collection.name=whisks", "db.namespace=whisk", `azure.cosmosdb.operation.contacted_regions=["East US"]`)
		want("OpenTelemetry's create_item", sum, charged(cosmostest.CreateItem), n)
		if _, n := m.total(t, "db.client.operation.duration", "db.operation.name=read_item", "db.response.status_code=200"); n != 1 {
			t.Errorf("durations of read_item: got %d, want 1", n)
		}
	})

	t.Run("failures", func(t *testing.T) {
		s, srv, m := setup(t, cosmostest.Options{Regions: regions(2)}, store.Whisks, nil)
		_, err := s.Get(ctx, "guest/none", nil)
		wantKind(t, "get of nothing", err, store.ErrNotFound)
		if _, n := m.total(t, "db.client.operation.duration", "db.operation.name=read_item", "db.response.status_code=404", "error.type=404",
			`azure.cosmosdb.operation.contacted_regions=["East US"]`); n != 1 {
			t.Errorf("durations of reads that found nothing in their region: got %d, want 1", n)
		}
		fault := srv.Inject(cosmostest.Fault{Match: writesItem, Times: 1, Status: http.StatusServiceUnavailable})
		defer fault.Remove()
		_, err = s.Put(ctx, store.Document{ID: "guest/a", Body: []byte(`{}`)}, nil)
		wantKind(t, "creation without an answer", err, store.ErrInDoubt)
		if _, n := m.total(t, "db.client.operation.duration", "db.operation.name=create_item", "error.type=503",
			`azure.cosmosdb.operation.contacted_regions=["East US"]`); n != 1 {
			t.Errorf("durations of refused writes in their region: got %d, want 1", n)
		}
	})

	t.Run("COS-D9_sizes", func(t *testing.T) {
		s, _, m := setup(t, cosmostest.Options{}, store.Activations, nil)
		body := fmt.Appendf(nil, `{"namespace":"guest","name":"a","start":1,"logs":["%s"]}`, strings.Repeat("é", 2000))
		mustPut(t, s, "guest/1", body)
		if sum, n := m.total(t, "cosmosdb_doc_size", "collection=activations"); n != 1 || sum < float64(len(body)) || sum > float64(len(body)+200) {
			t.Errorf("document sizes: got %d of %v bytes, want one of a little more than %d", n, sum, len(body))
		}
		for i := range 40 {
			mustPut(t, s, fmt.Sprint("guest/more", i), body)
		}
		s.recordUsage(ctx)
		for name, least := range map[string]float64{"cosmosdb_documentCount_used": 41, "cosmosdb_documentsSize_used": 1, "cosmosdb_indexSize_used": 0} {
			if v, n := m.total(t, name, "collection=activations"); n != 1 || v < least {
				t.Errorf("%s: got %v in %d points, want at least %v", name, v, n, least)
			}
		}
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			began := time.Now()
			var at []time.Duration
			var recording sync.WaitGroup
			recording.Go(func() {
				repeat(ctx, DefaultConfig().RecordUsageFrequency, func(context.Context) { at = append(at, time.Since(began)) })
			})
			time.Sleep(21 * time.Minute)
			cancel()
			recording.Wait()
			if want := []time.Duration{10 * time.Second, 10*time.Minute + 10*time.Second, 20*time.Minute + 10*time.Second}; fmt.Sprint(at) != fmt.Sprint(want) {
				t.Errorf("usage was recorded at %v, want %v", at, want)
			}
		})
	})

	t.Run("COS-03_usage", func(t *testing.T) {
		s, _, _ := setup(t, cosmostest.Options{}, store.Activations, nil)
		for i := range 20 {
			mustPut(t, s, fmt.Sprint("guest/", i), fmt.Appendf(nil, `{"x":%q}`, strings.Repeat("x", 1000)))
		}
		u, err := s.Usage(ctx)
		if err != nil || u.Documents < 20 || u.DocumentsKB < 20 {
			t.Errorf("usage: got %+v and %v, want 20 documents and 20 KB at least", u, err)
		}
		s.Close()
		_, err = s.Usage(ctx)
		wantKind(t, "usage of a closed store", err, store.ErrClosed)
	})

	t.Run("COS-04_query_metrics", func(t *testing.T) {
		srv := startFake(t, cosmostest.Options{})
		for _, level := range []slog.Level{slog.LevelInfo, slog.LevelDebug} {
			var out bytes.Buffer
			s := openFake(t, srv, store.Activations, Deps{Logger: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level}))}, nil)
			q := &store.Query{Table: "whisks.v2.1.0/activations", StartKey: store.Key{"guest"}, EndKey: store.Key{"guest", store.Top}}
			for _, err := range s.Query(ctx, q) {
				if err != nil {
					t.Fatal(err)
				}
			}
			if got, want := strings.Contains(out.String(), "[QueryMetricsEnabled]"), level == slog.LevelDebug; got != want {
				t.Errorf("marker at level %v: got %v, want %v", level, got, want)
			}
			if !strings.Contains(out.String(), "cosmos: opened") || strings.Contains(out.String(), srv.Key()) {
				t.Errorf("log at level %v: got %s, want what was opened and no key", level, &out)
			}
		}
	})

	throttleAll := func(srv *cosmostest.Server, times int) *cosmostest.Injected {
		return srv.Inject(cosmostest.Fault{Match: cosmostest.ForOperation(cosmostest.CreateItem, cosmostest.ReadItem, cosmostest.QueryItems, cosmostest.DeleteItem),
			Times: times, Status: http.StatusTooManyRequests, RetryAfter: time.Millisecond})
	}
	t.Run("COS-05_retries_that_succeed", func(t *testing.T) {
		s, srv, m := setup(t, cosmostest.Options{}, store.Whisks, nil)
		throttleAll(srv, 5)
		mustPut(t, s, "guest/a", bodyAt("guest", "a", 1))
		if n, _ := m.total(t, "cosmosdb_retry_success", "type=Create"); n != 1 {
			t.Errorf("creations that were throttled and succeeded: got %v, want 1", n)
		}
		if sum, n := m.total(t, "cosmosdb_retry_success_attempts", "type=Create"); n != 1 || sum != 5 {
			t.Errorf("their repetitions: got %v in %d, want 5 in 1", sum, n)
		}
		charged := srv.Counters().Total(cosmostest.CounterKey{Operation: cosmostest.CreateItem}).Charge
		if sum, _ := m.total(t, "cosmosdb_ru_used", "action=put"); sum < charged-0.01 || sum > charged+0.01 {
			t.Errorf("request units with refused attempts: got %v, want %v", sum, charged)
		}
	})
	t.Run("COS-D12_failed_by_type", func(t *testing.T) {
		s, srv, m := setup(t, cosmostest.Options{}, store.Whisks, func(c *Config) {
			c.ConnectionPolicy.RetryOptions.MaxRetryAttemptsOnThrottledRequests = 2
		})
		f := throttleAll(srv, 0)
		_, err := s.Put(ctx, store.Document{ID: "guest/a", Body: []byte(`{}`)}, nil)
		if !errors.Is(err, store.ErrThrottled) {
			t.Errorf("put: got %v, want throttled", err)
		}
		if f.Hits() != 3 {
			t.Errorf("attempts: got %d, want 3", f.Hits())
		}
		if _, err := s.Get(ctx, "guest/a", nil); !errors.Is(err, store.ErrThrottled) {
			t.Errorf("get: got %v, want throttled", err)
		}
		if _, err := s.Count(ctx, &store.Query{Table: "whisks.v2.1.0/actions", StartKey: store.Key{"g"}, EndKey: store.Key{"g", store.Top}}); !errors.Is(err, store.ErrThrottled) {
			t.Errorf("count: got %v, want throttled", err)
		}
		if _, err := s.Delete(ctx, "guest/a", `"1"`, nil); !errors.Is(err, store.ErrThrottled) {
			t.Errorf("delete: got %v, want throttled", err)
		}
		for _, kind := range []string{"Create", "Get", "Query", "Others"} {
			if n, _ := m.total(t, "cosmosdb_retry_failed", "type="+kind); n != 1 {
				t.Errorf("failed repetitions of type %s: got %v, want 1", kind, n)
			}
		}
	})
	t.Run("COS-D12_switched_off", func(t *testing.T) {
		s, srv, m := setup(t, cosmostest.Options{}, store.Whisks, func(c *Config) { c.RetryStatsEnabled = false })
		throttleAll(srv, 2)
		mustPut(t, s, "guest/a", []byte(`{}`))
		if _, n := m.total(t, "cosmosdb_retry_success"); n != 0 {
			t.Errorf("retries counted although switched off: %d", n)
		}
	})

	t.Run("throttled_within_the_time", func(t *testing.T) {
		s, srv, _ := setup(t, cosmostest.Options{}, store.Whisks, func(c *Config) {
			c.ConnectionPolicy.RetryOptions.MaxRetryWaitTime = 50 * time.Millisecond
		})
		f := srv.Inject(cosmostest.Fault{Match: cosmostest.ForOperation(cosmostest.ReadItem), Status: http.StatusTooManyRequests, RetryAfter: 20 * time.Millisecond})
		if _, err := s.Get(ctx, "guest/a", nil); !errors.Is(err, store.ErrThrottled) {
			t.Errorf("get: got %v, want throttled", err)
		}
		if f.Hits() != 3 {
			t.Errorf("attempts with delays of 20 ms in 50 ms: got %d, want 3", f.Hits())
		}
	})
}
