package entity

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"

	"github.com/whiskstore/whiskstore/store/internal/rawjson"
)

// member is one member of a JSON object.
type member struct {
	name string
	raw  []byte
	// known is set once a typed field has taken the member.
	known bool
}

// layout remembers the object that a value was read from: the order of its
// members, and the text of those that no typed field took. A known member keeps
// its place only. The nil layout belongs to values that were never read.
//
// It is a slice so that the structs that hold one cannot be compared with ==,
// which would see differences that no caller means.
type layout []member

// reader takes the members of one JSON object, keeping the first problem.
type reader struct {
	members []member
	err     error
}

// mapFrom is the number of members from which finding a repeated name by
// scanning costs more than a map.
const mapFrom = 16

// readObject splits raw into members. Of a repeated name the last value counts,
// at the place of the first, as in upstream's maps.
func readObject(raw []byte) (*reader, error) {
	r := &reader{members: make([]member, 0, 4)}
	var index map[string]int
	err := rawjson.Object(raw, func(name, value []byte) error {
		n := string(rawjson.Name(name))
		if index == nil && len(r.members) == mapFrom {
			index = make(map[string]int, 2*mapFrom)
			for i := range r.members {
				index[r.members[i].name] = i
			}
		}
		i, seen := index[n]
		if index == nil {
			i = r.find(n)
			seen = i >= 0
		}
		if seen {
			r.members[i].raw = value
			return nil
		}
		if index != nil {
			index[n] = len(r.members)
		}
		r.members = append(r.members, member{name: n, raw: value})
		return nil
	})
	if errors.Is(err, rawjson.ErrNotObject) {
		return nil, wrongType(raw, "an object")
	}
	if err != nil {
		return nil, problem("", err.Error())
	}
	return r, nil
}

func (r *reader) find(name string) int {
	return slices.IndexFunc(r.members, func(m member) bool { return m.name == name })
}

// peek returns a member's raw value without taking it, nil when there is none.
func (r *reader) peek(name string) []byte {
	if i := r.find(name); i >= 0 {
		return r.members[i].raw
	}
	return nil
}

// take returns a member's raw value and marks it as known, nil when there is none.
func (r *reader) take(name string) []byte {
	if i := r.find(name); i >= 0 {
		r.members[i].known = true
		return r.members[i].raw
	}
	return nil
}

// forget makes every member unknown again, for another type to try.
func (r *reader) forget() {
	r.err = nil
	for i := range r.members {
		r.members[i].known = false
	}
}

// fail keeps the first problem; a nil err is none.
func (r *reader) fail(name string, err error) {
	if err != nil && r.err == nil {
		r.err = at(name, err)
	}
}

// need reads a mandatory member into dst.
func need[T any](r *reader, name string, dst *T, decode func([]byte) (T, error)) {
	raw := r.take(name)
	if raw == nil {
		r.fail(name, problem("", "is missing"))
		return
	}
	v, err := decode(raw)
	r.fail(name, err)
	*dst = v
}

// maybe reads an optional member into dst, which stays as it is when the member
// is absent or null.
func maybe[T any](r *reader, name string, dst *T, decode func([]byte) (T, error)) {
	if raw := r.take(name); raw != nil && !isNull(raw) {
		v, err := decode(raw)
		r.fail(name, err)
		*dst = v
	}
}

// pointer makes a decoder of an optional scalar.
func pointer[T any](decode func([]byte) (T, error)) func([]byte) (*T, error) {
	return func(raw []byte) (*T, error) {
		v, err := decode(raw)
		if err != nil {
			return nil, err
		}
		return &v, nil
	}
}

// rest returns what is left when all typed fields have taken theirs, and is the
// last thing to be asked of r. It shares no memory with the text that was read.
func (r *reader) rest() layout {
	for i, m := range r.members {
		r.members[i].raw = nil
		if !m.known {
			r.members[i].raw = compact(m.raw)
		}
	}
	return r.members
}

// compact copies well-formed JSON without its insignificant white space. Numbers
// and strings stay as they are spelt.
func compact(raw []byte) json.RawMessage {
	var b bytes.Buffer
	b.Grow(len(raw))
	if err := json.Compact(&b, raw); err != nil {
		return slices.Clone(raw) // rawjson accepted it, so this is out of reach
	}
	return b.Bytes()
}

// writer collects the members of one JSON object in upstream's order.
type writer struct {
	members []member
	err     error
}

func (w *writer) raw(name string, raw []byte) {
	w.members = append(w.members, member{name: name, raw: raw})
}

func (w *writer) str(name, v string) { w.raw(name, rawjson.AppendString(nil, v)) }

func (w *writer) bool(name string, v bool) { w.raw(name, encodeBool(v)) }

func (w *writer) int(name string, v int64) { w.raw(name, encodeInt(v)) }

func (w *writer) fail(name string, err error) {
	if w.err == nil && err != nil {
		w.err = at(name, err)
	}
}

func (w *writer) has(name string) bool {
	return slices.ContainsFunc(w.members, func(m member) bool { return m.name == name })
}

// value adds what encode returns, or keeps its error.
func (w *writer) value(name string, raw []byte, err error) {
	w.fail(name, err)
	w.raw(name, raw)
}

// object returns the object: members that l knows stand where they were read,
// unknown ones as they were read, and new ones behind the member that precedes
// them in upstream's order.
func (w *writer) object(l layout) ([]byte, error) {
	if w.err != nil {
		return nil, w.err
	}
	out := w.members
	if l != nil {
		out = w.arrange(l)
	}
	n := 2
	for _, m := range out {
		n += len(m.name) + len(m.raw) + 4
	}
	b := append(make([]byte, 0, n), '{')
	for i, m := range out {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(rawjson.AppendString(b, m.name), ':')
		b = append(b, m.raw...)
	}
	return append(b, '}'), nil
}

func (w *writer) arrange(l layout) []member {
	out := make([]member, 0, len(l)+len(w.members))
	placed := make([]bool, len(w.members))
	for _, m := range l {
		i := slices.IndexFunc(w.members, func(x member) bool { return x.name == m.name })
		switch {
		case i >= 0:
			out = append(out, w.members[i])
			placed[i] = true
		case !m.known:
			out = append(out, m)
		}
	}
	for i, m := range w.members {
		if placed[i] {
			continue
		}
		at := 0
		if i > 0 {
			prev := w.members[i-1].name
			at = 1 + slices.IndexFunc(out, func(x member) bool { return x.name == prev })
		}
		out = slices.Insert(out, at, m)
	}
	return out
}
