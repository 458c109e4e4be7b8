package observe

import (
	"errors"
	"log/slog"

	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/whiskstore/whiskstore/store"
)

// Values of Options.System. The first two are the conventions' own.
const (
	CosmosDB = "azure.cosmosdb"
	CouchDB  = "couchdb"
	Memory   = "whiskstore.memory"
	S3       = "aws.s3"
)

// Options are the options of New and NewAttachments.
type Options struct {
	// System is db.system.name, for example CosmosDB. It is required.
	System string

	// Collection is db.collection.name, for example store.Whisks. It is required.
	Collection string

	// Namespace is db.namespace, the name of the database or bucket; empty leaves
	// it out.
	Namespace string

	// TracerProvider and MeterProvider record; nil records nothing.
	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider

	// Logger logs; nil is silent.
	Logger *slog.Logger
}

func (o Options) complete() (Options, error) {
	var err error
	switch {
	case o.System == "":
		err = errors.New("observe: no System")
	case o.Collection == "":
		err = errors.New("observe: no Collection")
	}
	if err != nil {
		return o, &store.Error{Op: store.OpOpen, Kind: store.ErrInvalid, Err: err}
	}
	if o.TracerProvider == nil {
		o.TracerProvider = tracenoop.NewTracerProvider()
	}
	if o.MeterProvider == nil {
		o.MeterProvider = metricnoop.NewMeterProvider()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}
