package cache

import (
	"testing"

	"github.com/whiskstore/whiskstore/store"
)

// code is a canonical state as bytes: what the search remembers and compares.
type code [85]byte

// coder writes and reads the fields of a world in one order, so that encode and
// decode cannot drift apart.
type coder struct {
	c    *code
	at   int
	read bool
	m    *model
}

func (d *coder) byte(v *uint8) {
	if d.read {
		*v = d.c[d.at]
	} else {
		d.c[d.at] = *v
	}
	d.at++
}

func (d *coder) time(v *int64) {
	b := uint8(*v)
	d.byte(&b)
	*v = int64(b)
}

func (d *coder) count(v *uint64) {
	b := uint8(*v)
	d.byte(&b)
	*v = uint64(b)
}

func (d *coder) flags(bits ...*bool) {
	var f uint8
	for i, b := range bits {
		if *b {
			f |= 1 << i
		}
	}
	d.byte(&f)
	for i, b := range bits {
		*b = f&(1<<i) != 0
	}
}

func (d *coder) version(v *store.Version) {
	var b uint8
	if v.Rev != "" {
		b = v.Rev[0] - '0'
	}
	d.byte(&b)
	if d.read {
		*v = d.m.vers[b]
	}
}

func (d *coder) op(o *op) {
	d.count(&o.gen)
	d.count(&o.forgot)
	d.count(&o.losses)
	d.time(&o.start)
	d.time(&o.born)
	d.flags(&o.fresh, &o.covers)
}

func (d *coder) world(w *world) {
	l := &w.line
	d.flags(&l.present, &l.absent, &w.lost, &w.offAir, &l.loadFresh, &w.deleted[1], &w.deleted[2], &w.deleted[3])
	d.flags(&w.own[1], &w.own[2], &w.own[3])
	d.version(&l.version)
	d.version(&l.fences[0])
	d.version(&l.fences[1])
	d.byte(&l.nfences)
	for _, t := range [...]*int64{&l.born, &l.until, &l.blind, &l.fresh, &w.scope.blind, &w.scope.soft} {
		d.time(t)
	}
	for _, n := range [...]*uint64{&l.losses, &l.gen, &l.forgot, &l.load, &l.loadLosses, &w.scope.losses} {
		d.count(n)
	}
	writes := uint8(l.writes)
	d.byte(&writes)
	l.writes = int(writes)
	for _, b := range [...]*uint8{
		&w.truth, &w.newest, &w.replica, &w.session, &w.published, &w.floor, &w.seen, &w.position,
		&w.needs[0], &w.needs[1], &w.needs[2], &w.needs[3], &w.nbus,
	} {
		d.byte(b)
	}
	for i := range w.bus {
		b := &w.bus[i]
		packed := b.version | b.of<<2
		if b.repeated {
			packed |= 1 << 4
		}
		d.byte(&packed)
		*b = modelMessage{version: packed & 3, of: packed >> 2 & 3, repeated: packed&16 != 0}
	}
	for i := range w.loads {
		d.small(&w.loads[i].state, &w.loads[i].read, &w.loads[i].floor)
		d.op(&w.loads[i].op)
	}
	for i := range 3 {
		p := w.write(i)
		var none uint8
		d.small(&p.state, &p.version, &none)
		d.op(&p.op)
	}
	g := &w.budget
	for _, b := range [...]*uint8{
		&g.remote, &g.remoteX, &g.writes, &g.deletes, &g.doubts, &g.refusals, &g.peerDies, &g.losses,
		&g.takeover, &g.repeats, &g.rewinds, &g.evicts, &g.sheds, &g.jumps, &g.restarts,
	} {
		d.byte(b)
	}
}

// small packs three numbers below four.
func (d *coder) small(a, b, c *uint8) {
	packed := *a | *b<<2 | *c<<4
	d.byte(&packed)
	*a, *b, *c = packed&3, packed>>2&3, packed>>4&3
}

func (m *model) encode(w *world) (c code) {
	(&coder{c: &c, m: m}).world(w)
	return c
}

func (m *model) decode(c *code) world {
	w := world{now: modelNow}
	(&coder{c: c, read: true, m: m}).world(&w)
	return w
}

// TestModelCode shows that a code holds everything of a state, so that states
// that the search takes for one are one.
func TestModelCode(t *testing.T) {
	for _, set := range settings {
		m := newModel(set, 0)
		frontier := []world{m.initial()}
		for range 6 {
			var next []world
			for i := range frontier {
				for _, s := range m.expand(&frontier[i]) {
					c := m.encode(&s.w)
					if got := m.decode(&c); got != s.w {
						t.Fatalf("%s, after %v: decoded\n got %+v\nwant %+v", set.name, s.label, got, s.w)
					}
					next = append(next, s.w)
				}
			}
			frontier = next[:min(len(next), 2000)]
		}
	}
}
