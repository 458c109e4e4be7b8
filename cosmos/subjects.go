package cosmos

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"time"

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
	var list []azcosmos.ItemIdentity
	for _, id := range ids {
		escaped, err := escapeID(id)
		if err != nil {
			continue // Cosmos DB holds no such document
		}
		list = append(list, azcosmos.ItemIdentity{ID: escaped, PartitionKey: azcosmos.NewPartitionKeyString(escaped)})
	}
	switch len(list) {
	case 0:
		return nil, nil
	case 1:
		f, err := s.readItem(ctx, read{op: store.OpQuery, id: ids[0], escaped: list[0].ID, container: s.reader})
		switch {
		case store.KindOf(err) == store.ErrNotFound:
			return nil, nil
		case err != nil:
			return nil, err
		}
		return []item{f.item}, nil
	}
	var pause *pauses
	parallel := int32(maxParallel)
	for {
		o := &azcosmos.ReadManyItemsOptions{MaxConcurrency: &parallel}
		o.ConsistencyLevel, o.SessionToken = s.freshness(nil, false)
		began := time.Now()
		resp, err := s.reader.ReadManyItems(ctx, list, o)
		f := s.observe(ctx, store.OpQuery, "read_many_items", began, azcosmos.Response{}, err)
		if f == nil {
			s.metrics.charged(ctx, store.OpQuery, float64(resp.RequestCharge))
			items := make([]item, 0, len(resp.Items))
			for _, raw := range resp.Items {
				it, err := decodeItem(raw)
				if err != nil {
					return nil, s.fail(store.OpQuery, it.id, store.ErrUnreadable, err)
				}
				items = append(items, it)
			}
			return items, nil
		}
		if !f.sessionUnavailable() {
			return nil, s.translate(ctx, store.OpQuery, table, err)
		}
		if pause == nil {
			pause = newPauses(s.patience())
			if err := s.relocate(ctx); err != nil {
				return nil, err
			}
		}
		if !pause.next(ctx) {
			return nil, s.translate(ctx, store.OpQuery, table, err)
		}
	}
}
