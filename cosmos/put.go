package cosmos

import (
	"context"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/whiskstore/whiskstore/store"
)

// Put implements store.Putter: one request, for a creation over a tombstone
// three.
func (s *Store) Put(ctx context.Context, doc store.Document, opts *store.PutOptions) (store.Version, error) {
	if err := s.begin(ctx, store.OpPut, doc.ID); err != nil {
		return store.Version{}, err
	}
	var o store.PutOptions
	if opts != nil {
		o = *opts
	}
	escaped, err := escapeID(doc.ID)
	if err != nil {
		return store.Version{}, s.fail(store.OpPut, doc.ID, store.ErrInvalid, err)
	}
	raw, err := encodeItem(s.collection, escaped, doc.Body, o.ClusterID, store.WholeSeconds(o.TTL))
	if err != nil {
		return store.Version{}, s.fail(store.OpPut, doc.ID, store.ErrInvalid, err)
	}
	p := put{write{s: s, op: store.OpPut, id: doc.ID, escaped: escaped}, azcosmos.NewPartitionKeyString(escaped), raw}
	var v store.Version
	if doc.Version.Rev == "" {
		v, err = p.create(ctx)
	} else {
		v, _, err = p.replace(ctx, doc.Version.Rev)
	}
	if err == nil {
		s.metrics.docSize.Record(ctx, int64(len(raw)), s.metrics.collected)
	}
	return v, err
}

// put writes one item.
type put struct {
	write
	pk  azcosmos.PartitionKey
	raw []byte
}

// create makes the item, over a tombstone if there is one.
func (p *put) create(ctx context.Context) (store.Version, error) {
	// A tombstone may expire between the refusal and its replacement, once: a
	// second one of that age cannot be there.
	const creations = 2
	var conflict *failure
	for range creations {
		p.once = !p.s.leavesTraces()
		resp, f := p.send(ctx, "create_item", func(ctx context.Context, to *azcosmos.ContainerClient) (azcosmos.ItemResponse, error) {
			return to.CreateItem(ctx, p.pk, p.raw, options(""))
		})
		if f == nil {
			return p.version(string(resp.ETag)), nil
		}
		if f.status != http.StatusConflict && !(p.once && p.doubt) {
			return store.Version{}, p.refused(ctx, f)
		}
		conflict, p.once = f, false
		now, err := p.current(ctx)
		switch {
		case store.KindOf(err) == store.ErrNotFound:
			if p.doubt {
				// It may have been ours, and somebody deleted it since.
				return store.Version{}, p.inDoubt(err)
			}
			continue
		case err != nil && store.KindOf(err) != store.ErrUnreadable:
			return store.Version{}, p.unread(ctx, err)
		case p.doubt:
			return p.settle(now, "")
		case err != nil || !now.deleted:
			return store.Version{}, p.conflict(nil)
		}
		v, expired, err := p.replace(ctx, now.etag)
		if !expired {
			return v, err
		}
	}
	return store.Version{}, p.conflict(conflict.cause)
}

// replace updates the item if it is at rev. Absent says that it is not there at
// all, and that nothing is in doubt.
func (p *put) replace(ctx context.Context, rev string) (v store.Version, absent bool, err error) {
	resp, f := p.send(ctx, "replace_item", func(ctx context.Context, to *azcosmos.ContainerClient) (azcosmos.ItemResponse, error) {
		return to.ReplaceItem(ctx, p.pk, p.escaped, p.raw, options(rev))
	})
	switch {
	case f == nil:
		return p.version(string(resp.ETag)), false, nil
	case f.missing():
		if p.doubt {
			return v, false, p.inDoubt(f.cause)
		}
		return v, true, p.conflict(nil)
	case !preconditionFailed(f):
		return v, false, p.refused(ctx, f)
	case !p.doubt:
		return v, false, p.conflict(nil)
	}
	now, err := p.current(ctx)
	if err != nil {
		return v, false, p.unread(ctx, err)
	}
	v, err = p.settle(now, rev)
	return v, false, err
}

// settle decides about a write in doubt by what is stored: our item at another
// revision than the one that was replaced is success.
func (p *put) settle(now found, rev string) (store.Version, error) {
	if now.etag != rev && equalJSON(now.raw, p.raw) {
		v := p.version(now.etag)
		v.Order = now.order
		return v, nil
	}
	return store.Version{}, p.inDoubt(nil)
}
