package cosmos

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/whiskstore/whiskstore/store"
)

// MeterProvider makes meters; it is OpenTelemetry's.
type MeterProvider = metric.MeterProvider

const meterName = "github.com/whiskstore/whiskstore/cosmos"

func meterOf(p MeterProvider) metric.Meter {
	if p == nil {
		p = noop.NewMeterProvider()
	}
	return p.Meter(meterName)
}

// accountMetrics count what belongs to clients rather than to operations.
type accountMetrics struct {
	success, failed metric.Int64Counter
	attempts        metric.Int64Histogram
}

func newAccountMetrics(p MeterProvider) (*accountMetrics, error) {
	m := meterOf(p)
	var a accountMetrics
	var err error
	if a.success, err = m.Int64Counter("cosmosdb_retry_success", metric.WithUnit("{request}"),
		metric.WithDescription("Requests that were throttled and succeeded later.")); err != nil {
		return nil, err
	}
	if a.failed, err = m.Int64Counter("cosmosdb_retry_failed", metric.WithUnit("{request}"),
		metric.WithDescription("Requests that were throttled until attempts or time ran out.")); err != nil {
		return nil, err
	}
	a.attempts, err = m.Int64Histogram("cosmosdb_retry_success_attempts", metric.WithUnit("{attempt}"),
		metric.WithDescription("Repetitions that throttled requests needed."), metric.WithExplicitBucketBoundaries(1, 2, 3, 5, 7, 9, 15, 30))
	return &a, err
}

// throttled counts one request that was repeated.
func (a *accountMetrics) throttled(req *http.Request, attempts int, success bool) {
	if a == nil {
		return
	}
	// The request's context may have ended; the count must not be lost with it.
	ctx := context.WithoutCancel(req.Context())
	set := metric.WithAttributes(attribute.String("type", retryType(req)))
	if !success {
		a.failed.Add(ctx, 1, set)
		return
	}
	a.success.Add(ctx, 1, set)
	a.attempts.Record(ctx, int64(attempts), set)
}

// storeMetrics count the operations of one collection, under upstream's names
// (storage.md 3.11) and under OpenTelemetry's for Cosmos DB.
type storeMetrics struct {
	units      metric.Float64Counter
	docSize    metric.Int64Histogram
	documents  metric.Int64Gauge
	docsSize   metric.Int64Gauge
	indexSize  metric.Int64Gauge
	charge     metric.Float64Histogram
	duration   metric.Float64Histogram
	returned   metric.Int64Histogram
	undecoded  metric.Int64Counter
	collection string
	upstream   map[store.Op][]metric.AddOption
	collected  metric.MeasurementOption
	base       []attribute.KeyValue
}

func newStoreMetrics(p MeterProvider, db, collection string) (*storeMetrics, error) {
	m := meterOf(p)
	s := &storeMetrics{collection: collection, upstream: map[store.Op][]metric.AddOption{}}
	var err error
	try := func(e error) {
		if err == nil {
			err = e
		}
	}
	var e error
	s.units, e = m.Float64Counter("cosmosdb_ru_used", metric.WithUnit("{request_unit}"),
		metric.WithDescription("Request units used, refused attempts included."))
	try(e)
	s.docSize, e = m.Int64Histogram("cosmosdb_doc_size", metric.WithUnit("By"), metric.WithDescription("Size of documents that were put."),
		metric.WithExplicitBucketBoundaries(256, 1024, 4096, 16384, 65536, 262144, 1048576, 2097152))
	try(e)
	s.documents, e = m.Int64Gauge("cosmosdb_documentCount_used", metric.WithUnit("{document}"), metric.WithDescription("Documents in the container."))
	try(e)
	s.docsSize, e = m.Int64Gauge("cosmosdb_documentsSize_used", metric.WithUnit("KBy"), metric.WithDescription("Size of the documents in the container."))
	try(e)
	s.indexSize, e = m.Int64Gauge("cosmosdb_indexSize_used", metric.WithUnit("KBy"), metric.WithDescription("Size of the container's index."))
	try(e)
	s.charge, e = m.Float64Histogram("azure.cosmosdb.client.operation.request_charge", metric.WithUnit("{request_unit}"),
		metric.WithDescription("Request units consumed by the operation."),
		metric.WithExplicitBucketBoundaries(1, 5, 10, 25, 50, 100, 250, 500, 1000))
	try(e)
	s.duration, e = m.Float64Histogram("db.client.operation.duration", metric.WithUnit("s"), metric.WithDescription("Duration of database client operations."),
		metric.WithExplicitBucketBoundaries(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10))
	try(e)
	s.returned, e = m.Int64Histogram("db.client.response.returned_rows", metric.WithUnit("{row}"), metric.WithDescription("Rows that one page of a query returned."),
		metric.WithExplicitBucketBoundaries(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000))
	try(e)
	s.undecoded, e = m.Int64Counter("cosmosdb_feed_undecoded", metric.WithUnit("{change}"),
		metric.WithDescription("Changes of items that could not be decoded."))
	try(e)
	for op, names := range map[store.Op][2]string{store.OpPut: {"put", "write"}, store.OpDelete: {"del", "write"},
		store.OpGet: {"get", "read"}, store.OpQuery: {"query", "read"}, store.OpCount: {"count", "read"}, store.OpNext: {"feed", "read"}} {
		s.upstream[op] = []metric.AddOption{metric.WithAttributeSet(attribute.NewSet(attribute.String("action", names[0]),
			attribute.String("mode", names[1]), attribute.String("collection", collection)))}
	}
	s.collected = metric.WithAttributeSet(attribute.NewSet(attribute.String("collection", collection)))
	s.base = []attribute.KeyValue{attribute.String("db.system.name", "azure.cosmosdb"),
		attribute.String("db.namespace", db), attribute.String("db.collection.name", collection)}
	return s, err
}

// exchanged records one answer of the service. name is the operation's in
// OpenTelemetry's list, region where it was served.
func (s *storeMetrics) exchanged(ctx context.Context, op store.Op, name, region string, status, sub int, units float64, took time.Duration) {
	s.charged(ctx, op, units)
	if !s.duration.Enabled(ctx) && !s.charge.Enabled(ctx) {
		return
	}
	ctx = context.WithoutCancel(ctx) // the count must not be lost with the caller
	attrs := append(make([]attribute.KeyValue, 0, len(s.base)+6), s.base...)
	attrs = append(attrs, attribute.String("db.operation.name", name))
	if region != "" {
		attrs = append(attrs, attribute.StringSlice("azure.cosmosdb.operation.contacted_regions", []string{region}))
	}
	if status != 0 {
		attrs = append(attrs, attribute.String("db.response.status_code", strconv.Itoa(status)))
	}
	if sub != 0 {
		attrs = append(attrs, attribute.Int("azure.cosmosdb.response.sub_status_code", sub))
	}
	if status == 0 || status >= http.StatusBadRequest {
		attrs = append(attrs, attribute.String("error.type", errorType(status)))
	}
	set := metric.WithAttributeSet(attribute.NewSet(attrs...))
	s.duration.Record(ctx, took.Seconds(), set)
	if units > 0 {
		s.charge.Record(ctx, units, set)
	}
}

// charged adds request units to upstream's counter.
func (s *storeMetrics) charged(ctx context.Context, op store.Op, units float64) {
	if set, ok := s.upstream[op]; ok && units > 0 {
		s.units.Add(ctx, units, set...)
	}
}

// errorType is the status as text, as OpenTelemetry has it.
func errorType(status int) string {
	if status == 0 {
		return "network"
	}
	return strconv.Itoa(status)
}
