package entity

import (
	"log/slog"
	"slices"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/internal/rawjson"
)

// Status is whether a rule fires. It is stored in the trigger, not in the rule.
type Status string

// The states of a rule.
const (
	Active   Status = "active"
	Inactive Status = "inactive"
)

func (s Status) check() error {
	if s != Active && s != Inactive {
		return problem("", "is neither active nor inactive")
	}
	return nil
}

func decodeStatus(raw []byte) (Status, error) {
	s, err := decodeString(raw)
	if err != nil {
		return "", err
	}
	st := Status(javaTrim(s))
	return st, st.check()
}

// ReducedRule is what a trigger knows of one of its rules.
type ReducedRule struct {
	Rule   FullyQualifiedEntityName // path and name count; stored as the id
	Action FullyQualifiedEntityName
	Status Status

	rest layout
}

// Rules are the rules of a trigger, a map by the rule's id in the order of the
// stored object.
type Rules []ReducedRule

// Get returns the rule with the document id ruleID, and false when there is none.
func (rs Rules) Get(ruleID string) (ReducedRule, bool) {
	if i := rs.index(ruleID); i >= 0 {
		return rs[i], true
	}
	return ReducedRule{}, false
}

// With returns rs with rule, in the place of the one of the same id or at the
// end. rs stays as it is. Members that nobody knows stay with their rule.
func (rs Rules) With(rule ReducedRule) Rules {
	out := slices.Clone(rs)
	if i := rs.index(rule.Rule.DocID()); i >= 0 {
		if rule.rest == nil {
			rule.rest = rs[i].rest
		}
		out[i] = rule
		return out
	}
	return append(out, rule)
}

// Without returns rs without the rule of that document id. rs stays as it is.
func (rs Rules) Without(ruleID string) Rules {
	return slices.DeleteFunc(slices.Clone(rs), func(r ReducedRule) bool { return r.Rule.DocID() == ruleID })
}

func (rs Rules) index(ruleID string) int {
	return slices.IndexFunc(rs, func(r ReducedRule) bool { return r.Rule.DocID() == ruleID })
}

func decodeRules(raw []byte) (Rules, error) {
	r, err := readObject(raw)
	if err != nil {
		return nil, err
	}
	index := make(map[string]int, len(r.members))
	out := make(Rules, 0, len(r.members))
	for _, m := range r.members {
		rule, err := decodeReducedRule(m.name, m.raw)
		if err != nil {
			return nil, at("["+string(rawjson.AppendString(nil, m.name))+"]", err)
		}
		id := rule.Rule.DocID()
		if i, ok := index[id]; ok { // "guest/r" and "/guest/r" are one
			out[i] = rule
			continue
		}
		index[id] = len(out)
		out = append(out, rule)
	}
	return out, nil
}

func decodeReducedRule(name string, raw []byte) (ReducedRule, error) {
	rule, err := ParseFullyQualifiedEntityName(name)
	if err != nil {
		return ReducedRule{}, err
	}
	r, err := readObject(raw)
	if err != nil {
		return ReducedRule{}, err
	}
	out := ReducedRule{Rule: rule}
	need(r, "action", &out.Action, decodeQualified)
	need(r, "status", &out.Status, decodeStatus)
	out.rest = r.rest()
	return out, r.err
}

func encodeRules(rs Rules) ([]byte, error) {
	var all writer
	for _, x := range rs {
		var w writer
		action, err := encodeQualified(x.Action)
		w.value("action", action, err)
		w.fail("status", x.Status.check())
		w.str("status", string(x.Status))
		name := x.Rule.DocID()
		raw, err := w.object(x.rest)
		if err == nil {
			err = x.Rule.check()
		}
		if err == nil && all.has(name) {
			err = errRepeated
		}
		if err != nil {
			return nil, at("["+string(rawjson.AppendString(nil, name))+"]", err)
		}
		all.raw(name, raw)
	}
	return all.object(nil)
}

// TriggerLimits has no member that upstream knows; it writes {}.
type TriggerLimits struct{ rest layout }

func decodeTriggerLimits(raw []byte) (TriggerLimits, error) {
	r, err := readObject(raw)
	if err != nil {
		return TriggerLimits{}, err
	}
	return TriggerLimits{rest: r.rest()}, nil
}

// Trigger is a trigger, upstream's WhiskTrigger (storage.md 2.4).
type Trigger struct {
	Namespace   EntityPath
	Name        EntityName
	Parameters  Parameters
	Limits      TriggerLimits
	Version     SemVer
	Publish     bool
	Annotations Parameters
	Rules       Rules // nil is absent, which is not the same as empty
	Updated     Instant

	// Revision is the state that was read; zero for a trigger to be created.
	Revision store.Version

	rest layout
}

var _ Entity = (*Trigger)(nil)

// EntityType returns TypeTrigger.
func (*Trigger) EntityType() string { return TypeTrigger }

// DocID returns "<namespace>/<name>".
func (t *Trigger) DocID() string { return string(t.Namespace.Add(t.Name)) }

// FullyQualifiedName returns the trigger's name with its version.
func (t *Trigger) FullyQualifiedName() FullyQualifiedEntityName {
	return FullyQualifiedEntityName{Path: t.Namespace, Name: t.Name, Version: t.Version}
}

// UnmarshalDocument reads doc; see the package for errors.
func (t *Trigger) UnmarshalDocument(doc store.Document) error { return unmarshal(doc, t) }

// MarshalDocument returns the document to put, ErrInvalid when t is incomplete.
func (t *Trigger) MarshalDocument() (store.Document, error) {
	var w writer
	w.entityHead(t.Namespace, t.Name)
	w.parameters("parameters", t.Parameters)
	var limits writer
	raw, err := limits.object(t.Limits.rest)
	w.value("limits", raw, err)
	w.version(t.Version)
	w.bool("publish", t.Publish)
	w.parameters("annotations", t.Annotations)
	if t.Rules != nil {
		raw, err := encodeRules(t.Rules)
		w.value("rules", raw, err)
	}
	w.envelope(t.Updated, TypeTrigger)
	return marshal(t.DocID(), t.Revision, &w, t.rest)
}

// LogValue shows type, id and revision.
func (t *Trigger) LogValue() slog.Value { return logValue(TypeTrigger, t.DocID(), t.Revision) }

func (t *Trigger) read(r *reader) {
	need(r, "namespace", &t.Namespace, decodePath)
	need(r, "name", &t.Name, decodeName)
	need(r, "parameters", &t.Parameters, decodeParameters)
	need(r, "limits", &t.Limits, decodeTriggerLimits)
	need(r, "version", &t.Version, decodeSemVer)
	need(r, "publish", &t.Publish, decodeBool)
	need(r, "annotations", &t.Annotations, decodeParameters)
	maybe(r, "rules", &t.Rules, decodeRules)
	need(r, "updated", &t.Updated, decodeInstant)
}

func (t *Trigger) keep(rest layout, v store.Version) { t.rest, t.Revision = rest, v }
