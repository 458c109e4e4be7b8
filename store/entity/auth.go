package entity

import (
	"log/slog"
	"slices"

	"github.com/whiskstore/whiskstore/store"
)

// MinSubjectLength is the length of the shortest subject in characters.
const MinSubjectLength = 5

// Subject names who calls.
type Subject string

// ParseSubject trims s and checks its length.
func ParseSubject(s string) (Subject, error) {
	sub := Subject(javaTrim(s))
	return sub, sub.check()
}

func (s Subject) check() error {
	if n := utf16Len(string(s)); n < MinSubjectLength {
		return problem("", "subject of %d characters, want at least %d", n, MinSubjectLength)
	}
	return nil
}

func decodeSubject(raw []byte) (Subject, error) {
	s, err := decodeString(raw)
	if err != nil {
		return "", err
	}
	return ParseSubject(s)
}

// AuthNamespace is one namespace of a subject with its credentials, upstream's
// WhiskNamespace.
type AuthNamespace struct {
	Name EntityName
	UUID string
	Key  Secret // SecretLength characters

	rest layout
}

func decodeAuthNamespace(raw []byte) (AuthNamespace, error) {
	r, err := readObject(raw)
	if err != nil {
		return AuthNamespace{}, err
	}
	var n AuthNamespace
	need(r, "name", &n.Name, decodeName)
	need(r, "uuid", &n.UUID, decodeString)
	need(r, "key", &n.Key, decodeSecret)
	n.rest = r.rest()
	return n, r.err
}

func encodeAuthNamespace(n AuthNamespace) ([]byte, error) {
	var w writer
	w.fail("name", n.Name.check())
	w.str("name", string(n.Name))
	w.str("uuid", n.UUID)
	w.fail("key", n.Key.check())
	w.str("key", n.Key.Reveal())
	return w.object(n.rest)
}

// Auth is the document of a subject, upstream's WhiskAuth (storage.md 2.6). Its
// id is the subject.
type Auth struct {
	Subject Subject

	// Namespaces are what the subject may use, without an order. In legacy
	// documents, which hold UUID and Key instead, they are nil.
	Namespaces []AuthNamespace

	// Blocked is nil when the document does not say. Only true blocks.
	Blocked *bool

	// UUID and Key are the credentials of a legacy document, whose one namespace
	// has the name of the subject. Both are nil otherwise.
	UUID *string
	Key  *Secret

	// Revision is the state that was read; zero for a subject to be created.
	Revision store.Version

	rest layout
}

// DocID returns the subject.
func (a *Auth) DocID() string { return string(a.Subject) }

// IsBlocked reports whether the subject may do nothing.
func (a *Auth) IsBlocked() bool { return a.Blocked != nil && *a.Blocked }

// WithNamespace returns a copy of a with n, in the place of the namespace of the
// same name or at the end. Everything else stays, as do the members of the
// replaced namespace that nobody knows.
func (a *Auth) WithNamespace(n AuthNamespace) *Auth {
	b := *a
	b.Namespaces = slices.Clone(a.Namespaces)
	i := slices.IndexFunc(b.Namespaces, func(x AuthNamespace) bool { return x.Name == n.Name })
	if i < 0 {
		b.Namespaces = append(b.Namespaces, n)
		return &b
	}
	if n.rest == nil {
		n.rest = b.Namespaces[i].rest
	}
	b.Namespaces[i] = n
	return &b
}

// WithoutNamespace returns a copy of a without the namespace. Everything else
// stays, Blocked included (storage.md 8.6, M1).
func (a *Auth) WithoutNamespace(name EntityName) *Auth {
	b := *a
	b.Namespaces = slices.DeleteFunc(slices.Clone(a.Namespaces), func(x AuthNamespace) bool { return x.Name == name })
	return &b
}

// UnmarshalDocument reads doc; see the package for errors. Members of another
// type than upstream looks for in blocked, uuid and key count as unknown.
func (a *Auth) UnmarshalDocument(doc store.Document) error {
	r, err := readObject(doc.Body)
	if err != nil {
		return unreadable(doc, err)
	}
	var n Auth
	need(r, "subject", &n.Subject, decodeSubject)
	if isBool(r.peek("blocked")) {
		maybe(r, "blocked", &n.Blocked, pointer(decodeBool))
	}
	if isString(r.peek("uuid")) && isString(r.peek("key")) {
		maybe(r, "uuid", &n.UUID, pointer(decodeString))
		maybe(r, "key", &n.Key, pointer(decodeAnySecret))
	}
	if n.UUID == nil || r.peek("namespaces") != nil {
		need(r, "namespaces", &n.Namespaces, decodeArray(decodeAuthNamespace))
	}
	if r.err != nil {
		return unreadable(doc, r.err)
	}
	n.rest, n.Revision = r.rest(), doc.Version
	*a = n
	return nil
}

// MarshalDocument returns the document to put, ErrInvalid when a is incomplete.
func (a *Auth) MarshalDocument() (store.Document, error) {
	var w writer
	w.fail("subject", a.Subject.check())
	w.str("subject", string(a.Subject))
	if a.Namespaces != nil || a.UUID == nil {
		raw, err := encodeArray(a.Namespaces, encodeAuthNamespace)
		w.value("namespaces", raw, err)
	}
	if a.Blocked != nil {
		w.bool("blocked", *a.Blocked)
	}
	if (a.UUID == nil) != (a.Key == nil) {
		w.fail("uuid", problem("", "and key belong together"))
	}
	if a.UUID != nil && a.Key != nil {
		w.str("uuid", *a.UUID)
		w.str("key", a.Key.Reveal())
	}
	return marshal(a.DocID(), a.Revision, &w, a.rest)
}

// LogValue shows type, id and revision.
func (a *Auth) LogValue() slog.Value { return logValue("subject", a.DocID(), a.Revision) }
