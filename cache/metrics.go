package cache

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/whiskstore/whiskstore/cache/wire"
	"github.com/whiskstore/whiskstore/store"
)

const meterName = "github.com/whiskstore/whiskstore/cache"

// RegisterStats makes the counters of a Cache or Table readable by a meter
// provider until the registration is ended. name tells caches apart.
//
//	whiskstore.cache.lookups     counter, {lookup}; by whiskstore.result: hit, joined, miss
//	whiskstore.cache.operations  counter, {operation}; ends of loads and writes by whiskstore.reason, "stored" or why not
//	whiskstore.cache.messages    counter, {message}; by whiskstore.result: confirmed, repaired, not_held
//	whiskstore.cache.evictions   counter, {entry}
//	whiskstore.cache.sheds       counter, {fence}; fences that had to go before their end
//	whiskstore.cache.losses      counter, {loss}
//	whiskstore.cache.entries     gauge, {entry}
//	whiskstore.cache.fences      gauge, {fence}; keys about which more is known than a value
//	whiskstore.cache.size        gauge, By
//	whiskstore.cache.state       gauge; 0 local-only, 1 suspect, 2 degraded, 3 coherent; of caches only
func RegisterStats(p metric.MeterProvider, name string, of interface{ Stats() Stats }) (metric.Registration, error) {
	r := registry{meter: p.Meter(meterName), with: attribute.String("whiskstore.cache", name)}
	lookups := r.counter("lookups", "{lookup}", "Lookups by what came of them.")
	operations := r.counter("operations", "{operation}", "Ends of loads and writes, stored or why not.")
	messages := r.counter("messages", "{message}", "Messages by what they did to a value held.")
	evictions := r.counter("evictions", "{entry}", "Values removed for room.")
	sheds := r.counter("sheds", "{fence}", "Fences removed for room before their end.")
	losses := r.counter("losses", "{loss}", "Losses of messages.")
	entries := r.gauge("entries", "{entry}", "Values held.")
	fences := r.gauge("fences", "{fence}", "Keys about which more is known than a value.")
	size := r.gauge("size", "By", "Bytes charged for values held.")
	state := r.gauge("state", "1", "0 local-only, 1 suspect, 2 degraded, 3 coherent.")
	health, healthy := of.(interface{ Health() Health })
	return r.register(func(o metric.Observer) {
		s := of.Stats()
		r.observe(o, lookups, s.Hits-s.Joined, "result", "hit")
		r.observe(o, lookups, s.Joined, "result", "joined")
		r.observe(o, lookups, s.Misses, "result", "miss")
		r.observe(o, operations, s.Reasons[reasonNone], "reason", "stored")
		for why := reasonNone + 1; why < reasons; why++ {
			r.observe(o, operations, s.Reasons[why], "reason", why.String())
		}
		r.observe(o, messages, s.Confirmed, "result", "confirmed")
		r.observe(o, messages, s.Repaired, "result", "repaired")
		r.observe(o, messages, s.Messages-s.Confirmed-s.Repaired, "result", "not_held")
		r.observe(o, evictions, s.Evicted)
		r.observe(o, sheds, s.Shed)
		r.observe(o, losses, s.Losses)
		r.observe(o, entries, uint64(s.Entries))
		r.observe(o, fences, uint64(s.Fences))
		r.observe(o, size, uint64(s.Bytes))
		if healthy {
			r.observe(o, state, uint64(health.Health().State))
		}
	})
}

// RegisterTracker does the same for what a Tracker was told.
//
//	whiskstore.cache.records         counter, {record}; by whiskstore.kind: plain, write, change, verify, watermark
//	whiskstore.cache.records.skipped counter, {record}; unusable ones by whiskstore.reason
//	whiskstore.cache.records.repeats counter, {record}
//	whiskstore.cache.gaps            counter, {loss}; losses by whiskstore.reason
func RegisterTracker(p metric.MeterProvider, name string, t *Tracker) (metric.Registration, error) {
	r := registry{meter: p.Meter(meterName), with: attribute.String("whiskstore.cache", name)}
	records := r.counter("records", "{record}", "Records by their kind.")
	skipped := r.counter("records.skipped", "{record}", "Records that could not be used.")
	repeats := r.counter("records.repeats", "{record}", "Records that had been seen before.")
	gaps := r.counter("gaps", "{loss}", "Losses that were noticed.")
	return r.register(func(o metric.Observer) {
		s := t.Stats()
		for kind, n := range s.Handled {
			r.observe(o, records, n, "kind", wire.Kind(kind).String())
		}
		for why, n := range s.Skipped {
			r.observe(o, skipped, n, "reason", why)
		}
		r.observe(o, repeats, s.Repeats)
		for why, n := range s.Losses {
			r.observe(o, gaps, n, "reason", why)
		}
	})
}

// registry makes instruments and keeps the first errors.
type registry struct {
	meter       metric.Meter
	with        attribute.KeyValue
	instruments []metric.Observable
	err         error
}

func (r *registry) counter(name, unit, text string) metric.Int64Observable {
	i, err := r.meter.Int64ObservableCounter("whiskstore.cache."+name, metric.WithUnit(unit), metric.WithDescription(text))
	return r.made(i, err)
}

func (r *registry) gauge(name, unit, text string) metric.Int64Observable {
	i, err := r.meter.Int64ObservableGauge("whiskstore.cache."+name, metric.WithUnit(unit), metric.WithDescription(text))
	return r.made(i, err)
}

func (r *registry) made(i metric.Int64Observable, err error) metric.Int64Observable {
	r.err = errors.Join(r.err, err)
	r.instruments = append(r.instruments, i)
	return i
}

// observe observes a number with an attribute of the project's own, if any.
func (r *registry) observe(o metric.Observer, i metric.Int64Observable, n uint64, kv ...string) {
	set := []attribute.KeyValue{r.with}
	if len(kv) == 2 {
		set = append(set, attribute.String("whiskstore."+kv[0], kv[1]))
	}
	o.ObserveInt64(i, int64(n), metric.WithAttributes(set...))
}

func (r *registry) register(read func(metric.Observer)) (metric.Registration, error) {
	if r.err != nil {
		return nil, &store.Error{Op: store.OpOpen, Kind: store.ErrUnsupported, Err: r.err}
	}
	registration, err := r.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		read(o)
		return nil
	}, r.instruments...)
	if err != nil {
		return nil, &store.Error{Op: store.OpOpen, Kind: store.ErrUnsupported, Err: err}
	}
	return registration, nil
}
