package observe

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/whiskstore/whiskstore/store"
)

const scope = "github.com/whiskstore/whiskstore/store/observe"

// The project's own attributes.
const (
	operationKey = attribute.Key("whiskstore.operation")
	outcomeKey   = attribute.Key("whiskstore.outcome")
	directionKey = attribute.Key("whiskstore.direction")
	documentKey  = attribute.Key("whiskstore.document.id")
	tableKey     = attribute.Key("whiskstore.table")
)

// recorder holds the instruments, which all operations share.
type recorder struct {
	opts       Options
	meter      metric.Meter
	tracer     trace.Tracer
	duration   metric.Float64Histogram
	rows       metric.Int64Histogram
	operations []*operation
}

func newRecorder(o Options) (*recorder, error) {
	meter := o.MeterProvider.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL))
	duration, err1 := meter.Float64Histogram("db.client.operation.duration",
		metric.WithUnit("s"), metric.WithDescription("Duration of database client operations."),
		metric.WithExplicitBucketBoundaries(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10))
	rows, err2 := meter.Int64Histogram("db.client.response.returned_rows",
		metric.WithUnit("{row}"), metric.WithDescription("Rows that a query returned."),
		metric.WithExplicitBucketBoundaries(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000))
	if err := errors.Join(err1, err2); err != nil {
		return nil, instrumentError(err)
	}
	tracer := o.TracerProvider.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL))
	return &recorder{opts: o, meter: meter, tracer: tracer, duration: duration, rows: rows}, nil
}

// publish makes the counts of the operations built so far readable. They are
// read when metrics are collected, because an addition to a counter of the SDK
// takes a third of what a Get may cost.
func (r *recorder) publish() error {
	count, err := r.meter.Int64ObservableCounter("whiskstore.operations",
		metric.WithUnit("{operation}"), metric.WithDescription("Operations of a store by their outcome."))
	if err == nil {
		_, err = r.meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
			for _, o := range r.operations {
				for i := range outcomes {
					to.ObserveInt64(count, o.count[i].Load(), o.counted[i])
				}
			}
			return nil
		}, count)
	}
	if err != nil {
		return instrumentError(err)
	}
	return nil
}

func instrumentError(err error) error {
	return &store.Error{Op: store.OpOpen, Kind: store.ErrUnsupported, Err: err}
}

func (r *recorder) attributes(more ...attribute.KeyValue) []attribute.KeyValue {
	kvs := []attribute.KeyValue{
		semconv.DBSystemNameKey.String(r.opts.System),
		semconv.DBCollectionName(r.opts.Collection),
	}
	if r.opts.Namespace != "" {
		kvs = append(kvs, semconv.DBNamespace(r.opts.Namespace))
	}
	return append(kvs, more...)
}

// operation is what all calls of one operation have in common, built once, so
// that a call allocates none of it.
type operation struct {
	*recorder
	op      store.Op
	name    string // of spans
	start   []trace.SpanStartOption
	count   [outcomes]atomic.Int64
	counted [outcomes]metric.ObserveOption
	lasted  [outcomes][]metric.RecordOption
	errType [outcomes]attribute.KeyValue
}

// named builds the operation that goes by the contract's own name.
func (r *recorder) named(op store.Op) *operation { return r.operation(op, string(op)) }

func (r *recorder) operation(op store.Op, name string) *operation {
	own := []attribute.KeyValue{semconv.DBOperationName(name), operationKey.String(string(op))}
	kind := trace.SpanKindClient
	if r.opts.System == Memory {
		kind = trace.SpanKindInternal
	}
	o := &operation{
		recorder: r,
		op:       op,
		name:     name + " " + r.opts.Collection,
		start:    []trace.SpanStartOption{trace.WithSpanKind(kind), trace.WithAttributes(r.attributes(own...)...)},
	}
	plain := metric.WithAttributeSet(attribute.NewSet(r.attributes(own...)...))
	for i := range outcomes {
		counted := r.attributes(append(own, outcomeKey.String(outcomeNames[i]))...)
		o.counted[i] = metric.WithAttributeSet(attribute.NewSet(counted...))
		o.lasted[i] = []metric.RecordOption{plain}
		if !i.expected() {
			o.errType[i] = semconv.ErrorTypeKey.String(outcomeNames[i])
			o.lasted[i] = []metric.RecordOption{metric.WithAttributeSet(
				attribute.NewSet(r.attributes(append(own, o.errType[i])...)...))}
		}
	}
	r.operations = append(r.operations, o)
	return o
}

// call is one call of an operation.
type call struct {
	*operation
	ctx   context.Context // of the span, to be handed on
	span  trace.Span
	begun time.Time
	key   attribute.Key // what on is
	on    string
}

func (o *operation) begin(ctx context.Context, key attribute.Key, on string) call {
	ctx, span := o.tracer.Start(ctx, o.name, o.start...)
	return call{operation: o, ctx: ctx, span: span, begun: time.Now(), key: key, on: on}
}

// noRows says that an operation has no rows to count.
const noRows = -1

func (c *call) end(err error, rows int64) {
	took := time.Since(c.begun)
	out := outcomeOf(err)
	c.duration.Record(c.ctx, took.Seconds(), c.lasted[out]...)
	c.count[out].Add(1)
	if rows != noRows {
		c.rows.Record(c.ctx, rows, c.lasted[out]...)
	}
	if c.span.IsRecording() {
		c.span.SetAttributes(c.key.String(c.on))
		if rows != noRows {
			c.span.SetAttributes(semconv.DBResponseReturnedRows(int(rows)))
		}
		if !out.expected() {
			c.span.SetAttributes(c.errType[out])
			c.span.SetStatus(codes.Error, err.Error())
		}
	}
	c.span.End()
	c.log(err, out, took, rows)
}

func (c *call) log(err error, out outcome, took time.Duration, rows int64) {
	level := slog.LevelDebug
	if !out.expected() {
		level = slog.LevelWarn
	}
	if !c.opts.Logger.Enabled(c.ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("operation", string(c.op)),
		slog.String("collection", c.opts.Collection),
		slog.String(string(c.key), c.on),
		slog.String("outcome", outcomeNames[out]),
		slog.Duration("took", took),
	}
	if rows != noRows {
		attrs = append(attrs, slog.Int64("rows", rows))
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	c.opts.Logger.LogAttrs(c.ctx, level, "store operation", attrs...)
}
