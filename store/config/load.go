package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// LoadOptions are the options of Load; nil is the zero value.
type LoadOptions struct {
	// File is the path of a YAML file; empty is none.
	File string

	// Text, when not nil, is the file's content, and File only names it.
	Text []byte

	// Blocks are a program's own blocks in the file, beside ours, and as strict.
	Blocks []Block

	// Set goes before everything else: a program's flags.
	Set []Setting

	// Environ is an environment in the form of os.Environ; its CONFIG_ variables
	// go before the file. Nil is none.
	Environ []string

	// Logger receives, once for each, the keys that are accepted and mean
	// nothing; nil is silent.
	Logger *slog.Logger
}

// Block is a block of a program's own.
type Block struct {
	// Name is its place at the top of the file, "tworegions".
	Name string

	// Into points to a struct of the form of Config's blocks; Load fills it.
	// Fields may also be uint64 and float64.
	Into any
}

// Setting is one key that a program sets itself.
type Setting struct {
	Key    string // "whisk.db.cluster-id"
	Value  string
	Source string // "-dir"; where the printed configuration says it comes from
}

// maxFile bounds a configuration file, in bytes.
const maxFile = 1 << 20

// Load reads a configuration. It opens nothing but the file and judges each key
// by itself: what keys mean together is judged by Open.
//
// All that is wrong is reported at once, in one error of kind store.ErrInvalid
// that wraps a *store.Error for each key. A file that cannot be read is
// store.ErrUnavailable. No error holds a secret.
func Load(opts *LoadOptions) (*Config, error) {
	var o LoadOptions
	if opts != nil {
		o = *opts
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	l := &loader{schema: theSchema(), log: o.Logger, settings: map[string]setting{}}
	if len(o.Blocks) > 0 {
		l.schema = newSchema(o.Blocks)
	}
	if o.File != "" && o.Text == nil {
		text, err := readFile(o.File)
		if err != nil {
			return nil, err
		}
		o.Text = text
	}
	l.file(cmp.Or(o.File, "configuration"), o.Text)
	l.environment(o.Environ)
	for _, s := range o.Set {
		if l.schema.byPath[s.Key] == nil {
			l.unknown(s.Key, s.Source)
		} else if s.Value != "" {
			l.set(s.Key, input{source: s.Source, text: s.Value})
		}
	}
	if len(l.errs) > 0 {
		return nil, errors.Join(l.errs...)
	}
	cfg := &Config{read: reading{l.schema, l.settings}}
	cfg.read.fill(reflect.ValueOf(cfg).Elem(), root)
	for _, b := range o.Blocks {
		cfg.read.fill(reflect.ValueOf(b.Into).Elem(), b.Name)
	}
	for _, e := range o.Environ {
		if name, value, _ := strings.Cut(e, "="); value != "" && (name == "OPENWHISK_CONFIG" || name == "OPENWHISK_ENCODED_CONFIG") {
			l.note(name, name, "files in HOCON are not read")
		}
	}
	return cfg, nil
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, unavailable(name, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, unavailable(name, err)
	}
	return text, nil
}

// loader collects settings.
type loader struct {
	schema   *schema
	log      *slog.Logger
	settings map[string]setting
	errs     []error
}

func (l *loader) fail(err error) { l.errs = append(l.errs, err) }

// note reports a key that is accepted, but not as its author may think.
func (l *loader) note(path, source, why string) {
	l.log.Warn("configuration key without the expected effect", "key", path, "source", source, "reason", why)
}

// set takes over a setting of a known key.
func (l *loader) set(path string, in input) {
	k := l.schema.byPath[path]
	s, err := k.parse(in)
	if err != nil {
		l.fail(err)
		return
	}
	if why := k.tag.Get("idle"); why != "" {
		l.note(path, s.source, why)
	}
	l.settings[path] = s
}

// file takes over a YAML file.
func (l *loader) file(name string, text []byte) {
	if len(text) > maxFile {
		l.fail(problem("", "%s is longer than %d bytes", name, maxFile))
		return
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return
	} else if err != nil {
		l.fail(problem("", "%s: %w", name, err))
		return
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		l.fail(problem("", "%s holds more than one document", name))
		return
	}
	l.node(name, doc.Content[0], "")
}

// node takes over what stands at path.
func (l *loader) node(file string, n *yaml.Node, path string) {
	source := fmt.Sprintf("%s:%d", file, n.Line)
	why := meaningless(path)
	k := l.schema.byPath[path]
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		l.fail(problem(path, "%s: anchors and aliases are not read; write it out", source))
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		// An empty block or value leaves what is there.
		if path != "" && k == nil && why == "" && !l.schema.blocks[path] {
			l.unknown(path, source)
		}
	case why != "":
		l.note(path, source, why)
	case k != nil:
		l.leaf(k, n, source)
	case n.Kind == yaml.MappingNode:
		if path != "" && !l.schema.blocks[path] {
			l.fail(problem(path, "%s: unknown block; the nearest is %s", source, l.schema.nearestBlock(path)))
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			at := n.Content[i].Value
			switch {
			case at == "":
				l.fail(problem(path, "%s: has a key that is no plain text", source))
				continue
			case path != "":
				at = path + "." + at
			}
			l.node(file, n.Content[i+1], at)
		}
	case path == "":
		l.fail(problem("", "%s: the file is no mapping with the key %s", source, root))
	case l.schema.blocks[path]:
		first := slices.IndexFunc(l.schema.keys, func(k key) bool { return under(k.path, path) })
		l.fail(problem(path, "%s: is a block, with keys such as %s", source, l.schema.keys[first].path))
	default:
		l.unknown(path, source)
	}
}

func (l *loader) leaf(k *key, n *yaml.Node, source string) {
	in := input{source: source}
	switch {
	case n.Kind == yaml.ScalarNode:
		in.text = n.Value
	case n.Kind == yaml.SequenceNode && k.list():
		in.isList = true
		for _, e := range n.Content {
			if e.Kind != yaml.ScalarNode || e.Anchor != "" {
				l.fail(problem(k.path, "%s: is no list of plain values", source))
				return
			}
			in.list = append(in.list, e.Value)
		}
	default:
		l.fail(problem(k.path, "%s: one value is expected, not a block or list", source))
		return
	}
	if old, ok := l.settings[k.path]; ok {
		l.fail(problem(k.path, "%s: is set already at %s", source, old.source))
		return
	}
	if in.text == "" && !in.isList {
		return
	}
	l.set(k.path, in)
}

func (l *loader) unknown(path, source string) {
	near, _ := l.schema.nearest(path)
	l.fail(problem(path, "%s: unknown key; the nearest is %s", source, near))
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
