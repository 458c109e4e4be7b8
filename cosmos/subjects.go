package cosmos

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/view"
)

// gather reads all items that may have rows in a subject view, by id. The
// statement needs no merging, so that the gateway goes through the ranges
// itself: for identities that is one request.
func (s *Store) gather(ctx context.Context, op store.Op, p *view.Plan, table string) ([]item, error) {
	pause := newPauses(s.patience())
restart:
	for range maxRestarts {
		r := pageRequest{op: op, table: table, stmt: subjectStatement(p)}
		var items []item
		seen := map[string]bool{}
		for {
			got := s.page(ctx, r)
			switch {
			case got.gone && pause.next(ctx):
				continue restart // items that moved may have been missed
			case got.err != nil:
				return nil, got.err
			}
			for _, raw := range got.rows {
				it, err := decodeItem(raw)
				if err != nil {
					return nil, s.fail(op, it.id, store.ErrUnreadable, err)
				}
				if !seen[it.id] {
					seen[it.id] = true
					items = append(items, it)
				}
			}
			if got.continuation == "" {
				break
			}
			r.continuation = got.continuation
		}
		slices.SortFunc(items, func(a, b item) int { return cmp.Compare(a.id, b.id) })
		if p.Descending {
			slices.Reverse(items)
		}
		return items, nil
	}
	return nil, s.fail(op, table, store.ErrUnavailable, errRangesMove)
}

// subjects returns the documents of a subject view and the join of its rows with
// their limits. All limits are read at once: two waves of requests, however many
// identities match.
func (s *Store) subjects(ctx context.Context, p *view.Plan, table string) (iter.Seq2[store.Document, error], view.Join) {
	var limits map[string]store.Document
	docs := func(yield func(store.Document, error) bool) {
		items, err := s.gather(ctx, store.OpQuery, p, table)
		if err != nil {
			yield(store.Document{}, err)
			return
		}
		list := make([]store.Document, len(items))
		for i, it := range items {
			list[i] = it.document(s.here(), 0)
			list[i].Version.Lineage = ""
		}
		if p.View == view.Identities {
			if limits, err = s.limitsOf(ctx, p, table, list); err != nil {
				yield(store.Document{}, err)
				return
			}
		}
		for _, doc := range list {
			if !yield(doc, nil) {
				return
			}
		}
	}
	join := func(_ context.Context, id string) (store.Document, error) {
		if doc, ok := limits[id]; ok {
			return doc, nil
		}
		return store.Document{}, s.fail(store.OpQuery, id, store.ErrNotFound, nil)
	}
	return docs, join
}

// limitsOf reads the limits that the rows of subjects are joined with.
func (s *Store) limitsOf(ctx context.Context, p *view.Plan, table string, subjects []store.Document) (map[string]store.Document, error) {
	var ids []string
	seen := map[string]bool{}
	note := func(_ context.Context, id string) (store.Document, error) {
		if !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
		return store.Document{}, store.ErrNotFound
	}
	for i, doc := range subjects {
		if n := wanted(p); n > 0 && i >= n {
			break // a subject has one row at most
		}
		if _, err := p.Rows(ctx, doc, note); err != nil && store.KindOf(err) != store.ErrUnreadable {
			return nil, err
		}
	}
	found, err := s.readMany(ctx, table, ids)
	if err != nil {
		return nil, err
	}
	limits := make(map[string]store.Document, len(found))
	for _, it := range found {
		if !it.deleted {
			doc := it.document(s.here(), 0)
			doc.Version.Lineage = ""
			limits[it.id] = doc
		}
	}
	return limits, nil
}

// readMany reads the items that there are of some ids: a point read for one,
// else a request for each range that holds any.
func (s *Store) readMany(ctx context.Context, table string, ids []string) ([]item, error) {
	var keys []string
	for _, id := range ids {
		if escaped, err := escapeID(id); err == nil { // else Cosmos DB holds no such document
			keys = append(keys, escaped)
		}
	}
	switch len(keys) {
	case 0:
		return nil, nil
	case 1:
		f, err := s.readItem(ctx, read{op: store.OpQuery, id: strings.ReplaceAll(keys[0], "|", "/"), escaped: keys[0], container: s.reader})
		switch {
		case store.KindOf(err) == store.ErrNotFound:
			return nil, nil
		case err != nil:
			return nil, err
		}
		return []item{f.item}, nil
	}
	var items []item
	err := s.overRanges(ctx, store.OpQuery, table, func(ranges []keyRange) page {
		items = items[:0]
		var mu sync.Mutex
		byRange := map[string][]string{}
		for _, k := range keys {
			id := rangeOf(ranges, hashKey(k, s.here().keyVersion)).ID
			byRange[id] = append(byRange[id], k)
		}
		var requests []pageRequest
		for id, keys := range byRange {
			for part := range slices.Chunk(keys, keysPerStatement) {
				requests = append(requests, pageRequest{op: store.OpQuery, table: table, stmt: keysStatement(part), rangeID: id})
			}
		}
		return s.each(ctx, requests, func(raw []byte) error {
			it, err := decodeItem(raw)
			if err != nil {
				return s.fail(store.OpQuery, it.id, store.ErrUnreadable, err)
			}
			mu.Lock()
			defer mu.Unlock()
			items = append(items, it)
			return nil
		})
	})
	return items, err
}

// keysPerStatement bounds the length of a statement.
const keysPerStatement = 200

// keysStatement asks one range for items by their ids.
func keysStatement(keys []string) statement {
	var stmt statement
	var b strings.Builder
	b.WriteString("SELECT * FROM root r WHERE r.id IN (")
	for i, k := range keys {
		if i > 0 {
			b.WriteByte(',')
		}
		name := "@k" + strconv.Itoa(i)
		b.WriteString(name)
		stmt.params = append(stmt.params, azcosmos.QueryParameter{Name: name, Value: k})
	}
	b.WriteByte(')')
	stmt.text = b.String()
	return stmt
}
