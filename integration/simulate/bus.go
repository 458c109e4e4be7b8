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

// letter is a record on its way, with what it is about.
type letter struct {
	doc, version int
	what         string
	partition    int32
	record       wire.Record
	name         dice
}

// broadcast appends a record to the region's topic. Each node gets it, in order,
// unless something goes wrong.
func (r *region) broadcast(w *world, l letter) {
	if l.name.chance(w.odds(lossOfAll)) {
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
			l.record.Value = nil
			w.note(l.doc, n.number, "record damaged", l.version)
		}
		late := d.upTo(delivery)
		if d.chance(w.odds(disorder)) || bad && d.chance(w.odds(disorderWhenLossy)) {
			late = d.upTo(straggling)
		} else {
			n.arrived[l.partition] = max(n.arrived[l.partition], w.now+late)
			late = n.arrived[l.partition] - w.now
		}
		n.deliver(w, l, late)
		if d.chance(w.odds(repeat)) || bad && d.chance(w.odds(repeatWhenLossy)) {
			n.deliver(w, l, late+d.upTo(straggling))
		}
	}
}

func (n *node) deliver(w *world, l letter, late time.Duration) {
	life := n.life
	w.after(late, func() {
		n.awake(life, func() {
			if l.doc != noDocument {
				w.note(l.doc, n.number, l.what+" arrives", l.version)
			}
			n.tracker.Handle(l.partition, l.record, n.wall())
		})
	})
}
