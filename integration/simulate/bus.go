package simulate

import (
	"time"

	"github.com/whiskstore/whiskstore/cache/wire"
)

// region is a replica of the store with a bus, bridges and nodes of its own.
type region struct {
	replica
	number  int
	bridges []*bridge
	nodes   []*node
}

// letter is a record on its way, with what it is about. Nobody changes one.
type letter struct {
	doc, version int
	kind         wire.Kind
	partition    int32
	record       wire.Record
	message      wire.Message
	unusable     error
	name         dice
}

// post broadcasts a record; what it decodes to is the same for everybody.
func (r *region) post(w *world, l letter, record wire.Record) {
	l.record = record
	l.message, l.unusable = wire.Decode(record)
	r.broadcast(w, &l)
}

// arrivals are the arrivals of letters in words, by kind.
var arrivals = [...]string{wire.Plain: "plain arrives", wire.Write: "write arrives", wire.Change: "change arrives", wire.Verify: "verify arrives", wire.Watermark: "watermark arrives"}

// broadcast appends a record to the region's topic. Each node gets it, in order,
// unless something goes wrong.
func (r *region) broadcast(w *world, l *letter) {
	if all := l.name; all.chance(w.odds(lossOfAll)) {
		w.note(l.doc, nowhere, "message lost", l.version)
		return
	}
	for _, n := range r.nodes {
		d := roll(uint64(l.name), uint64(n.number))
		bad := w.now < n.lossyUntil
		switch {
		case w.now < n.deafUntil, d.chance(w.odds(loss)), bad && d.chance(w.odds(lossWhenLossy)):
			if l.doc != noDocument {
				w.note(l.doc, n.number, "message lost", l.version)
			}
			continue
		}
		l := l
		if d.chance(w.odds(damage)) {
			damaged := *l
			damaged.message, damaged.unusable = wire.Decode(wire.Record{Headers: l.record.Headers})
			l = &damaged
			w.note(l.doc, n.number, "record damaged", l.version)
		}
		at := w.now + d.upTo(delivery)
		if d.chance(w.odds(disorder)) || bad && d.chance(w.odds(disorderWhenLossy)) {
			at = w.now + d.upTo(straggling)
		} else {
			at = n.inOrder(l.partition, max(at, n.heldUntil))
		}
		n.deliver(l, at)
		if d.chance(w.odds(repeat)) || bad && d.chance(w.odds(repeatWhenLossy)) {
			n.deliver(l, at+d.upTo(straggling))
		}
		if w.now < n.stutterUntil {
			n.deliver(l, at+d.upTo(3*straggling))
		}
	}
}

// inOrder is when a record arrives that could at a time, but for those before it.
func (n *node) inOrder(partition int32, at time.Duration) time.Duration {
	n.arrived[partition] = max(n.arrived[partition], at)
	return n.arrived[partition]
}

func (n *node) deliver(l *letter, at time.Duration) {
	n.w.add(timed{at: at, on: n, life: n.follows, letter: l})
}

// receive handles a letter.
func (n *node) receive(l *letter) {
	if l.doc != noDocument {
		n.w.note(l.doc, n.number, arrivals[l.kind], l.version)
		if !n.w.docs[l.doc].leaves && l.kind != wire.Plain && l.unusable == nil {
			n.told[l.doc] = max(n.told[l.doc], l.version)
		}
	}
	n.tracker.Decoded(l.partition, l.message, l.unusable, n.wall())
}
