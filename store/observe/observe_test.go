package observe_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/internal/forwardtest"
	"github.com/whiskstore/whiskstore/store/observe"
)

// lab is a place to look at what was recorded.
type lab struct {
	opts  observe.Options
	meter *sdkmetric.ManualReader
	spans *tracetest.SpanRecorder
	logs  bytes.Buffer
}

func newLab(system string) *lab {
	l := &lab{meter: sdkmetric.NewManualReader(), spans: tracetest.NewSpanRecorder()}
	l.opts = observe.Options{
		System:         system,
		Collection:     store.Whisks,
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(l.spans)),
		MeterProvider:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(l.meter)),
		Logger:         slog.New(slog.NewTextHandler(&l.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	return l
}

func (l *lab) over(t *testing.T, next store.ArtifactStore) store.ArtifactStore {
	t.Helper()
	m, err := observe.New(l.opts)
	if err != nil {
		t.Fatal(err)
	}
	return m(next)
}

// collect returns the metrics as "name{attributes}" and their counts, and the sums
// of the histograms.
func (l *lab) collect(t *testing.T) (counts map[string]int64, sums map[string]float64) {
	t.Helper()
	var rm metricdata.ResourceMetrics
	if err := l.meter.Collect(t.Context(), &rm); err != nil {
		t.Fatal(err)
	}
	counts, sums = map[string]int64{}, map[string]float64{}
	for _, scope := range rm.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					counts[series(m.Name, p.Attributes)] = p.Value
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					counts[series(m.Name, p.Attributes)] = int64(p.Count)
					sums[series(m.Name, p.Attributes)] = p.Sum
				}
			case metricdata.Histogram[int64]:
				for _, p := range data.DataPoints {
					counts[series(m.Name, p.Attributes)] = int64(p.Count)
					sums[series(m.Name, p.Attributes)] = float64(p.Sum)
				}
			default:
				t.Fatalf("%s: got data of type %T", m.Name, data)
			}
		}
	}
	return counts, sums
}

func series(name string, attrs attribute.Set) string {
	var parts []string
	for _, kv := range attrs.ToSlice() {
		if kv.Key != "db.system.name" && kv.Key != "db.collection.name" {
			parts = append(parts, string(kv.Key)+"="+kv.Value.String())
		}
	}
	return name + "{" + strings.Join(parts, " ") + "}"
}

func counter(operation, outcome string) string {
	return fmt.Sprintf("whiskstore.operations{db.operation.name=%s whiskstore.operation=%s whiskstore.outcome=%s}", operation, operation, outcome)
}

func duration(operation, errorType string) string {
	if errorType != "" {
		errorType = " error.type=" + errorType
	}
	return fmt.Sprintf("db.client.operation.duration{db.operation.name=%s%s whiskstore.operation=%s}", operation, errorType, operation)
}

var query = store.Query{Table: "subjects.v2.0.0/identities", StartKey: store.Key{"uuid", "hunter2"}, EndKey: store.Key{"uuid", "hunter2"}}

func TestForwards(t *testing.T) {
	for _, system := range []string{observe.CosmosDB, observe.Memory} {
		l := newLab(system)
		forwardtest.Run(t, func(next store.ArtifactStore) store.ArtifactStore { return l.over(t, next) }, forwardtest.Want{})
	}
	t.Run("without providers", func(t *testing.T) {
		m, err := observe.New(observe.Options{System: observe.Memory, Collection: store.Whisks})
		if err != nil {
			t.Fatal(err)
		}
		forwardtest.Run(t, m, forwardtest.Want{})
	})
}

func TestOptions(t *testing.T) {
	for _, o := range []observe.Options{{}, {System: observe.Memory}, {Collection: store.Whisks}} {
		if m, err := observe.New(o); m != nil || !errors.Is(err, store.ErrInvalid) {
			t.Errorf("New(%+v): got %v, want %v", o, err, store.ErrInvalid)
		}
		if m, err := observe.NewAttachments(o); m != nil || !errors.Is(err, store.ErrInvalid) {
			t.Errorf("NewAttachments(%+v): got %v, want %v", o, err, store.ErrInvalid)
		}
	}
}

func TestCountersStartAtZero(t *testing.T) {
	l := newLab(observe.CouchDB)
	l.over(t, &forwardtest.Echo{})
	counts, _ := l.collect(t)
	want := []string{"ok", "not_found", "conflict", "revision_mismatch", "type_mismatch", "unreadable", "invalid", "too_large", "throttled",
		"unavailable", "in_doubt", "unauthorized", "unsupported", "closed", "canceled", "deadline_exceeded", "_OTHER"}
	for _, op := range []string{"get", "put", "delete", "query", "count"} {
		for _, outcome := range want {
			if n, ok := counts[counter(op, outcome)]; !ok || n != 0 {
				t.Errorf("%s: got %d, there: %t, want 0", counter(op, outcome), n, ok)
			}
		}
	}
	if len(counts) != 5*len(want) {
		t.Errorf("got %d series, want %d", len(counts), 5*len(want))
	}
}

func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		err     error
		outcome string
		failure bool
	}{
		{nil, "ok", false},
		{&store.Error{Kind: store.ErrNotFound}, "not_found", false},
		{&store.Error{Kind: store.ErrConflict}, "conflict", false},
		{&store.Error{Kind: store.ErrRevisionMismatch}, "revision_mismatch", false},
		{context.Canceled, "canceled", false},
		{context.DeadlineExceeded, "deadline_exceeded", true},
		{&store.Error{Kind: store.ErrUnreadable}, "unreadable", true},
		{&store.Error{Kind: store.ErrThrottled}, "throttled", true},
		{&store.Error{Kind: store.ErrUnavailable, Err: context.Canceled}, "unavailable", true},
		{&store.Error{Kind: store.ErrInDoubt}, "in_doubt", true},
		{&store.Error{Kind: store.ErrClosed}, "closed", true},
		{&store.Error{Kind: store.ErrClosed + 1}, "_OTHER", true},
		{errors.New("stray"), "_OTHER", true},
	} {
		t.Run(c.outcome, func(t *testing.T) {
			l := newLab(observe.CouchDB)
			s := l.over(t, &forwardtest.Echo{Err: c.err})
			s.Get(t.Context(), "guest/a", nil)
			s.Put(t.Context(), store.Document{ID: "guest/a"}, nil)
			s.Delete(t.Context(), "guest/a", "1-a", nil)
			s.Count(t.Context(), &query)
			for range s.Query(t.Context(), &query) {
			}
			errorType, level, status := "", "DEBUG", codes.Unset
			if c.failure {
				errorType, level, status = c.outcome, "WARN", codes.Error
			}
			counts, _ := l.collect(t)
			for i, op := range []string{"get", "put", "delete", "count", "query"} {
				if got := counts[counter(op, c.outcome)]; got != 1 {
					t.Errorf("%s: got %d, want 1", counter(op, c.outcome), got)
				}
				if got := counts[duration(op, errorType)]; got != 1 {
					t.Errorf("%s: got %d measurements, want 1", duration(op, errorType), got)
				}
				span := l.spans.Ended()[i]
				if span.Name() != op+" whisks" || span.Status().Code != status || value(span, "error.type") != errorType {
					t.Errorf("got the span %q with status %v and error.type %q, want %q, %v and %q",
						span.Name(), span.Status(), value(span, "error.type"), op+" whisks", status, errorType)
				}
				if line := strings.Split(l.logs.String(), "\n")[i]; !strings.Contains(line, "level="+level) || !strings.Contains(line, "outcome="+c.outcome) {
					t.Errorf("got the log %q, want level %s and outcome %s", line, level, c.outcome)
				}
			}
			if strings.Contains(l.logs.String(), "hunter2") {
				t.Errorf("got a log with the secret of a key: %s", l.logs.String())
			}
		})
	}
}

func value(span sdktrace.ReadOnlySpan, key attribute.Key) string {
	for _, kv := range span.Attributes() {
		if kv.Key == key {
			return kv.Value.String()
		}
	}
	return ""
}

func TestNamesOfCosmos(t *testing.T) {
	l := newLab(observe.CosmosDB)
	l.opts.Namespace = "openwhisk"
	s := l.over(t, &forwardtest.Echo{Rows: make([]store.Row, 3)})
	s.Get(t.Context(), "guest/a", nil)
	s.Put(t.Context(), store.Document{ID: "guest/a"}, nil)
	s.Put(t.Context(), store.Document{ID: "guest/a", Version: store.Version{Rev: "1-a"}}, nil)
	s.Delete(t.Context(), "guest/a", "1-a", nil)
	for range s.Query(t.Context(), &query) {
	}
	s.Count(t.Context(), &query)
	want := []string{
		"read_item get guest/a ", "create_item put guest/a ", "replace_item put guest/a ", "delete_item delete guest/a ",
		"query_items query  subjects.v2.0.0/identities", "query_items count  subjects.v2.0.0/identities",
	}
	var got []string
	for _, span := range l.spans.Ended() {
		name := value(span, "db.operation.name")
		got = append(got, strings.Join([]string{name, value(span, "whiskstore.operation"), value(span, "whiskstore.document.id"), value(span, "whiskstore.table")}, " "))
		if span.Name() != name+" whisks" || span.SpanKind() != trace.SpanKindClient || value(span, "db.system.name") != "azure.cosmosdb" ||
			value(span, "db.collection.name") != "whisks" || value(span, "db.namespace") != "openwhisk" {
			t.Errorf("got the span %q of kind %v with %v", span.Name(), span.SpanKind(), span.Attributes())
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	counts, sums := l.collect(t)
	for _, s := range []string{
		"whiskstore.operations{db.namespace=openwhisk db.operation.name=replace_item whiskstore.operation=put whiskstore.outcome=ok}",
		"whiskstore.operations{db.namespace=openwhisk db.operation.name=query_items whiskstore.operation=count whiskstore.outcome=ok}",
		"db.client.operation.duration{db.namespace=openwhisk db.operation.name=create_item whiskstore.operation=put}",
	} {
		if counts[s] != 1 {
			t.Errorf("%s: got %d, want 1", s, counts[s])
		}
	}
	rows := "db.client.response.returned_rows{db.namespace=openwhisk db.operation.name=query_items whiskstore.operation=query}"
	if counts[rows] != 1 || sums[rows] != 3 {
		t.Errorf("%s: got %d measurements of %v rows, want one of 3", rows, counts[rows], sums[rows])
	}
	if got := value(l.spans.Ended()[4], "db.response.returned_rows"); got != "3" {
		t.Errorf("got db.response.returned_rows %q, want 3", got)
	}
}

func TestSpansNest(t *testing.T) {
	l := newLab(observe.Memory)
	e := &forwardtest.Echo{}
	s := l.over(t, e)
	ctx, parent := l.opts.TracerProvider.Tracer("test").Start(t.Context(), "parent")
	s.Get(ctx, "guest/a", nil)
	span := l.spans.Ended()[0]
	if span.Parent().SpanID() != parent.SpanContext().SpanID() || span.SpanKind() != trace.SpanKindInternal {
		t.Errorf("got a %v span below %v, want an internal one below %v", span.SpanKind(), span.Parent().SpanID(), parent.SpanContext().SpanID())
	}
	if got := trace.SpanContextFromContext(e.Calls()[0].Ctx).SpanID(); got != span.SpanContext().SpanID() {
		t.Errorf("got the span %v in the context of the next store, want %v", got, span.SpanContext().SpanID())
	}
}

// A query ends with its loop: what the body does is part of it.
func TestQueryEndsWithItsLoop(t *testing.T) {
	for _, c := range []struct {
		name string
		rows int
		body func(s store.ArtifactStore, ctx context.Context)
	}{
		{"to the end", 3, func(s store.ArtifactStore, ctx context.Context) {
			for range s.Query(ctx, &query) {
				time.Sleep(time.Second)
			}
		}},
		{"a break", 2, func(s store.ArtifactStore, ctx context.Context) {
			n := 0
			for range s.Query(ctx, &query) {
				if time.Sleep(1500 * time.Millisecond); n == 1 {
					break
				}
				n++
			}
		}},
		{"a panic", 1, func(s store.ArtifactStore, ctx context.Context) {
			defer func() { _ = recover() }()
			for range s.Query(ctx, &query) {
				time.Sleep(3 * time.Second)
				panic("in the body")
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(observe.CouchDB)
				s := l.over(t, &forwardtest.Echo{Rows: make([]store.Row, 3)})
				loop := s.Query(t.Context(), &query)
				time.Sleep(time.Hour)
				if n := len(l.spans.Started()); n != 0 {
					t.Errorf("got %d spans before the loop, want none", n)
				}
				_ = loop
				c.body(s, t.Context())
				_, sums := l.collect(t)
				if got := sums[duration("query", "")]; got != 3 {
					t.Errorf("got a duration of %v s, want 3", got)
				}
				if got := sums["db.client.response.returned_rows{db.operation.name=query whiskstore.operation=query}"]; got != float64(c.rows) {
					t.Errorf("got %v rows, want %d", got, c.rows)
				}
				if span := l.spans.Ended()[0]; span.EndTime().Sub(span.StartTime()) != 3*time.Second {
					t.Errorf("got a span of %v, want 3s", span.EndTime().Sub(span.StartTime()))
				}
			})
		})
	}
}

// Several stores of one middleware, and several middlewares, add up.
func TestCountsAddUp(t *testing.T) {
	l := newLab(observe.CouchDB)
	m, err := observe.New(l.opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []store.ArtifactStore{m(&forwardtest.Echo{}), m(&forwardtest.Echo{}), l.over(t, &forwardtest.Echo{})} {
		s.Get(t.Context(), "guest/a", nil)
	}
	counts, _ := l.collect(t)
	if got := counts[counter("get", "ok")]; got != 3 {
		t.Errorf("got %d, want 3", got)
	}
}
