package entity

import (
	"log/slog"

	"github.com/whiskstore/whiskstore/store"
)

// ActionLimits bounds the activations of an action. Upstream requires the first
// two; what is nil is absent and means the deployment's default.
type ActionLimits struct {
	Timeout     int  // milliseconds
	Memory      int  // MB
	Logs        *int // MB
	Concurrency *int // activations at a time in one container
	Instances   *int // containers

	rest layout
}

func decodeActionLimits(raw []byte) (ActionLimits, error) {
	r, err := readObject(raw)
	if err != nil {
		return ActionLimits{}, err
	}
	var l ActionLimits
	need(r, "timeout", &l.Timeout, decodeInt)
	need(r, "memory", &l.Memory, decodeSize)
	maybe(r, "logs", &l.Logs, pointer(decodeSize))
	maybe(r, "concurrency", &l.Concurrency, pointer(decodeInt))
	maybe(r, "instances", &l.Instances, pointer(decodeInt))
	l.rest = r.rest()
	return l, r.err
}

func encodeActionLimits(l ActionLimits) ([]byte, error) {
	var w writer
	w.int("timeout", int64(l.Timeout))
	w.int("memory", int64(l.Memory))
	w.optInt("logs", l.Logs)
	w.optInt("concurrency", l.Concurrency)
	w.optInt("instances", l.Instances)
	return w.object(l.rest)
}

func (w *writer) optInt(name string, v *int) {
	if v != nil {
		w.int(name, int64(*v))
	}
}

// Action is an action, upstream's WhiskAction (storage.md 2.3). Its Exec holds
// the code, or refers to the attachment that does.
type Action struct {
	Namespace   EntityPath // namespace, or namespace/package
	Name        EntityName
	Exec        Exec
	Parameters  Parameters
	Limits      ActionLimits
	Version     SemVer
	Publish     bool
	Annotations Parameters
	Updated     Instant

	// Revision is the state that was read; zero for an action to be created.
	Revision store.Version

	rest layout
}

var _ Entity = (*Action)(nil)

// EntityType returns TypeAction.
func (*Action) EntityType() string { return TypeAction }

// DocID returns "<namespace>/<name>".
func (a *Action) DocID() string { return string(a.Namespace.Add(a.Name)) }

// FullyQualifiedName returns the action's name with its version.
func (a *Action) FullyQualifiedName() FullyQualifiedEntityName {
	return FullyQualifiedEntityName{Path: a.Namespace, Name: a.Name, Version: a.Version}
}

// Clone returns a copy that shares nothing with a that could be modified.
func (a *Action) Clone() *Action {
	b := *a
	b.Exec = a.Exec.clone()
	b.Parameters, b.Annotations = a.Parameters.clone(), a.Annotations.clone()
	b.Limits.Logs, b.Limits.Concurrency, b.Limits.Instances = clone(a.Limits.Logs), clone(a.Limits.Concurrency), clone(a.Limits.Instances)
	return &b
}

// clone copies what a pointer points to; members that nobody knows are never
// modified and stay shared.
func clone[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// Locked returns a copy of a whose parameters are encrypted.
func (a *Action) Locked(e *ParameterEncryption) (*Action, error) {
	p, err := lock(e, a.DocID(), a.Parameters)
	b := *a
	b.Parameters = p
	return &b, err
}

// Unlocked returns a copy of a whose parameters are decrypted where e has the key.
func (a *Action) Unlocked(e *ParameterEncryption) (*Action, error) {
	p, err := unlock(e, a.DocID(), a.Parameters)
	b := *a
	b.Parameters = p
	return &b, err
}

// UnmarshalDocument reads doc; see the package for errors.
func (a *Action) UnmarshalDocument(doc store.Document) error { return unmarshal(doc, a) }

// MarshalDocument returns the document to put, ErrInvalid when a is incomplete.
func (a *Action) MarshalDocument() (store.Document, error) {
	var w writer
	w.entityHead(a.Namespace, a.Name)
	exec, err := encodeExec(a.Exec)
	w.value("exec", exec, err)
	w.parameters("parameters", a.Parameters)
	limits, err := encodeActionLimits(a.Limits)
	w.value("limits", limits, err)
	w.version(a.Version)
	w.bool("publish", a.Publish)
	w.parameters("annotations", a.Annotations)
	w.envelope(a.Updated, TypeAction)
	return marshal(a.DocID(), a.Revision, &w, a.rest)
}

// LogValue shows type, id and revision.
func (a *Action) LogValue() slog.Value { return logValue(TypeAction, a.DocID(), a.Revision) }

func (a *Action) read(r *reader) {
	need(r, "namespace", &a.Namespace, decodePath)
	need(r, "name", &a.Name, decodeName)
	need(r, "exec", &a.Exec, decodeExec)
	need(r, "parameters", &a.Parameters, decodeParameters)
	need(r, "limits", &a.Limits, decodeActionLimits)
	need(r, "version", &a.Version, decodeSemVer)
	need(r, "publish", &a.Publish, decodeBool)
	need(r, "annotations", &a.Annotations, decodeParameters)
	need(r, "updated", &a.Updated, decodeInstant)
}

func (a *Action) keep(rest layout, v store.Version) { a.rest, a.Revision = rest, v }

// ActionMetaData is an action without its code, upstream's WhiskActionMetaData:
// the same document, of which the code is not even decoded. It is read only.
type ActionMetaData struct {
	Namespace   EntityPath
	Name        EntityName
	Exec        Exec // Code is nil; Binary is as stored
	Parameters  Parameters
	Limits      ActionLimits
	Version     SemVer
	Publish     bool
	Annotations Parameters
	Updated     Instant
	Revision    store.Version
}

// EntityType returns TypeAction.
func (*ActionMetaData) EntityType() string { return TypeAction }

// DocID returns "<namespace>/<name>".
func (a *ActionMetaData) DocID() string { return string(a.Namespace.Add(a.Name)) }

// FullyQualifiedName returns the action's name with its version.
func (a *ActionMetaData) FullyQualifiedName() FullyQualifiedEntityName {
	return FullyQualifiedEntityName{Path: a.Namespace, Name: a.Name, Version: a.Version}
}

// UnmarshalDocument reads doc. Unlike an Action it must hold the boolean
// exec.binary, unless it is a sequence.
func (a *ActionMetaData) UnmarshalDocument(doc store.Document) error { return unmarshal(doc, a) }

// LogValue shows type, id and revision.
func (a *ActionMetaData) LogValue() slog.Value { return logValue(TypeAction, a.DocID(), a.Revision) }

func (a *ActionMetaData) read(r *reader) {
	need(r, "namespace", &a.Namespace, decodePath)
	need(r, "name", &a.Name, decodeName)
	need(r, "exec", &a.Exec, decodeExecMetaData)
	need(r, "parameters", &a.Parameters, decodeParameters)
	need(r, "limits", &a.Limits, decodeActionLimits)
	need(r, "version", &a.Version, decodeSemVer)
	need(r, "publish", &a.Publish, decodeBool)
	need(r, "annotations", &a.Annotations, decodeParameters)
	need(r, "updated", &a.Updated, decodeInstant)
}

func (a *ActionMetaData) keep(_ layout, v store.Version) { a.Revision = v }

func decodeExecMetaData(raw []byte) (Exec, error) {
	r, err := readObject(raw)
	if err != nil {
		return Exec{}, err
	}
	var e Exec
	need(r, "kind", &e.Kind, decodeKind)
	if r.err != nil {
		return e, r.err
	}
	if e.Kind == KindSequence {
		need(r, "components", &e.Components, decodeArray(decodeQualified))
		return e, r.err
	}
	if e.Kind == KindBlackBox {
		need(r, "image", &e.Image, decodeString)
	}
	need(r, "binary", &e.Binary, decodeBool)
	e.readMain(r)
	return e, r.err
}
