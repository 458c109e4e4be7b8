package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// player runs the steps of a log over one store and says what came of each, in
// words that are the same for every store that is right.
type player struct {
	ns   string
	s    store.ArtifactStore
	o    ReplayOptions
	revs [docs][]string // of what was written, per document
	held [docs]held     // what the store must hold, per document
}

func newPlayer(ns string, s store.ArtifactStore, o ReplayOptions) *player {
	return &player{ns: ns, s: s, o: o}
}

// document returns the document i of the collection as a put has it.
func (p *player) document(i, variant int, updated int64) store.Document {
	name := fmt.Sprint("d", i)
	switch p.o.Collection {
	case store.Subjects:
		if i%3 == 2 { // the limits of the subject before it
			return document(identityOf(p.ns, i-1).name+"/limits", object{"invocationsPerMinute": variant, "updated": updated})
		}
		sub := subject(p.ns+name, identityOf(p.ns, i), identityOf(p.ns+"x", i))
		sub["updated"] = updated // no two bodies alike: a lost answer may be settled by the body
		if variant == 0 {
			sub["blocked"] = true
		}
		return document(p.ns+name, sub)
	case store.Activations:
		end := updated + 1000
		if variant == 0 && p.o.A.StatusCode == p.o.B.StatusCode {
			end = 0
		}
		o := activation(p.ns, fmt.Sprint("act", variant%2), i, updated, end)
		if variant%2 == 1 {
			o["annotations"] = []any{object{"key": "path", "value": p.ns + "/p/act1"}}
		}
		return activationDoc(o)
	}
	ns := p.ns
	if i%5 == 4 {
		ns += "/p"
	}
	changes := object{"publish": variant%2 == 0, "version": fmt.Sprint("0.0.", variant)}
	switch i % 5 {
	case 0, 4:
		return entity(action(ns, name, updated).with(changes))
	case 1:
		if variant == 3 {
			changes["binding"] = object{"namespace": "other", "name": "utils"}
		}
		return entity(pack(ns, name, updated).with(changes))
	case 2:
		return entity(rule(ns, name, updated).with(changes))
	}
	return entity(trigger(ns, name, updated).with(changes))
}

// identityOf returns the identity of a log's subject i. Its name starts with ns.
func identityOf(ns string, i int) identity {
	text := fmt.Sprint(ns, "-id", i)
	return identity{name: text, uuid: text + "-uuid", key: text + "-key"}
}

// rev returns the revision that a step names; one that no document has where
// there is none.
func (p *player) rev(doc int, w which) string {
	revs := p.revs[doc]
	switch {
	case w == none:
		return ""
	case w == current && len(revs) > 0:
		return revs[len(revs)-1]
	case w == stale && len(revs) > 1:
		return revs[len(revs)-2]
	case w == foreign && len(p.revs[(doc+1)%docs]) > 0:
		return p.revs[(doc+1)%docs][0]
	}
	return "42-00000000000000000000000000000042" // in no backend's order of things, and well-formed on CouchDB
}

// play runs one step.
func (p *player) play(ctx context.Context, s step) answer {
	if s.writes() {
		return p.write(ctx, s)
	}
	text, err := p.ask(ctx, s)
	return answer{text: text, wrong: store.InDoubt(err)} // nothing that is read may be in doubt
}

// write runs a step that writes.
func (p *player) write(ctx context.Context, s step) answer {
	doc := p.document(s.doc, s.variant, s.updated)
	rev, lost := p.rev(s.doc, s.rev), p.lost()
	var want held
	var v store.Version
	var err error
	if s.op == store.OpPut {
		doc.Version.Rev, want.body = rev, p.text(doc.Body)
		v, err = p.s.Put(ctx, doc, &store.PutOptions{})
	} else {
		opts := &store.DeleteOptions{}
		if s.tombstone {
			opts.Tombstone = time.Hour
		}
		v, err = p.s.Delete(ctx, doc.ID, rev, opts)
		if err == nil && v.IsZero() && !p.held[s.doc].live() && p.lost() != lost {
			err = store.ErrNotFound // it is gone, whoever removed it
		}
	}
	if err != nil {
		return p.failed(ctx, s, doc.ID, rev, want, lost, err)
	}
	want.rev = v.Rev
	p.holds(s, want)
	return answer{text: "ok", done: true}
}

// ask runs a step that reads, and returns its error too.
func (p *player) ask(ctx context.Context, s step) (string, error) {
	if s.op == store.OpGet {
		id := p.document(s.doc, s.variant, s.updated).ID
		got, err := p.s.Get(ctx, id, &store.GetOptions{Rev: p.rev(s.doc, s.rev)})
		if err != nil {
			return kindText(err), err
		}
		return "ok " + p.text(asJSON(got.ID), got.Body), nil
	}
	q := p.query(s.query)
	if s.op == store.OpCount {
		n, err := p.s.Count(ctx, q)
		if err != nil {
			return kindText(err), err
		}
		return fmt.Sprint("ok ", n), nil
	}
	var rows []string
	for row, err := range p.s.Query(ctx, q) {
		if err != nil {
			return strings.Join(append(rows, kindText(err)), "\n   "), err
		}
		rows = append(rows, p.row(q.Table, row))
	}
	if q.Table == identitiesTable {
		slices.Sort(rows) // subject views have no order
	}
	return strings.Join(append([]string{fmt.Sprint("ok ", len(rows))}, rows...), "\n   "), nil
}

// query returns q with its paths and keys in the player's namespace.
func (p *player) query(q *store.Query) *store.Query {
	in := *q
	in.StartKey, in.EndKey = slices.Clone(q.StartKey), slices.Clone(q.EndKey)
	for _, key := range []store.Key{in.StartKey, in.EndKey} {
		for i, e := range key {
			if text, ok := e.(string); ok && text != store.Top {
				key[i] = p.ns + text
			}
		}
	}
	return &in
}

// row says what is in a row, without revisions.
func (p *player) row(table string, row store.Row) string {
	value := []byte(row.Value)
	if table == rulesTable && p.o.A.RulesValueOne != p.o.B.RulesValueOne {
		value = []byte("null")
	}
	parts := [][]byte{asJSON(row.ID), row.Key, value}
	if row.Doc != nil {
		parts = append(parts, asJSON(row.Doc.ID), row.Doc.Body)
	}
	return p.text(parts...)
}

// text joins JSON texts in one spelling, with the namespace as ns.
func (p *player) text(parts ...[]byte) string {
	texts := make([]string, len(parts))
	for i, part := range parts {
		var v any
		if err := json.Unmarshal(part, &v); err != nil {
			texts[i] = fmt.Sprintf("not JSON: %q", part)
			continue
		}
		texts[i] = string(asJSON(v))
	}
	return strings.ReplaceAll(strings.Join(texts, " "), p.ns, "ns")
}

func kindText(err error) string {
	if k := store.KindOf(err); k != 0 {
		return k.Error()
	}
	return err.Error()
}

// clear deletes what is left of the log.
func (p *player) clear(ctx context.Context) {
	for i := range docs {
		for variant := range 2 { // ids of a log do not depend on more
			id := p.document(i, variant, 0).ID
			doc, err := p.s.Get(ctx, id, &store.GetOptions{})
			if err != nil {
				if !errors.Is(err, store.ErrNotFound) {
					return
				}
				continue
			}
			_, _ = p.s.Delete(ctx, id, doc.Version.Rev, &store.DeleteOptions{})
		}
	}
}
