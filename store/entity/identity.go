package entity

import (
	"log/slog"

	"github.com/whiskstore/whiskstore/store"
)

// Namespace is a namespace and the uuid that bills it.
type Namespace struct {
	Name EntityName
	UUID string
}

// AuthKey is what basic authentication presents: uuid as user, key as password.
type AuthKey struct {
	UUID string
	Key  Secret
}

// Identity is who calls, in which namespace and within which limits: one row of
// the identities view (storage.md 6.4). It is derived from two documents, the
// subject and the limits of the namespace.
type Identity struct {
	Subject   Subject
	Namespace Namespace
	AuthKey   AuthKey
	Limits    UserLimits
}

// IdentityOf reads a row of the identities view. Without a limits document the
// limits are the defaults; one that cannot be read is ErrUnreadable, where
// upstream falls back to defaults (storage.md 8.6, M2).
func IdentityOf(row store.Row) (Identity, error) {
	doc := store.Document{ID: row.ID}
	subject, err := ParseSubject(row.ID)
	if err != nil {
		return Identity{}, unreadable(doc, at("id", err))
	}
	r, err := readObject(row.Value)
	if err != nil {
		return Identity{}, unreadable(doc, at("value", err))
	}
	id := Identity{Subject: subject}
	need(r, "namespace", &id.Namespace.Name, decodeName)
	need(r, "uuid", &id.Namespace.UUID, decodeString)
	need(r, "key", &id.AuthKey.Key, decodeSecret)
	if r.err != nil {
		return Identity{}, unreadable(doc, at("value", r.err))
	}
	id.AuthKey.UUID = id.Namespace.UUID
	if row.Doc != nil {
		var n NamespaceLimits
		if err := n.UnmarshalDocument(*row.Doc); err != nil {
			return Identity{}, err
		}
		id.Limits = n.Limits
	}
	return id, nil
}

// LogValue shows subject and namespace.
func (i Identity) LogValue() slog.Value {
	return slog.GroupValue(slog.String("subject", string(i.Subject)), slog.String("namespace", string(i.Namespace.Name)))
}

// Clone returns a copy that shares nothing with i that could be modified.
func (i Identity) Clone() Identity {
	i.Limits = i.Limits.clone()
	return i
}
