package simulate

import (
	"slices"
	"strconv"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/cache/wire"
	"github.com/whiskstore/whiskstore/store"
)

// bridge publishes the changes of one range to the bus of its region, in the
// sequence that the protocol asks of publishers: numbers contiguous per epoch
// and partition, a checkpoint only after everything before it was published, a
// hand-over in each new epoch, watermarks that claim what a completed poll has
// published.
type bridge struct {
	w      *world
	r      *region
	source string
	rng    wire.Range
	owns   func(doc int) bool
	skew   time.Duration

	life  int // the timers of an earlier life do nothing
	epoch wire.Epoch
	at    int // next commit to publish
	seq   [partitions]uint64
	claim time.Duration // everything committed before was published; 0 is nothing

	checkpoint int
	keptEpoch  wire.Epoch
	kept       [partitions]uint64
	handover   *wire.Handover

	page    []int // by document, its last commit in the page: a feed shows the newest state only
	unsaved bool  // the next poll dies before its checkpoint
}

func (b *bridge) start() {
	b.life++
	b.epoch++
	b.seq, b.claim = [partitions]uint64{}, 0
	life := b.life
	var publish, vouch func()
	publish = func() {
		if b.life == life {
			b.poll()
			b.w.after(poll, publish)
		}
	}
	vouch = func() {
		if b.life == life {
			b.vouch()
			b.w.after(watermarks, vouch)
		}
	}
	publish()
	vouch()
}

// poll publishes what is new and writes the checkpoint.
func (b *bridge) poll() {
	w := b.w
	b.r.catchUp(w.now)
	end, claim := w.end(), w.now
	if b.epoch%2 == 0 { // every other one reads its region's replica
		end, claim = b.r.applied, w.now-realLag
	}
	to := min(end, b.at+pageSize)
	for i := b.at; i < to; i++ {
		b.page[w.log[i-w.base].doc] = i
	}
	for i := b.at; i < to; i++ {
		c := &w.log[i-w.base]
		own := c.region == b.r.number
		if b.page[c.doc] == i && b.owns(c.doc) && !(own && w.off&cache.RuleEcho != 0) {
			b.publish(c, i, own)
		}
	}
	b.at = max(b.at, to)
	if b.at >= end {
		b.claim = max(b.claim, claim)
	}
	if b.unsaved {
		b.unsaved = false
		b.life++
		return
	}
	b.checkpoint, b.keptEpoch, b.kept = b.at, b.epoch, b.seq
	w.trim()
}

func (b *bridge) publish(c *commit, index int, own bool) {
	d := &b.w.docs[c.doc]
	b.seq[d.partition]++
	m := b.message(wire.Change, d.partition, index+1)
	if own {
		m.Kind = wire.Verify
	}
	m.Key = wire.Key{MainID: d.id}
	m.Deleted = d.gone(c.version)
	if !d.leaves {
		m.Version = d.version(c.version)
	}
	b.r.post(b.w, letter{doc: c.doc, version: c.version, kind: m.Kind, partition: d.partition,
		name: roll(b.w.seed, c.name, 'f', uint64(b.epoch))}, wire.Encode(m))
}

func (b *bridge) message(kind wire.Kind, p int32, position int) wire.Message {
	return wire.Message{
		InstanceID: wire.BridgeInstance, Kind: kind, Source: b.source, Epoch: b.epoch, Seq: b.seq[p],
		Range: &b.rng, Handover: b.handover, Position: store.Session(strconv.Itoa(position)),
	}
}

func (b *bridge) vouch() {
	for p := range int32(partitions) {
		m := b.message(wire.Watermark, p, b.at)
		if b.claim > 0 {
			m.Vouched = wallStart.Add(b.claim + b.skew)
		}
		b.r.post(b.w, letter{doc: noDocument, kind: wire.Watermark, partition: p,
			name: roll(b.w.seed, 'w', uint64(b.r.number), uint64(p), uint64(b.w.now/watermarks))}, wire.Encode(m))
	}
}

// die ends the epoch; another bridge takes over after a while. With zombie, the
// old one goes on meanwhile and a little longer. Without the lease's document
// the new one begins from now and has nothing to hand over.
func (b *bridge) die(d dice, unsaved, zombie, leaseLost bool) {
	life := b.life
	switch {
	case unsaved:
		b.unsaved = true
		b.poll()
	case !zombie:
		b.life++
	}
	b.w.after(d.upTo(400*time.Millisecond), func() {
		if b.life != life && b.life != life+1 {
			return // another one has taken over
		}
		if zombie {
			old := *b
			old.page = slices.Clone(b.page)
			old.haunt(d.upTo(200 * time.Millisecond))
		}
		b.handover = &wire.Handover{Epoch: b.keptEpoch, Last: map[int32]uint64{}}
		for p, last := range b.kept {
			b.handover.Last[int32(p)] = last
		}
		b.at = b.checkpoint
		if leaseLost {
			b.at, b.handover = b.w.end(), nil
		}
		b.w.note(noDocument, nowhere, "take-over in region "+strconv.Itoa(b.r.number), 0)
		b.start()
	})
}

// haunt lets a bridge that lost its lease go on for a while.
func (b *bridge) haunt(d time.Duration) {
	end := b.w.now + d
	var again func()
	again = func() {
		if b.w.now < end && b.at >= b.w.base {
			b.poll()
			b.vouch()
			b.w.after(poll, again)
		}
	}
	b.w.after(poll/2, again)
}
