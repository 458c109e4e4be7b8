package entity

import (
	"mime"
	"slices"
	"strings"

	"github.com/whiskstore/whiskstore/store/internal/rawjson"
)

// The kinds of exec that name no runtime.
const (
	KindSequence = "sequence"
	KindBlackBox = "blackbox"
)

// Attached refers to an attachment of the document (storage.md 5.2).
type Attached struct {
	AttachmentName string // "<scheme>:<name>", or a legacy CouchDB name
	AttachmentType string // media type, kept as it is spelt
	Length         *int64 // bytes; nil when unknown
	Digest         string // "sha256-<hex>"; empty when unknown

	rest layout
}

// Code is an action's code: inline text, or a reference to an attachment when
// Attached is set.
type Code struct {
	Inline   string
	Attached *Attached
}

// Exec is the executable of an action. Which members count depends on Kind:
//
//	a runtime's kind   Code, Binary, Main
//	KindBlackBox       Image, Binary, Code and Main where there are some
//	KindSequence       Components
//
// The kind of a runtime is trimmed and lower-cased but not checked: which
// runtimes exist, and what "nodejs:default" stands for, is the runtimes
// manifest's matter.
type Exec struct {
	Kind string

	// Code is nil for sequences and for images without code of their own.
	Code *Code

	// Binary says that attached code is not text. For inline code it is derived:
	// set on reading, and on writing taken from the code whatever it says here.
	Binary bool

	Main *string // the entry point; nil for the runtime's default

	Image string // as it is spelt

	// Components are the actions of a sequence. Both spellings are read, and
	// "/<path>/<name>" is written, which has no version.
	Components []FullyQualifiedEntityName

	rest layout
}

func (e Exec) clone() Exec {
	if e.Code = clone(e.Code); e.Code != nil {
		if e.Code.Attached = clone(e.Code.Attached); e.Code.Attached != nil {
			e.Code.Attached.Length = clone(e.Code.Attached.Length)
		}
	}
	e.Main, e.Components = clone(e.Main), slices.Clone(e.Components)
	return e
}

// IsBinaryCode reports whether code is padded standard base64, which is how
// upstream tells archives from source text.
func IsBinaryCode(code string) bool {
	t := javaTrim(code)
	if t == "" || len(t)%4 != 0 {
		return false
	}
	body := strings.TrimSuffix(strings.TrimSuffix(t, "="), "=")
	for i := range len(body) {
		if c := body[i]; (!wordChar(c) || c == '_') && c != '+' && c != '/' {
			return false
		}
	}
	return true
}

func decodeAttached(raw []byte) (*Attached, error) {
	r, err := readObject(raw)
	if err != nil {
		return nil, err
	}
	a := &Attached{}
	need(r, "attachmentName", &a.AttachmentName, decodeString)
	need(r, "attachmentType", &a.AttachmentType, decodeMediaType)
	maybe(r, "length", &a.Length, pointer(decodeLong))
	maybe(r, "digest", &a.Digest, decodeString)
	a.rest = r.rest()
	return a, r.err
}

func decodeMediaType(raw []byte) (string, error) {
	s, err := decodeString(raw)
	if err != nil {
		return "", err
	}
	return s, checkMediaType(s)
}

func checkMediaType(s string) error {
	t, _, err := mime.ParseMediaType(s)
	main, sub, ok := strings.Cut(t, "/")
	if err != nil || !ok || main == "" || sub == "" {
		return problem("", "not a media type")
	}
	return nil
}

func encodeAttached(a *Attached) ([]byte, error) {
	var w writer
	w.str("attachmentName", a.AttachmentName)
	w.fail("attachmentType", checkMediaType(a.AttachmentType))
	w.str("attachmentType", a.AttachmentType)
	if a.Length != nil {
		w.int("length", *a.Length)
	}
	if a.Digest != "" {
		w.str("digest", a.Digest)
	}
	return w.object(a.rest)
}

func decodeCode(raw []byte) (*Code, error) {
	switch {
	case isString(raw):
		s, err := decodeString(raw)
		return &Code{Inline: s}, err
	case isObject(raw):
		a, err := decodeAttached(raw)
		return &Code{Attached: a}, err
	}
	return nil, wrongType(raw, "a string or an attachment")
}

func encodeCode(c *Code) ([]byte, error) {
	if c.Attached != nil {
		return encodeAttached(c.Attached)
	}
	return encodeString(c.Inline)
}

func decodeKind(raw []byte) (string, error) {
	s, err := decodeString(raw)
	if err != nil {
		return "", err
	}
	kind := strings.ToLower(javaTrim(s))
	if kind == "" {
		return "", problem("", "is blank")
	}
	return kind, nil
}

func decodeExec(raw []byte) (Exec, error) {
	r, err := readObject(raw)
	if err != nil {
		return Exec{}, err
	}
	var e Exec
	need(r, "kind", &e.Kind, decodeKind)
	if r.err != nil {
		return e, r.err
	}
	switch e.Kind {
	case KindSequence:
		need(r, "components", &e.Components, decodeArray(decodeQualified))
	case KindBlackBox:
		need(r, "image", &e.Image, decodeString)
		if e.Image == "" {
			r.fail("image", problem("", "is empty"))
		}
		e.readCode(r, "code")
		if e.Code != nil && e.Code.Attached == nil && javaTrim(e.Code.Inline) == "" {
			e.Code, e.Binary = nil, false
		}
		e.readMain(r)
	default:
		// Java actions once kept their archive under "jar".
		name := "code"
		if r.peek(name) == nil && r.peek("jar") != nil {
			name = "jar"
		}
		e.readCode(r, name)
		if e.Code == nil {
			r.fail(name, problem("", "is missing"))
		}
		e.readMain(r)
	}
	e.rest = r.rest()
	return e, r.err
}

func (e *Exec) readCode(r *reader, name string) {
	raw := r.take(name)
	binary := r.take("binary")
	if raw == nil {
		return
	}
	var err error
	e.Code, err = decodeCode(raw)
	r.fail(name, err)
	switch {
	case err != nil:
	case e.Code.Attached == nil:
		e.Binary = IsBinaryCode(e.Code.Inline)
	case binary != nil:
		e.Binary, err = decodeBool(binary)
		r.fail("binary", err)
	}
}

// readMain differs from maybe: upstream reads a null here as an error.
func (e *Exec) readMain(r *reader) {
	if raw := r.take("main"); raw != nil {
		main, err := decodeString(raw)
		r.fail("main", err)
		e.Main = &main
	}
}

func encodeExec(e Exec) ([]byte, error) {
	var w writer
	w.str("kind", e.Kind)
	switch e.Kind {
	case "":
		w.fail("kind", problem("", "is missing"))
	case KindSequence:
		raw, err := encodeArray(e.Components, func(f FullyQualifiedEntityName) ([]byte, error) {
			return rawjson.AppendString(nil, "/"+f.DocID()), f.check()
		})
		w.value("components", raw, err)
		return w.object(e.rest)
	case KindBlackBox:
		if e.Image == "" {
			w.fail("image", problem("", "is missing"))
		}
		w.str("image", e.Image)
		w.bool("binary", e.binary())
		if e.Code != nil {
			raw, err := encodeCode(e.Code)
			w.value("code", raw, err)
		}
	default:
		if e.Code == nil {
			w.fail("code", problem("", "is missing"))
			break
		}
		raw, err := encodeCode(e.Code)
		w.value("code", raw, err)
		w.bool("binary", e.binary())
	}
	if e.Main != nil {
		w.str("main", *e.Main)
	}
	return w.object(e.rest)
}

func (e Exec) binary() bool {
	if e.Code == nil {
		return false
	}
	if e.Code.Attached == nil {
		return IsBinaryCode(e.Code.Inline)
	}
	return e.Binary
}
