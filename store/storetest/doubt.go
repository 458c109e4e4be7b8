package storetest

import (
	"context"
	"errors"
	"slices"

	"github.com/whiskstore/whiskstore/store"
)

// repeats is how often Replay writes again what turned out not to have happened.
const repeats = 20

// answer is what came of a step.
type answer struct {
	text  string // in words that are the same for every store that is right
	wrong bool   // no store may answer so, whatever the other one says

	// Of writes: done says that it has happened, and doubt that the store did not
	// know and the document was read to find out.
	done, doubt bool
}

func wrongly(text string) answer { return answer{text: text, wrong: true} }

// differs reports whether two answers cannot both be right.
func (a answer) differs(b answer) bool {
	if a.wrong || b.wrong || a.done != b.done {
		return true
	}
	return !a.doubt && !b.doubt && a.text != b.text
}

// both plays a step over two stores. Where only one of them has done a write and
// the other one was in doubt, that one writes again: from then on both hold the
// same.
func both(ctx context.Context, s step, a, b *player) (x, y answer) {
	x, y = a.play(ctx, s), b.play(ctx, s)
	for range repeats {
		switch {
		case x.wrong || y.wrong || x.done == y.done:
			return x, y
		case x.doubt && !x.done:
			x = a.play(ctx, s)
		case y.doubt && !y.done:
			y = b.play(ctx, s)
		default:
			return x, y
		}
	}
	return x, y
}

// held is what a store holds of one document.
type held struct {
	rev  string // of the document or its tombstone
	body string // as player.text has it; empty where there is no live document
}

func (h held) live() bool { return h.body != "" }

func (h held) String() string {
	switch {
	case h.live():
		return h.body
	case h.rev != "":
		return "a tombstone"
	}
	return "nothing"
}

// read returns what the store holds of a document.
func (p *player) read(ctx context.Context, id string) (held, error) {
	doc, err := p.s.Get(ctx, id, &store.GetOptions{Tombstones: true})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return held{}, nil
	case err != nil:
		return held{}, err
	case doc.Meta.Deleted:
		return held{rev: doc.Version.Rev}, nil
	}
	return held{doc.Version.Rev, p.text(doc.Body)}, nil
}

// allows reports whether the state before a write meets its precondition.
func (h held) allows(op store.Op, rev string) bool {
	if op == store.OpPut && rev == "" {
		return !h.live()
	}
	return h.live() && h.rev == rev
}

// failed says how a write went that was to leave want and ended with err. A
// definite error must have left the document as it was; after a doubt it is as it
// was, or as the write was to leave it.
func (p *player) failed(ctx context.Context, s step, id, rev string, want held, lost int, err error) answer {
	before, text := p.held[s.doc], kindText(err)
	doubt := store.KindOf(err) == store.ErrInDoubt
	switch {
	case store.IsContext(err):
		return wrongly(text)
	case doubt && p.lost() == lost:
		return wrongly(text + ", though no answer was lost")
	case doubt && p.o.Settles && before.allows(s.op, rev) && (before.live() || before.rev == ""):
		return wrongly(text + ", though nothing stood against it")
	case doubt && p.o.Late != nil:
		p.o.Late()
	}
	now, err := p.read(ctx, id)
	switch {
	case err != nil:
		return wrongly(text + ", and what is stored cannot be read: " + err.Error())
	case now == before:
		return answer{text: text, doubt: doubt}
	case !doubt || !before.allows(s.op, rev) || now.body != want.body || slices.Contains(p.revs[s.doc], now.rev):
		return wrongly(text + ", after which the store holds " + now.String() + " and not " + before.String())
	}
	p.holds(s, now)
	return answer{text: text, done: true, doubt: true}
}

// holds notes what a write has left.
func (p *player) holds(s step, now held) {
	p.held[s.doc] = now
	if now.live() && now.rev != "" {
		p.revs[s.doc] = append(p.revs[s.doc], now.rev)
	}
}

// lost returns how many answers were lost so far.
func (p *player) lost() int {
	if p.o.Lost == nil {
		return 0
	}
	return p.o.Lost()
}
