package view

import (
	"context"
	"iter"

	"github.com/whiskstore/whiskstore/store"
)

// Run turns documents into the rows of a query: skip, limit, shaping, joins and
// documents that cannot be read. It is the part that all backends share.
//
// docs are the documents that match, each once, in the plan's order: by the
// order field, documents of equal order by id, both backwards when Descending;
// subject views by id alone. Run stops asking for documents when Limit is
// reached. Rows of one document keep their order in both directions.
//
// A document that cannot be shaped, or an ErrUnreadable among docs that stands
// for one, is handed to onUnreadable, and the loop goes on; when onUnreadable is
// nil it ends with the error. Such a document takes part in Skip as one row, not
// in Limit. Documents that fall to Skip are not shaped, nor joined, nor
// reported. Every other error of docs or join ends the loop as it is, and so
// does the end of ctx.
func (p *Plan) Run(ctx context.Context, docs iter.Seq2[store.Document, error], join Join, onUnreadable func(error)) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		skip, left := p.Skip, p.Limit
		var rows []store.Row // reused: rows are yielded by value
		for doc, err := range docs {
			if err == nil {
				err = ctx.Err()
			}
			unread := err != nil && store.KindOf(err) == store.ErrUnreadable
			if err != nil && !unread {
				yield(store.Row{}, err)
				return
			}
			if skip > 0 {
				n := 1
				if !unread && !p.View.isList() {
					n = p.rowsOrOne(doc)
				}
				if n <= skip {
					skip -= n
					continue
				}
			}
			rows = rows[:0]
			if !unread {
				rows, err = p.appendRows(ctx, rows, doc, join)
			}
			if err != nil {
				if onUnreadable == nil || store.KindOf(err) != store.ErrUnreadable {
					yield(store.Row{}, err)
					return
				}
				onUnreadable(err)
				continue
			}
			for _, row := range rows[min(skip, len(rows)):] {
				if !yield(row, nil) {
					return
				}
				if left--; left == 0 {
					return
				}
			}
			skip = 0
		}
	}
}

// rowsOrOne is RowCount for a document of a subject view, and one for a document
// that cannot be read.
func (p *Plan) rowsOrOne(doc store.Document) int {
	if _, err := scan(doc.Body); err != nil {
		return 1
	}
	return p.RowCount(doc.ID, doc.Body)
}
