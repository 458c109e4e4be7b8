package config

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/entity"
)

// URL is the address of a service: http or https, and no credentials.
type URL string

// setting is what one key was set to. Printed with all its fields it shows no
// secret, because entity.Secret does not.
type setting struct {
	source string // "whisk.yaml:12", "CONFIG_whisk_db_observe", "default"
	value  any    // of the key's type
}

// input is a setting as it was written.
type input struct {
	source string
	text   string
	list   []string // of a list
	isList bool
}

// problem is an error of the configuration. Its key stands in for an id.
func problem(key, format string, args ...any) error {
	return refused(store.ErrInvalid, key, format, args...)
}

func unsupported(key, format string, args ...any) error {
	return refused(store.ErrUnsupported, key, format, args...)
}

func unavailable(key string, err error) error {
	return refused(store.ErrUnavailable, key, "%w", err)
}

func refused(kind store.Kind, key, format string, args ...any) error {
	return &store.Error{Op: store.OpOpen, ID: key, Kind: kind, Err: fmt.Errorf(format, args...)}
}

// parse returns what in stands for. Errors say where it was set, and show its
// text unless it is a secret.
func (k *key) parse(in input) (setting, error) {
	v, err := k.value(in)
	if err != nil {
		return setting{}, problem(k.path, "%s: %w", in.source, err)
	}
	return setting{source: in.source, value: v}, nil
}

// fallback returns the default, and whether there is one.
func (k *key) fallback() (setting, bool) {
	text, ok := k.tag.Lookup("default")
	if !ok {
		return setting{}, false
	}
	s, err := k.parse(input{source: "default", text: text})
	if err != nil {
		panic(err) // a test parses them all
	}
	return s, true
}

func (k *key) value(in input) (any, error) {
	switch {
	case k.list() && in.isList:
		return in.list, nil
	case k.list():
		return splitList(in.text), nil
	case in.isList:
		return nil, errors.New("is a list, one value is expected")
	}
	switch reflect.New(k.typ).Interface().(type) {
	case *entity.Secret:
		if in.text == redacted {
			return nil, errors.New("holds no secret: this is what stands in a printed configuration; give the secret itself")
		}
		return entity.NewSecret(in.text), nil
	case *Duration:
		return ParseDuration(in.text)
	case *Size:
		return ParseSize(in.text)
	case *URL:
		return parseURL(in.text)
	case *bool:
		b, err := parseBool(in.text)
		if err != nil {
			err = fmt.Errorf("%q %w", in.text, err)
		}
		return b, err
	case *int:
		return k.integer(in.text)
	case *uint64:
		n, err := strconv.ParseUint(in.text, 10, 64)
		if err != nil {
			err = fmt.Errorf("%q is no whole number from 0 to 2^64-1", in.text)
		}
		return n, err
	case *float64:
		x, err := strconv.ParseFloat(in.text, 64)
		if err != nil {
			err = fmt.Errorf("%q is no number", in.text)
		}
		return x, err
	case *string:
		return k.choice(in.text)
	}
	panic("config: " + k.path + " has a type that cannot be read")
}

// redacted is how entity.Secret prints.
var redacted = entity.Secret{}.String()

func splitList(text string) (list []string) {
	for e := range strings.SplitSeq(text, ",") {
		if e = strings.TrimSpace(e); e != "" {
			list = append(list, e)
		}
	}
	return list
}

func (k *key) integer(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%q is no whole number", text)
	}
	if least := k.tag.Get("min"); least != "" {
		if l, _ := strconv.Atoi(least); n < l {
			return 0, fmt.Errorf("%d is less than %s", n, least)
		}
	}
	if most := k.tag.Get("max"); most != "" {
		if m, _ := strconv.Atoi(most); n > m {
			return 0, fmt.Errorf("%d is more than %s", n, most)
		}
	}
	return n, nil
}

// choice returns text, or where only some words are known, the one that is
// meant: upstream writes the same ones in capitals elsewhere.
func (k *key) choice(text string) (string, error) {
	words := k.tag.Get("oneof")
	if words == "" {
		return text, nil
	}
	for w := range strings.FieldsSeq(words) {
		if strings.EqualFold(w, text) {
			return w, nil
		}
	}
	return "", fmt.Errorf("%q is not one of %s", text, strings.Join(strings.Fields(words), ", "))
}

// parseURL does not repeat what it refuses: it may hold credentials.
func parseURL(text string) (URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return "", errors.New("is no URL of the form https://host:port/")
	case u.User != nil:
		return "", errors.New("holds credentials, which have keys of their own; take them out of the URL")
	case u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("has a query or fragment, an endpoint has none")
	}
	return URL(text), nil
}

// reading is what a struct is filled from.
type reading struct {
	schema   *schema
	settings map[string]setting
}

// fill sets the fields of v. The value of a key is what is set at the first of
// prefixes that has it, or its default.
func (r reading) fill(v reflect.Value, prefixes ...string) {
	for _, m := range members(v.Type()) {
		f := v.FieldByIndex(m.Index)
		at := make([]string, len(prefixes))
		for i, p := range prefixes {
			at[i] = m.below(p)
		}
		switch {
		case m.option == overrides:
			for _, class := range members(m.Type) {
				r.fill(f.FieldByIndex(class.Index), append([]string{class.below(at[0])}, prefixes...)...)
			}
		case m.option == each || m.isBlock():
			r.fill(f, at...)
		default:
			if s, ok := r.lookup(at); ok {
				f.Set(reflect.ValueOf(s.value))
			}
		}
	}
}

// lookup returns the first of the settings, or their common default.
func (r reading) lookup(paths []string) (setting, bool) {
	for _, p := range paths {
		if s, ok := r.settings[p]; ok {
			return s, true
		}
	}
	return r.schema.byPath[paths[0]].fallback()
}
