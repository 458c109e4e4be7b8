package entity

import (
	"encoding/json"
	"slices"
)

// Parameter is one element of the parameters or annotations of an entity.
type Parameter struct {
	Key string

	// Value is any JSON value; nil is written as null. Numbers keep their spelling.
	Value json.RawMessage

	// Init offers the parameter to the action during initialisation only.
	Init bool

	// Encryption names the algorithm under which Value is locked, "aes-128" or
	// "aes-256"; empty when Value is plain.
	Encryption string

	rest layout
}

// Parameters are the parameters or annotations of an entity: a map by key, in
// the order of the stored array. Reading one of a repeated key keeps the last.
// Nil is written as an empty array.
type Parameters []Parameter

// Get returns the value of key, and false when there is none.
func (p Parameters) Get(key string) (json.RawMessage, bool) {
	if i := p.index(key); i >= 0 {
		return p[i].Value, true
	}
	return nil, false
}

// With returns p with a plain value of key, in its old place or at the end. p
// stays as it is.
func (p Parameters) With(key string, value json.RawMessage) Parameters {
	return p.Merge(Parameters{{Key: key, Value: value}})
}

// Without returns p without key. p stays as it is.
func (p Parameters) Without(key string) Parameters {
	return slices.DeleteFunc(slices.Clone(p), func(x Parameter) bool { return x.Key == key })
}

// Merge returns p overlaid by over, whose values win. Neither is changed.
func (p Parameters) Merge(over Parameters) Parameters {
	out := slices.Clone(p)
	for _, x := range over {
		if i := out.index(x.Key); i >= 0 {
			out[i] = x
		} else {
			out = append(out, x)
		}
	}
	return out
}

// Locked returns the algorithm of each locked parameter by key.
func (p Parameters) Locked() map[string]string {
	out := map[string]string{}
	for _, x := range p {
		if x.Encryption != "" {
			out[x.Key] = x.Encryption
		}
	}
	return out
}

func (p Parameters) clone() Parameters {
	out := slices.Clone(p)
	for i := range out {
		out[i].Value = slices.Clone(out[i].Value)
	}
	return out
}

func (p Parameters) index(key string) int {
	return slices.IndexFunc(p, func(x Parameter) bool { return x.Key == key })
}

// decodeParameters reads the array of 2.3. As upstream it rejects the whole
// array for one element of another shape.
func decodeParameters(raw []byte) (Parameters, error) {
	elems, err := decodeArray(decodeParameter)(raw)
	if err != nil {
		return nil, err
	}
	at := make(map[string]int, len(elems))
	out := make(Parameters, 0, len(elems))
	for _, p := range elems {
		if i, ok := at[p.Key]; ok {
			out[i] = p
			continue
		}
		at[p.Key] = len(out)
		out = append(out, p)
	}
	return out, nil
}

func decodeParameter(raw []byte) (Parameter, error) {
	r, err := readObject(raw)
	if err != nil {
		return Parameter{}, err
	}
	var p Parameter
	need(r, "key", &p.Key, decodeString)
	need(r, "value", &p.Value, decodeRaw)
	init := r.take("init")
	if init != nil {
		p.Init, err = decodeBool(init)
		r.fail("init", err)
	}
	switch enc := r.take("encryption"); {
	case enc == nil, isNull(enc) && init != nil:
	default:
		p.Encryption, err = decodeString(enc)
		r.fail("encryption", err)
	}
	p.rest = r.rest()
	return p, r.err
}

func encodeParameters(ps Parameters) ([]byte, error) {
	seen := make(map[string]struct{}, len(ps))
	return encodeArray(ps, func(p Parameter) ([]byte, error) {
		var w writer
		if _, ok := seen[p.Key]; ok {
			w.fail("key", errRepeated)
		}
		seen[p.Key] = struct{}{}
		w.str("key", p.Key)
		raw, err := encodeRaw(p.Value)
		w.value("value", raw, err)
		if p.Init {
			w.bool("init", true)
		}
		if p.Encryption != "" {
			w.str("encryption", p.Encryption)
		}
		return w.object(p.rest)
	})
}
