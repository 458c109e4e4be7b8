package tworegions

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/cache/wire"
	"github.com/whiskstore/whiskstore/store"
)

// pump publishes the changes of one range of a collection, as its region's
// replica shows them, to the invalidation topic of the region. It keeps to what
// the protocol asks of publishers: numbers contiguous within an epoch and a
// partition, a checkpoint only after everything before it was published, a
// hand-over in each new epoch, and watermarks that claim no more than a completed
// poll has published.
type pump struct {
	region     *region
	collection string
	feed       store.ChangeFeed
	rng        store.Range
	to         cache.Sender
	loss       float64
	lossFor    time.Duration
	lossEvery  time.Duration // at most so often
	takeOver   time.Time     // when it dies and another one takes over; zero is never
	sabotage   sabotage
	dice       *rand.Rand

	epoch    wire.Epoch
	token    store.Token
	seq      map[int32]uint64
	claim    time.Time // everything that the replica showed then is published
	handover *wire.Handover
	handed   map[int32]bool // partitions in which the hand-over was published
	saved    checkpoint
	lastLoss time.Time

	published, lost, takeOvers atomic.Int64
}

// checkpoint is what a pump that takes over begins from.
type checkpoint struct {
	epoch wire.Epoch
	token store.Token
	seq   map[int32]uint64
}

const (
	pumpWait      = 40 * time.Millisecond // the longest pause between two looks at a feed
	pumpPause     = 10 * time.Millisecond // the shortest
	pumpPage      = 256
	pumpGone      = 50 * time.Millisecond // until another one takes over
	lossFor       = 50 * time.Millisecond
	longLoss      = 5 * lossFor
	watermarkWait = 40 * time.Millisecond
	busPartitions = 2
)

// newPumps makes the pumps of a region. They begin from now, which is before
// anything is served.
func newPumps(ctx context.Context, r *region, cfg Config) error {
	for _, c := range cachedCollections() {
		feed := r.stores[c].changes()
		ranges, err := feed.Ranges(ctx)
		if err != nil {
			return err
		}
		for _, rng := range ranges {
			p := &pump{
				region: r, collection: c, feed: feed, rng: rng, to: r.bus.Sender(), sabotage: cfg.sabotage,
				loss: cfg.Loss, lossFor: lossFor, lossEvery: 4 * cfg.LagBudget, lastLoss: time.Now().Add(-2 * cfg.LagBudget),
				dice:  rand.New(rand.NewPCG(cfg.Seed, 2000+uint64(len(r.pumps)))),
				epoch: 1, seq: map[int32]uint64{},
			}
			if cfg.sabotage == lossIgnored {
				p.lossFor = longLoss
			}
			if c == store.Whisks {
				p.takeOver = time.Now().Add(cfg.Duration / 2)
			}
			if p.token, err = feed.Start(ctx, rng, store.FromNow()); err != nil {
				return err
			}
			p.save()
			r.pumps = append(r.pumps, p)
		}
	}
	return nil
}

func (p *pump) source() string { return "pump-" + p.region.name + "-" + p.collection + "-" + p.rng.ID }

// run publishes until ctx ends.
func (p *pump) run(ctx context.Context) error {
	var vouched time.Time
	for {
		shown := p.region.shown(p.collection) // before the look, which may show more
		page, err := p.feed.Next(ctx, p.rng, p.token, &store.NextOptions{Wait: pumpWait, Limit: pumpPage})
		if err == nil {
			err = p.publish(ctx, page.Changes)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", p.source(), err)
		}
		p.token = page.Token
		if page.Drained {
			p.claim = shown
		}
		pause := pumpPause
		if !p.takeOver.IsZero() && time.Now().After(p.takeOver) {
			// Before the page is saved: it will be published again.
			if err := p.succeed(ctx); err != nil {
				return err
			}
			pause = pumpGone
		} else {
			p.save()
			if time.Since(vouched) >= watermarkWait {
				vouched = time.Now()
				if err := p.vouch(ctx); err != nil {
					return err
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

func (p *pump) save() {
	p.saved = checkpoint{epoch: p.epoch, token: p.token, seq: maps.Clone(p.seq)}
}

// succeed makes p the pump that takes over from it.
func (p *pump) succeed(ctx context.Context) (err error) {
	p.takeOvers.Add(1)
	p.takeOver, p.claim = time.Time{}, time.Time{}
	p.epoch, p.token, p.seq = p.saved.epoch+1, p.saved.token, map[int32]uint64{}
	p.handover = &wire.Handover{Epoch: p.saved.epoch, Last: p.saved.seq}
	p.handed = map[int32]bool{}
	if p.sabotage == falseHandover {
		time.Sleep(pumpGone * 4)
		p.token, err = p.feed.Start(ctx, p.rng, store.FromNow())
	}
	return err
}

func (p *pump) publish(ctx context.Context, changes []store.Change) error {
	for _, c := range changes {
		part := cache.PartitionOf(c.ID, busPartitions)
		if p.sabotage == silentPump && p.dice.IntN(3) == 0 {
			continue
		}
		p.seq[part]++
		m := p.message(wire.Change, part)
		if c.ClusterID == p.region.name {
			m.Kind = wire.Verify
		}
		m.Key, m.Version, m.Deleted, m.Cluster = wire.Key{MainID: c.ID}, c.Version, c.Deleted, c.ClusterID
		if !p.handed[part] {
			m.Handover = p.handover
		}
		if p.loses() {
			continue
		}
		if p.handover != nil {
			p.handed[part] = true
		}
		if err := p.to.Send(ctx, part, wire.Encode(m)); err != nil {
			return err
		}
		p.published.Add(1)
	}
	return nil
}

// loses reports whether the message that is to be sent gets lost: for a moment
// all are. Those who read the topic need a while to be coherent again, and get it.
func (p *pump) loses() bool {
	switch since := time.Since(p.lastLoss); {
	case p.loss == 0:
		return false
	case since < p.lossFor:
	case since < p.lossEvery || p.dice.Float64() >= p.loss:
		return false
	default:
		p.lastLoss = time.Now()
	}
	p.lost.Add(1)
	return true
}

// vouch sends the watermarks.
func (p *pump) vouch(ctx context.Context) error {
	for part := range int32(busPartitions) {
		m := p.message(wire.Watermark, part)
		m.Vouched, m.Handover = p.claim, p.handover
		if err := p.to.Send(ctx, part, wire.Encode(m)); err != nil {
			return err
		}
	}
	return nil
}

func (p *pump) message(kind wire.Kind, part int32) wire.Message {
	return wire.Message{
		InstanceID: wire.BridgeInstance, Kind: kind, Source: p.source(), Epoch: p.epoch, Seq: p.seq[part],
		Range: &wire.Range{Min: p.rng.Min, Max: p.rng.Max, Of: p.collection},
	}
}
