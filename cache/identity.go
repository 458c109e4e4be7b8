package cache

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/entity"
)

// IdentityMaxEntries is upstream's bound (row CACHE-D15).
const IdentityMaxEntries = 100_000

var errNotUnique = errors.New("more than one identity")

// Identities finds identities by credentials and by namespace, and caches them.
// Both are derived from a subject and from the limits of the namespace, and
// leave the cache when either changes, appears or disappears (S18). Credentials
// are held as digests under a key of this process; no secret is in a key, a
// statistic or an error.
type Identities struct {
	table *Table[entity.Identity]
	query store.Querier
	view  string
	mac   *[sha256.Size]byte // a pointer, as fmt shows the address of one only
}

// NewIdentities caches over query, the subjects store, whose view table is named
// view ("subjects.v2.0.0/identities" or "subjects/identities"). The caller
// closes the result.
func NewIdentities(query store.Querier, view string, opts TableOptions) *Identities {
	def(&opts.MaxEntries, IdentityMaxEntries)
	i := &Identities{table: NewTable[entity.Identity](opts), query: query, view: view, mac: new([sha256.Size]byte)}
	rand.Read(i.mac[:]) // never fails
	return i
}

// Close ends the loads in flight and waits for them.
func (i *Identities) Close() { i.table.Close() }

// Table is what the bus tells of changes of the subjects collection.
func (i *Identities) Table() *Table[entity.Identity] { return i.table }

// ByNamespace returns the identity of a namespace, or ErrNotFound. The identity is
// the caller's.
func (i *Identities) ByNamespace(ctx context.Context, name string) (entity.Identity, error) {
	found, err := i.table.Get(ctx, "n"+name, nil, func(ctx context.Context, _ Request) (Derived[entity.Identity], error) {
		return i.load(ctx, store.Key{name})
	})
	return found.Clone(), err
}

// ByCredentials returns the identity that the key authenticates, or ErrNotFound.
// The identity is the caller's.
func (i *Identities) ByCredentials(ctx context.Context, key entity.AuthKey) (entity.Identity, error) {
	match := func(found entity.Identity) bool { return found.AuthKey.Key.Equal(key.Key) }
	found, err := i.table.Get(ctx, i.digest(key), match, func(ctx context.Context, _ Request) (Derived[entity.Identity], error) {
		return i.load(ctx, store.Key{key.UUID, key.Key.Reveal()})
	})
	return found.Clone(), err
}

// digest is the key of credentials in the table.
func (i *Identities) digest(key entity.AuthKey) string {
	h := hmac.New(sha256.New, i.mac[:])
	h.Write([]byte(key.UUID))
	h.Write([]byte{0}) // no uuid has one
	h.Write([]byte(key.Key.Reveal()))
	return string(h.Sum([]byte{'c'}))
}

// load asks the view. More than one row is upstream's error too: a namespace or
// key that is not unique authenticates nobody.
func (i *Identities) load(ctx context.Context, key store.Key) (Derived[entity.Identity], error) {
	var found Derived[entity.Identity]
	for row, err := range i.query.Query(ctx, &store.Query{Table: i.view, StartKey: key, EndKey: key, Limit: 2}) {
		if err != nil {
			return Derived[entity.Identity]{}, err
		}
		if found.Sources != nil {
			return Derived[entity.Identity]{}, &store.Error{Op: store.OpQuery, ID: i.view, Kind: store.ErrUnreadable, Err: errNotUnique}
		}
		id, err := entity.IdentityOf(row)
		if err != nil {
			return Derived[entity.Identity]{}, err
		}
		limits := Source{ID: string(id.Namespace.Name) + "/limits"}
		if row.Doc != nil {
			limits.Version = row.Doc.Version
		}
		found = Derived[entity.Identity]{Value: id, Sources: []Source{{ID: row.ID, Version: store.Version{Rev: row.Rev}}, limits}}
	}
	return found, nil
}
