package entity

import (
	"log/slog"

	"github.com/whiskstore/whiskstore/store"
)

// Rule ties a trigger to an action, upstream's WhiskRule (storage.md 2.4). Its
// status lives in the trigger. Trigger and Action are read as objects, as
// "<path>/<name>" strings and as legacy names relative to the rule's namespace,
// and written as objects.
type Rule struct {
	Namespace   EntityPath
	Name        EntityName
	Trigger     FullyQualifiedEntityName
	Action      FullyQualifiedEntityName
	Version     SemVer
	Publish     bool
	Annotations Parameters
	Updated     Instant

	// Revision is the state that was read; zero for a rule to be created.
	Revision store.Version

	rest layout
}

var _ Entity = (*Rule)(nil)

// EntityType returns TypeRule.
func (*Rule) EntityType() string { return TypeRule }

// DocID returns "<namespace>/<name>".
func (u *Rule) DocID() string { return string(u.Namespace.Add(u.Name)) }

// FullyQualifiedName returns the rule's name with its version.
func (u *Rule) FullyQualifiedName() FullyQualifiedEntityName {
	return FullyQualifiedEntityName{Path: u.Namespace, Name: u.Name, Version: u.Version}
}

// UnmarshalDocument reads doc; see the package for errors.
func (u *Rule) UnmarshalDocument(doc store.Document) error { return unmarshal(doc, u) }

// MarshalDocument returns the document to put, ErrInvalid when u is incomplete.
func (u *Rule) MarshalDocument() (store.Document, error) {
	var w writer
	w.entityHead(u.Namespace, u.Name)
	trigger, err := encodeQualified(u.Trigger)
	w.value("trigger", trigger, err)
	action, err := encodeQualified(u.Action)
	w.value("action", action, err)
	w.version(u.Version)
	w.bool("publish", u.Publish)
	w.parameters("annotations", u.Annotations)
	w.envelope(u.Updated, TypeRule)
	return marshal(u.DocID(), u.Revision, &w, u.rest)
}

// LogValue shows type, id and revision.
func (u *Rule) LogValue() slog.Value { return logValue(TypeRule, u.DocID(), u.Revision) }

func (u *Rule) read(r *reader) {
	need(r, "namespace", &u.Namespace, decodePath)
	need(r, "name", &u.Name, decodeName)
	need(r, "trigger", &u.Trigger, u.decodeReference)
	need(r, "action", &u.Action, u.decodeReference)
	need(r, "version", &u.Version, decodeSemVer)
	need(r, "publish", &u.Publish, decodeBool)
	need(r, "annotations", &u.Annotations, decodeParameters)
	need(r, "updated", &u.Updated, decodeInstant)
}

// decodeReference also reads the legacy spelling, a bare name in the namespace
// of the rule.
func (u *Rule) decodeReference(raw []byte) (FullyQualifiedEntityName, error) {
	if isString(raw) {
		if name, err := decodeName(raw); err == nil {
			return FullyQualifiedEntityName{Path: u.Namespace, Name: name}, nil
		}
	}
	return decodeQualified(raw)
}

func (u *Rule) keep(rest layout, v store.Version) { u.rest, u.Revision = rest, v }
