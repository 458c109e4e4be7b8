package entity

import (
	"log/slog"

	"github.com/whiskstore/whiskstore/store"
)

// Binding refers to the package that a binding binds.
type Binding struct {
	Namespace EntityName
	Name      EntityName

	rest layout
}

// DocID returns the id of the package that is bound.
func (b Binding) DocID() string { return string(b.Namespace.Path().Add(b.Name)) }

// Resolve replaces the default namespace by namespace.
func (b Binding) Resolve(namespace EntityName) Binding {
	if b.Namespace.Path() == DefaultNamespace {
		b.Namespace = namespace
	}
	return b
}

// decodeBinding reads {} as none.
func decodeBinding(raw []byte) (*Binding, error) {
	r, err := readObject(raw)
	if err != nil || len(r.members) == 0 {
		return nil, err
	}
	b := &Binding{}
	need(r, "namespace", &b.Namespace, decodeName)
	need(r, "name", &b.Name, decodeName)
	b.rest = r.rest()
	return b, r.err
}

func encodeBinding(b *Binding) ([]byte, error) {
	var w writer
	if b == nil {
		return w.object(nil)
	}
	w.entityHead(b.Namespace.Path(), b.Name)
	w.fail("namespace", b.Namespace.check())
	return w.object(b.rest)
}

// Package is a package, or a binding to one when Binding is set; upstream's
// WhiskPackage (storage.md 2.4). The stored member binding is always present,
// {} when there is none.
type Package struct {
	Namespace   EntityPath
	Name        EntityName
	Binding     *Binding
	Parameters  Parameters
	Version     SemVer
	Publish     bool
	Annotations Parameters
	Updated     Instant

	// Revision is the state that was read; zero for a package to be created.
	Revision store.Version

	rest layout
}

var _ Entity = (*Package)(nil)

// EntityType returns TypePackage.
func (*Package) EntityType() string { return TypePackage }

// DocID returns "<namespace>/<name>".
func (p *Package) DocID() string { return string(p.Namespace.Add(p.Name)) }

// FullyQualifiedName returns the package's name with its version.
func (p *Package) FullyQualifiedName() FullyQualifiedEntityName {
	return FullyQualifiedEntityName{Path: p.Namespace, Name: p.Name, Version: p.Version}
}

// Locked returns a copy of p whose parameters are encrypted.
func (p *Package) Locked(e *ParameterEncryption) (*Package, error) {
	ps, err := lock(e, p.DocID(), p.Parameters)
	q := *p
	q.Parameters = ps
	return &q, err
}

// Unlocked returns a copy of p whose parameters are decrypted where e has the key.
func (p *Package) Unlocked(e *ParameterEncryption) (*Package, error) {
	ps, err := unlock(e, p.DocID(), p.Parameters)
	q := *p
	q.Parameters = ps
	return &q, err
}

// UnmarshalDocument reads doc; see the package for errors.
func (p *Package) UnmarshalDocument(doc store.Document) error { return unmarshal(doc, p) }

// MarshalDocument returns the document to put, ErrInvalid when p is incomplete.
func (p *Package) MarshalDocument() (store.Document, error) {
	var w writer
	w.entityHead(p.Namespace, p.Name)
	binding, err := encodeBinding(p.Binding)
	w.value("binding", binding, err)
	w.parameters("parameters", p.Parameters)
	w.version(p.Version)
	w.bool("publish", p.Publish)
	w.parameters("annotations", p.Annotations)
	w.envelope(p.Updated, TypePackage)
	return marshal(p.DocID(), p.Revision, &w, p.rest)
}

// LogValue shows type, id and revision.
func (p *Package) LogValue() slog.Value { return logValue(TypePackage, p.DocID(), p.Revision) }

func (p *Package) read(r *reader) {
	need(r, "namespace", &p.Namespace, decodePath)
	need(r, "name", &p.Name, decodeName)
	need(r, "binding", &p.Binding, decodeBinding)
	need(r, "parameters", &p.Parameters, decodeParameters)
	need(r, "version", &p.Version, decodeSemVer)
	need(r, "publish", &p.Publish, decodeBool)
	need(r, "annotations", &p.Annotations, decodeParameters)
	need(r, "updated", &p.Updated, decodeInstant)
}

func (p *Package) keep(rest layout, v store.Version) { p.rest, p.Revision = rest, v }
