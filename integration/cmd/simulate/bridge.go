package main

import (
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/cache/wire"
)

// bridge publishes the changes of the store to the bus of one region. It follows
// the real publisher's sequencing: contiguous per epoch and partition, a
// checkpoint only after everything was published, a hand-over in each new epoch.
type bridge struct {
	r     *region
	epoch wire.Epoch
	life  int // timers of an earlier life do nothing
	at    int // position in the history
	seq   [partitions]uint64

	checkpoint int
	kept       [partitions]uint64 // sequences at the checkpoint
	keptEpoch  wire.Epoch
	handover   *wire.Handover

	lastPage []int // by document, the page it was seen in: a feed shows the newest state only
	page     int
}

// poll publishes what is new and writes the checkpoint.
func (b *bridge) poll(life int) {
	w := b.r.w
	if life != b.life+1 {
		return
	}
	w.after(poll, func() { b.poll(life) })
	from, to := b.at-w.base, len(w.log)
	if b.epoch%2 == 0 {
		to = b.r.applied - w.base // every other one reads its region's replica
	}
	to = min(to, from+200)
	b.page++
	for i := to - 1; i >= from; i-- {
		c := &w.log[i]
		if b.lastPage[c.doc] == b.page {
			c = nil // superseded within the page
		} else {
			b.lastPage[c.doc] = b.page
		}
		if c == nil {
			continue
		}
		if c.region == b.r.number && w.off&cache.RuleEcho != 0 {
			continue
		}
		b.publish(*c)
	}
	if to > from {
		b.at = w.base + to
	}
	if w.chance(0.001) {
		b.crash() // published, not checkpointed
		return
	}
	b.checkpoint, b.kept, b.keptEpoch = b.at, b.seq, b.epoch
	w.trim()
}

func (b *bridge) publish(c commit) {
	w := b.r.w
	p := cache.PartitionOf(w.docs[c.doc].id, partitions)
	b.seq[p]++
	kind := wire.Change
	if c.region == b.r.number {
		kind = wire.Verify
	}
	m := b.message(kind, b.seq[p])
	m.Key = wire.Key{MainID: w.docs[c.doc].id}
	m.Deleted = c.deleted
	m.Position = w.position()
	if w.docs[c.doc].newest-c.version < 60 {
		m.Version = w.version(c.doc, c.version)
	}
	b.r.broadcast(p, wire.Encode(m), nil)
}

func (b *bridge) message(kind wire.Kind, seq uint64) wire.Message {
	return wire.Message{
		InstanceID: wire.BridgeInstance, Kind: kind, Source: "bridge", Epoch: b.epoch, Seq: seq,
		Range: &wire.Range{Of: collection}, Handover: b.handover,
	}
}

// vouch sends watermarks for what the last completed poll has published.
func (b *bridge) vouch(life int) {
	w := b.r.w
	if life != b.life+1 {
		return
	}
	w.after(watermarks, func() { b.vouch(life) })
	claim := w.now - poll
	if next := b.at - w.base; next < len(w.log) {
		claim = min(claim, w.log[next].at-1) // what follows is not published
	}
	for p := range int32(partitions) {
		m := b.message(wire.Watermark, b.seq[p])
		m.Vouched = epochStart.Add(claim)
		m.Position = w.position()
		b.r.broadcast(p, wire.Encode(m), nil)
	}
}

// crash ends the epoch; another bridge takes over after a while.
func (b *bridge) crash() {
	w := b.r.w
	b.life++
	life := b.life + 1
	w.after(w.between(400*time.Millisecond), func() {
		if b.life+1 != life {
			return
		}
		b.handover = &wire.Handover{Epoch: b.keptEpoch, Last: map[int32]uint64{}}
		for p, last := range b.kept {
			b.handover.Last[int32(p)] = last
		}
		b.at = b.checkpoint
		if w.chance(0.1) { // the lease is lost: from now on, without a hand-over (S14)
			b.at, b.handover = w.base+len(w.log), nil
		}
		b.epoch, b.seq = b.epoch+1, [partitions]uint64{}
		b.poll(life)
		b.vouch(life)
	})
}
