package cosmos

import (
	"context"
	"log/slog"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// changes returns the items of a page as changes, without those from before
// since.
func (f *Feed) changes(ctx context.Context, items [][]byte, since int64) []store.Change {
	p, ordered := f.s.here(), !f.s.account.topology().multi
	out := make([]store.Change, 0, len(items))
	for _, raw := range items {
		it, err := decodeItem(raw)
		if err != nil {
			it = glean(raw)
			f.s.metrics.undecoded.Add(ctx, 1, f.s.metrics.collected)
			f.s.log.LogAttrs(ctx, slog.LevelWarn, "cosmos: change of an item that cannot be decoded", slog.String("collection", f.s.collection),
				slog.String("id", it.id), slog.String("etag", it.etag), slog.Any("error", err))
		}
		if it.ts > 0 && it.ts < since {
			continue
		}
		var order uint64
		if ordered {
			order = it.lsn
		}
		doc := it.document(p, order)
		doc.Version.Lineage = p.rid
		c := store.Change{ID: doc.ID, Version: doc.Version, ClusterID: doc.Meta.ClusterID, Deleted: doc.Meta.Deleted}
		if it.ts > 0 {
			c.Committed = time.Unix(it.ts, 0)
		}
		if err == nil {
			c.Doc = &doc
		}
		out = append(out, c)
	}
	return out
}

// glean returns what can be told of an item that decodeItem refuses: at best
// all but its body. An id that does not unescape is returned as it is stored.
func glean(raw []byte) (it item) {
	_ = members(raw, func(name, value, _ []byte) {
		if string(name) == "id" {
			it.escaped, _ = stringValue(value)
			return
		}
		it.note(name, value)
	}) // the error is the caller's reason to be here
	var err error
	if it.id, err = unescapeID(it.escaped); err != nil {
		it.id = it.escaped
	}
	return it
}
