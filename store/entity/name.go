package entity

import (
	"strings"
)

// MaxNameLength is the longest entity name, in characters (all are ASCII).
const MaxNameLength = 256

// EntityName is one segment of a path: 1 to MaxNameLength characters of which
// the first is a letter, digit or underscore, the others may also be one of
// "@", space, ".", "&" and "-", and the last is no space (storage.md 2.2).
type EntityName string

// ParseEntityName checks s.
func ParseEntityName(s string) (EntityName, error) {
	n := EntityName(s)
	return n, n.check()
}

func wordChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

func (n EntityName) check() error {
	switch {
	case n == "":
		return problem("", "name is empty")
	case len(n) > MaxNameLength:
		return problem("", "name of %d bytes, the limit is %d", len(n), MaxNameLength)
	case !wordChar(n[0]):
		return problem("", "name starts with %q", n[0])
	case n[len(n)-1] == ' ':
		return problem("", "name ends with a space")
	}
	for i := range len(n) {
		if c := n[i]; !wordChar(c) && !strings.ContainsRune("@ .&-", rune(c)) {
			return problem("", "name holds %q at byte %d", c, i)
		}
	}
	return nil
}

// Path returns the path of the one segment n.
func (n EntityName) Path() EntityPath { return EntityPath(n) }

// EntityPath is one or more entity names joined by slashes, without a leading
// one: a namespace, or a namespace and a package.
type EntityPath string

// DefaultNamespace is the path that stands for the caller's own namespace in
// requests. It is never stored.
const DefaultNamespace EntityPath = "_"

// ParseEntityPath checks s and drops its empty segments, so that "/guest/utils/"
// is "guest/utils".
func ParseEntityPath(s string) (EntityPath, error) {
	p := EntityPath(s)
	if strings.HasPrefix(s, "/") || strings.HasSuffix(s, "/") || strings.Contains(s, "//") {
		p = EntityPath(strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '/' }), "/"))
	}
	return p, p.check()
}

func (p EntityPath) check() error {
	if p == "" {
		return problem("", "path is empty")
	}
	for seg := range strings.SplitSeq(string(p), "/") {
		if err := EntityName(seg).check(); err != nil {
			return err
		}
	}
	return nil
}

// Segments returns the number of names in p.
func (p EntityPath) Segments() int {
	if p == "" {
		return 0
	}
	return strings.Count(string(p), "/") + 1
}

// DefaultPackage reports whether p is a namespace alone.
func (p EntityPath) DefaultPackage() bool { return p.Segments() == 1 }

// Root returns the first segment, the namespace.
func (p EntityPath) Root() EntityName {
	root, _, _ := strings.Cut(string(p), "/")
	return EntityName(root)
}

// Last returns the last segment.
func (p EntityPath) Last() EntityName {
	return EntityName(p[strings.LastIndexByte(string(p), '/')+1:])
}

// Add returns p with one more segment.
func (p EntityPath) Add(n EntityName) EntityPath {
	if p == "" {
		return EntityPath(n)
	}
	return p + "/" + EntityPath(n)
}

// Resolve replaces the root of p by namespace where it is DefaultNamespace.
func (p EntityPath) Resolve(namespace EntityName) EntityPath {
	if p.Root().Path() != DefaultNamespace {
		return p
	}
	return EntityPath(namespace) + p[len(DefaultNamespace):]
}

// FullyQualifiedEntityName names an entity: path and name, and where known the
// version and the package binding through which it was reached. Compare with
// Equal, or by DocID.
type FullyQualifiedEntityName struct {
	Path    EntityPath
	Name    EntityName
	Version SemVer     // zero is none
	Binding EntityPath // empty is none

	rest layout
}

// ParseFullyQualifiedEntityName reads "/<path>/<name>"; the leading slash may be
// missing.
func ParseFullyQualifiedEntityName(s string) (FullyQualifiedEntityName, error) {
	p, err := ParseEntityPath(s)
	if err != nil {
		return FullyQualifiedEntityName{}, err
	}
	i := strings.LastIndexByte(string(p), '/')
	if i < 0 {
		return FullyQualifiedEntityName{}, problem("", "has no namespace")
	}
	return FullyQualifiedEntityName{Path: p[:i], Name: EntityName(p[i+1:])}, nil
}

// DocID returns the entity's document id, "<path>/<name>".
func (f FullyQualifiedEntityName) DocID() string { return string(f.Path.Add(f.Name)) }

// String returns "<path>/<name>", with "@<version>" where there is one.
func (f FullyQualifiedEntityName) String() string {
	if f.Version.IsZero() {
		return f.DocID()
	}
	return f.DocID() + "@" + f.Version.String()
}

// Equal reports whether f and g have the same path, name, version and binding.
func (f FullyQualifiedEntityName) Equal(g FullyQualifiedEntityName) bool {
	return f.Path == g.Path && f.Name == g.Name && f.Version == g.Version && f.Binding == g.Binding
}

// Resolve replaces the default namespace by namespace.
func (f FullyQualifiedEntityName) Resolve(namespace EntityName) FullyQualifiedEntityName {
	f.Path = f.Path.Resolve(namespace)
	return f
}

func (f FullyQualifiedEntityName) check() error {
	if err := f.Path.check(); err != nil {
		return at("path", err)
	}
	if err := f.Name.check(); err != nil {
		return at("name", err)
	}
	return nil
}

func decodeName(raw []byte) (EntityName, error) {
	s, err := decodeString(raw)
	if err != nil {
		return "", err
	}
	return ParseEntityName(s)
}

func decodePath(raw []byte) (EntityPath, error) {
	s, err := decodeString(raw)
	if err != nil {
		return "", err
	}
	return ParseEntityPath(s)
}

// decodeQualified reads the object and the string spelling.
func decodeQualified(raw []byte) (FullyQualifiedEntityName, error) {
	if isString(raw) {
		s, err := decodeString(raw)
		if err != nil {
			return FullyQualifiedEntityName{}, err
		}
		return ParseFullyQualifiedEntityName(s)
	}
	if !isObject(raw) {
		return FullyQualifiedEntityName{}, wrongType(raw, "an object or a string")
	}
	r, err := readObject(raw)
	if err != nil {
		return FullyQualifiedEntityName{}, err
	}
	var f FullyQualifiedEntityName
	need(r, "path", &f.Path, decodePath)
	need(r, "name", &f.Name, decodeName)
	maybe(r, "version", &f.Version, decodeSemVer)
	maybe(r, "binding", &f.Binding, decodePath)
	f.rest = r.rest()
	return f, r.err
}

// encodeQualified writes the object spelling.
func encodeQualified(f FullyQualifiedEntityName) ([]byte, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	var w writer
	w.str("path", string(f.Path))
	w.str("name", string(f.Name))
	if !f.Version.IsZero() {
		w.str("version", f.Version.String())
	}
	if f.Binding != "" {
		w.fail("binding", f.Binding.check())
		w.str("binding", string(f.Binding))
	}
	return w.object(f.rest)
}

// ParseDocID trims s and rejects what is blank. Unlike upstream it does not try
// to read s as JSON first, so ids of digits or in quotes stay as they are
// (storage.md 8.1, R2).
func ParseDocID(s string) (string, error) {
	id := javaTrim(s)
	if id == "" {
		return "", problem("", "document id is blank")
	}
	return id, nil
}
