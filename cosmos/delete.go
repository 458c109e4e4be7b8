package cosmos

import (
	"context"
	"crypto/rand"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/whiskstore/whiskstore/store"
)

// deleteMark is a member of tombstones that is different for each deletion.
const deleteMark = "_deleteId"

// live is the condition that keeps a tombstone from being deleted again. azcosmos
// puts it between quotes as it is.
const live = "from c where not is_defined(c._deleted) or c._deleted = false"

// Delete implements store.Deleter: one request on success. Upstream reads the
// document and replaces it whole to make a tombstone; here one PATCH sets the
// three members, under the same precondition (rows COS-D1, COS-D3).
func (s *Store) Delete(ctx context.Context, id, rev string, opts *store.DeleteOptions) (store.Version, error) {
	if err := s.begin(ctx, store.OpDelete, id); err != nil {
		return store.Version{}, err
	}
	var o store.DeleteOptions
	if opts != nil {
		o = *opts
	}
	escaped, err := escapeID(id)
	if err != nil {
		return store.Version{}, s.fail(store.OpDelete, id, store.ErrInvalid, err)
	}
	w := &write{s: s, op: store.OpDelete, id: id, escaped: escaped}
	pk := azcosmos.NewPartitionKeyString(escaped)
	if o.Tombstone > 0 {
		return w.bury(ctx, pk, rev, o)
	}
	return store.Version{}, w.remove(ctx, pk, rev)
}

// bury leaves a tombstone.
func (w *write) bury(ctx context.Context, pk azcosmos.PartitionKey, rev string, o store.DeleteOptions) (store.Version, error) {
	ttl := store.WholeSeconds(o.Tombstone)
	var ops azcosmos.PatchOperations
	ops.AppendSet("/_deleted", true)
	ops.AppendSet("/ttl", ttl)
	// Without a cluster id that of the state before must not stay, and removing a
	// member that is not there is refused: readers take "" for none.
	ops.AppendSet("/_clusterId", o.ClusterID)
	// Two deletions of one revision leave equal tombstones. The mark tells whose it
	// is when an answer was lost; Scala strips it like all members of the kind.
	mark := rand.Text()
	ops.AppendSet("/"+deleteMark, mark)
	ops.SetCondition(live)
	resp, f := w.send(ctx, "patch_item", func(ctx context.Context, to *azcosmos.ContainerClient) (azcosmos.ItemResponse, error) {
		return to.PatchItem(ctx, pk, w.escaped, ops, options(rev))
	})
	switch {
	case f == nil:
		return w.version(string(resp.ETag)), nil
	case f.missing():
		return store.Version{}, w.gone(f)
	case !preconditionFailed(f):
		return store.Version{}, w.refused(ctx, f)
	}
	now, err := w.current(ctx)
	switch {
	case store.KindOf(err) == store.ErrNotFound:
		return store.Version{}, w.gone(f)
	case err != nil:
		return store.Version{}, w.unread(ctx, err)
	case !w.doubt && now.deleted:
		return store.Version{}, w.s.fail(w.op, w.id, store.ErrNotFound, nil)
	case !w.doubt:
		return store.Version{}, w.conflict(nil)
	case now.deleted && now.mark == mark:
		v := w.version(now.etag)
		v.Order = now.order
		return v, nil
	}
	return store.Version{}, w.inDoubt(nil)
}

// gone is the error for a tombstone that was to be made of nothing. In doubt, it
// may have been made and expired.
func (w *write) gone(f *failure) error {
	if w.doubt {
		return w.inDoubt(f.cause)
	}
	return w.s.fail(w.op, w.id, store.ErrNotFound, nil)
}

// remove deletes the item physically.
func (w *write) remove(ctx context.Context, pk azcosmos.PartitionKey, rev string) error {
	_, f := w.send(ctx, "delete_item", func(ctx context.Context, to *azcosmos.ContainerClient) (azcosmos.ItemResponse, error) {
		return to.DeleteItem(ctx, pk, w.escaped, options(rev))
	})
	switch {
	case f == nil:
		return nil
	case f.missing() && w.doubt:
		return nil // it is gone, whoever removed it
	case f.missing():
		return w.s.fail(w.op, w.id, store.ErrNotFound, nil)
	case !preconditionFailed(f):
		return w.refused(ctx, f)
	}
	now, err := w.current(ctx)
	switch {
	case store.KindOf(err) == store.ErrNotFound && w.doubt:
		return nil
	case store.KindOf(err) == store.ErrNotFound:
		return w.s.fail(w.op, w.id, store.ErrNotFound, nil)
	case err != nil:
		return w.unread(ctx, err)
	case w.doubt:
		return w.inDoubt(nil)
	case now.deleted:
		return w.s.fail(w.op, w.id, store.ErrNotFound, nil)
	}
	return w.conflict(nil)
}
