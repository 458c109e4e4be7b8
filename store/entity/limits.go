package entity

import (
	"errors"
	"log/slog"
	"slices"
	"strings"

	"github.com/whiskstore/whiskstore/store"
)

// UserLimits are the limits of one namespace. What is nil is absent and means
// the deployment's default.
type UserLimits struct {
	InvocationsPerMinute  *int
	ConcurrentInvocations *int
	FiresPerMinute        *int

	AllowedKinds     []string // a set; nil is absent, empty allows none
	StoreActivations *bool

	MinActionMemory, MaxActionMemory           *int // MB
	MinActionLogs, MaxActionLogs               *int // MB
	MinActionTimeout, MaxActionTimeout         *int // milliseconds
	MinActionConcurrency, MaxActionConcurrency *int

	MaxParameterSize, MaxPayloadSize, TruncationSize *ByteSize

	WarmedContainerKeepingCount   *int
	WarmedContainerKeepingTimeout *string // a duration such as "24 hours"

	MaxActionInstances *int

	rest layout
}

// limitsSuffix ends the id of every limits document.
const limitsSuffix = "/limits"

// LimitsID returns the id of the limits document of a namespace,
// "<namespace>/limits".
func LimitsID(namespace EntityName) string { return string(namespace) + limitsSuffix }

// IsLimitsID reports whether id is that of a limits document.
func IsLimitsID(id string) bool { return strings.HasSuffix(id, limitsSuffix) }

// NamespaceLimits is the limits document of a namespace in the subjects
// collection (storage.md 2.6). The namespace stands in its id only.
type NamespaceLimits struct {
	Namespace EntityName
	Limits    UserLimits

	// Revision is the state that was read; zero for limits to be created.
	Revision store.Version
}

// DocID returns "<namespace>/limits".
func (n *NamespaceLimits) DocID() string { return LimitsID(n.Namespace) }

// UnmarshalDocument reads doc; see the package for errors. Limits that cannot be
// read are never taken for defaults (storage.md 8.6, M2).
func (n *NamespaceLimits) UnmarshalDocument(doc store.Document) error {
	ns, ok := strings.CutSuffix(doc.ID, limitsSuffix)
	if !ok {
		return unreadable(doc, errors.New("id does not end with "+limitsSuffix))
	}
	name, err := ParseEntityName(ns)
	if err != nil {
		return unreadable(doc, at("_id", err))
	}
	r, err := readObject(doc.Body)
	if err != nil {
		return unreadable(doc, err)
	}
	var l UserLimits
	l.read(r)
	if r.err != nil {
		return unreadable(doc, r.err)
	}
	l.rest = r.rest()
	*n = NamespaceLimits{Namespace: name, Limits: l, Revision: doc.Version}
	return nil
}

// MarshalDocument returns the document to put, ErrInvalid when n is incomplete.
func (n *NamespaceLimits) MarshalDocument() (store.Document, error) {
	var w writer
	w.fail("_id", n.Namespace.check())
	n.Limits.write(&w)
	return marshal(n.DocID(), n.Revision, &w, n.Limits.rest)
}

// LogValue shows type, id and revision.
func (n *NamespaceLimits) LogValue() slog.Value { return logValue("limits", n.DocID(), n.Revision) }

func (l UserLimits) clone() UserLimits {
	l.AllowedKinds, l.StoreActivations = slices.Clone(l.AllowedKinds), clone(l.StoreActivations)
	for _, n := range [...]**int{
		&l.InvocationsPerMinute, &l.ConcurrentInvocations, &l.FiresPerMinute,
		&l.MinActionMemory, &l.MaxActionMemory, &l.MinActionLogs, &l.MaxActionLogs,
		&l.MinActionTimeout, &l.MaxActionTimeout, &l.MinActionConcurrency, &l.MaxActionConcurrency,
		&l.WarmedContainerKeepingCount, &l.MaxActionInstances,
	} {
		*n = clone(*n)
	}
	for _, n := range [...]**ByteSize{&l.MaxParameterSize, &l.MaxPayloadSize, &l.TruncationSize} {
		*n = clone(*n)
	}
	l.WarmedContainerKeepingTimeout = clone(l.WarmedContainerKeepingTimeout)
	return l
}

func (l *UserLimits) read(r *reader) {
	maybe(r, "invocationsPerMinute", &l.InvocationsPerMinute, pointer(decodeInt))
	maybe(r, "concurrentInvocations", &l.ConcurrentInvocations, pointer(decodeInt))
	maybe(r, "firesPerMinute", &l.FiresPerMinute, pointer(decodeInt))
	maybe(r, "allowedKinds", &l.AllowedKinds, decodeArray(decodeString))
	maybe(r, "storeActivations", &l.StoreActivations, pointer(decodeBool))
	maybe(r, "minActionMemory", &l.MinActionMemory, pointer(decodeSize))
	maybe(r, "maxActionMemory", &l.MaxActionMemory, pointer(decodeSize))
	maybe(r, "minActionLogs", &l.MinActionLogs, pointer(decodeSize))
	maybe(r, "maxActionLogs", &l.MaxActionLogs, pointer(decodeSize))
	maybe(r, "minActionTimeout", &l.MinActionTimeout, pointer(decodeInt))
	maybe(r, "maxActionTimeout", &l.MaxActionTimeout, pointer(decodeInt))
	maybe(r, "minActionConcurrency", &l.MinActionConcurrency, pointer(decodeInt))
	maybe(r, "maxActionConcurrency", &l.MaxActionConcurrency, pointer(decodeInt))
	maybe(r, "maxParameterSize", &l.MaxParameterSize, pointer(decodeByteSize))
	maybe(r, "maxPayloadSize", &l.MaxPayloadSize, pointer(decodeByteSize))
	maybe(r, "truncationSize", &l.TruncationSize, pointer(decodeByteSize))
	maybe(r, "warmedContainerKeepingCount", &l.WarmedContainerKeepingCount, pointer(decodeInt))
	maybe(r, "warmedContainerKeepingTimeout", &l.WarmedContainerKeepingTimeout, pointer(decodeString))
	maybe(r, "maxActionInstances", &l.MaxActionInstances, pointer(decodeInt))
}

func (l *UserLimits) write(w *writer) {
	w.optInt("invocationsPerMinute", l.InvocationsPerMinute)
	w.optInt("concurrentInvocations", l.ConcurrentInvocations)
	w.optInt("firesPerMinute", l.FiresPerMinute)
	if l.AllowedKinds != nil {
		raw, err := encodeArray(l.AllowedKinds, encodeString)
		w.value("allowedKinds", raw, err)
	}
	if l.StoreActivations != nil {
		w.bool("storeActivations", *l.StoreActivations)
	}
	w.optInt("minActionMemory", l.MinActionMemory)
	w.optInt("maxActionMemory", l.MaxActionMemory)
	w.optInt("minActionLogs", l.MinActionLogs)
	w.optInt("maxActionLogs", l.MaxActionLogs)
	w.optInt("minActionTimeout", l.MinActionTimeout)
	w.optInt("maxActionTimeout", l.MaxActionTimeout)
	w.optInt("minActionConcurrency", l.MinActionConcurrency)
	w.optInt("maxActionConcurrency", l.MaxActionConcurrency)
	w.optSize("maxParameterSize", l.MaxParameterSize)
	w.optSize("maxPayloadSize", l.MaxPayloadSize)
	w.optSize("truncationSize", l.TruncationSize)
	w.optInt("warmedContainerKeepingCount", l.WarmedContainerKeepingCount)
	if l.WarmedContainerKeepingTimeout != nil {
		w.str("warmedContainerKeepingTimeout", *l.WarmedContainerKeepingTimeout)
	}
	w.optInt("maxActionInstances", l.MaxActionInstances)
}

func (w *writer) optSize(name string, v *ByteSize) {
	if v != nil {
		w.fail(name, v.check())
		w.str(name, v.String())
	}
}
