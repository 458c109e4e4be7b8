package entity

import (
	"errors"
	"log/slog"

	"github.com/whiskstore/whiskstore/store"
)

// The values of the member entityType.
const (
	TypeAction     = "action"
	TypePackage    = "package"
	TypeRule       = "rule"
	TypeTrigger    = "trigger"
	TypeActivation = "activation"
)

// Entity is a document of the whisks or activations collection: *Action,
// *Package, *Rule, *Trigger or *Activation, and nothing else.
type Entity interface {
	store.DocumentUnmarshaler
	store.DocumentMarshaler

	// EntityType returns the value of the member entityType.
	EntityType() string

	// DocID returns the document id that the entity's names make.
	DocID() string

	readable
}

// readable is what the decoding of a type needs of it.
type readable interface {
	EntityType() string
	read(r *reader)
	keep(rest layout, v store.Version)
}

// fresh holds the entity types in the order in which upstream tries them on a
// document that does not say its type: the most specific first, since a trigger
// can pass for a package (storage.md 1.5).
var fresh = []func() Entity{
	func() Entity { return &Action{} },
	func() Entity { return &Activation{} },
	func() Entity { return &Rule{} },
	func() Entity { return &Trigger{} },
	func() Entity { return &Package{} },
}

// Decode reads a document of the whisks or activations collection as what its
// entityType says. Without one (or with one that is not a string) it is the first
// of action, activation, rule, trigger and package that fits; the order matters,
// as a trigger fits as a package too when it has a member binding.
func Decode(doc store.Document) (Entity, error) {
	r, err := readObject(doc.Body)
	if err != nil {
		return nil, unreadable(doc, err)
	}
	stored, typed := r.entityType()
	for _, f := range fresh {
		e := f()
		if typed && e.EntityType() != stored {
			continue
		}
		r.forget()
		e.read(r)
		if r.err == nil {
			e.keep(r.rest(), doc.Version)
			return e, nil
		}
		if typed {
			return nil, unreadable(doc, r.err)
		}
	}
	if typed {
		return nil, unreadable(doc, problem("entityType", "%q is not known", stored))
	}
	return nil, unreadable(doc, errors.New("fits no entity type"))
}

// unmarshal reads doc into v, which stays as it is when that fails. A stored
// entityType that is not v's, or a document without one that only another type
// fits, is a type mismatch.
func unmarshal[T any, P interface {
	*T
	readable
}](doc store.Document, v P) error {
	r, err := readObject(doc.Body)
	if err != nil {
		return unreadable(doc, err)
	}
	var n T
	e := P(&n)
	stored, typed := r.entityType()
	if typed && stored != e.EntityType() {
		return mismatch(doc, stored, e.EntityType())
	}
	e.read(r)
	if r.err != nil {
		cause := r.err
		if !typed {
			if fits := r.fits(); fits != "" && fits != e.EntityType() {
				return mismatch(doc, fits, e.EntityType())
			}
		}
		return unreadable(doc, cause)
	}
	e.keep(r.rest(), doc.Version)
	*v = n
	return nil
}

// entityType returns the stored type and whether it is a string.
func (r *reader) entityType() (string, bool) {
	raw := r.peek("entityType")
	if !isString(raw) {
		return "", false
	}
	s, err := decodeString(raw)
	return s, err == nil
}

// fits returns the entity type that the members fit, empty when none.
func (r *reader) fits() string {
	for _, f := range fresh {
		e := f()
		r.forget()
		if e.read(r); r.err == nil {
			return e.EntityType()
		}
	}
	return ""
}

// marshal finishes what MarshalDocument started.
func marshal(id string, v store.Version, w *writer, rest layout) (store.Document, error) {
	body, err := w.object(rest)
	if err != nil {
		return store.Document{}, invalid(id, err)
	}
	return store.Document{ID: id, Version: v, Body: body}, nil
}

func unreadable(doc store.Document, err error) error {
	return &store.Error{Op: "decode", ID: doc.ID, Kind: store.ErrUnreadable, Err: err}
}

func mismatch(doc store.Document, got, want string) error {
	return &store.Error{Op: "decode", ID: doc.ID, Kind: store.ErrTypeMismatch,
		Err: problem("", "document type %q, want %q", got, want)}
}

func invalid(id string, err error) error {
	return &store.Error{Op: "encode", ID: id, Kind: store.ErrInvalid, Err: err}
}

// logValue shows which document it is and nothing of its content: parameters,
// annotations, results and keys may be secrets.
func logValue(kind, id string, v store.Version) slog.Value {
	return slog.GroupValue(slog.String("type", kind), slog.String("id", id), slog.String("rev", v.Rev))
}

// entityHead writes the members that every entity starts with.
func (w *writer) entityHead(namespace EntityPath, name EntityName) {
	w.fail("namespace", namespace.check())
	w.str("namespace", string(namespace))
	w.fail("name", name.check())
	w.str("name", string(name))
}

func (w *writer) version(v SemVer) {
	w.fail("version", v.check())
	w.str("version", v.orDefault().String())
}

func (w *writer) parameters(name string, p Parameters) {
	raw, err := encodeParameters(p)
	w.value(name, raw, err)
}

// envelope writes the members that every entity ends with.
func (w *writer) envelope(updated Instant, kind string) {
	w.int("updated", int64(updated))
	w.str("entityType", kind)
}

// lock and unlock serve the entities whose parameters are locked.
func lock(e *ParameterEncryption, id string, p Parameters) (Parameters, error) {
	out, err := e.Lock(p)
	if err != nil {
		return nil, invalid(id, at("parameters", err))
	}
	return out, nil
}

func unlock(e *ParameterEncryption, id string, p Parameters) (Parameters, error) {
	out, err := e.Unlock(p)
	if err != nil {
		return nil, unreadable(store.Document{ID: id}, at("parameters", err))
	}
	return out, nil
}
