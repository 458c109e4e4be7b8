package config

import (
	"iter"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/whiskstore/whiskstore/store/entity"
)

// root is what all keys of ours begin with.
const root = "whisk"

// key is one key of the schema.
type key struct {
	path   string // "whisk.db.max-inline-size"
	typ    reflect.Type
	tag    reflect.StructTag
	within string // the block that it overrides for one collection, "" for none
}

func (k *key) list() bool { return k.typ == reflect.TypeFor[[]string]() }

// schema is all keys in the order of the structs, and ways to find them.
type schema struct {
	keys   []key
	byPath map[string]*key
	byFold map[string]*key // see fold
	blocks map[string]bool // paths that have keys below them
	owned  []string        // the blocks directly below the root
}

// theSchema is made of the structs once and never changes.
var theSchema = sync.OnceValue(func() *schema { return newSchema(nil) })

// newSchema returns the schema of Config and of a program's own blocks.
func newSchema(own []Block) *schema {
	s := &schema{byPath: map[string]*key{}, byFold: map[string]*key{}, blocks: map[string]bool{}}
	s.add(reflect.TypeFor[Config](), root, "")
	for _, b := range own {
		s.add(reflect.TypeOf(b.Into).Elem(), b.Name, "")
		s.owned = append(s.owned, b.Name)
	}
	for i := range s.keys {
		k := &s.keys[i]
		s.byPath[k.path] = k
		s.byFold[fold(k.path)] = k
		for p := parent(k.path); p != "" && !s.blocks[p]; p = parent(p) {
			s.blocks[p] = true
			if parent(p) == root {
				s.owned = append(s.owned, p)
			}
		}
	}
	return s
}

func (s *schema) add(t reflect.Type, path, within string) {
	for _, m := range members(t) {
		at := m.below(path)
		switch {
		case m.option == overrides:
			for _, class := range members(m.Type) {
				s.add(class.Type, class.below(at), path)
			}
		case m.option == each:
			for _, class := range members(m.Type) {
				s.keys = append(s.keys, key{path: class.below(at), typ: class.Type, tag: m.Tag, within: within})
			}
		case m.isBlock():
			s.add(m.Type, at, within)
		default:
			s.keys = append(s.keys, key{path: at, typ: m.Type, tag: m.Tag, within: within})
		}
	}
}

// Options in a config tag, both of a PerCollection.
const (
	overrides = "overrides" // blocks over the block that the field stands in
	each      = "each"      // one value for each collection
)

// member is a field of a configuration struct.
type member struct {
	reflect.StructField
	name   string // its key, "" for an embedded struct, whose keys are its owner's
	option string
}

// members returns the fields that are configuration.
func members(t reflect.Type) []member {
	var all []member
	for f := range t.Fields() {
		tag, tagged := f.Tag.Lookup("config")
		if tagged || f.Anonymous {
			name, option, _ := strings.Cut(tag, ",")
			all = append(all, member{f, name, option})
		}
	}
	return all
}

func (m member) below(path string) string {
	if m.name == "" {
		return path
	}
	return path + "." + m.name
}

func (m member) isBlock() bool {
	return m.Type.Kind() == reflect.Struct && m.Type != reflect.TypeFor[entity.Secret]()
}

// parent returns the block that path stands in.
func parent(path string) string {
	return path[:max(0, strings.LastIndexByte(path, '.'))]
}

// under reports whether path is block or below it.
func under(path, block string) bool {
	return path == block || strings.HasPrefix(path, block) && path[len(block)] == '.'
}

// nearest returns the key that is spelt most like path, and in how many
// characters they differ, capitals and dashes aside.
func (s *schema) nearest(path string) (best string, distance int) {
	return nearestOf(path, func(yield func(string) bool) {
		for i := range s.keys {
			if !yield(s.keys[i].path) {
				return
			}
		}
	})
}

// nearestBlock is nearest for blocks.
func (s *schema) nearestBlock(path string) string {
	best, _ := nearestOf(path, slices.Values(sortedKeys(s.blocks)))
	return best
}

func nearestOf(path string, candidates iter.Seq[string]) (best string, distance int) {
	distance = len(path) + 1<<10
	path = loose(path)
	for c := range candidates {
		if d := editDistance(path, loose(c), distance); d < distance {
			best, distance = c, d
		}
	}
	return best, distance
}

func loose(path string) string { return strings.ToLower(strings.ReplaceAll(path, "-", "")) }

// editDistance is Levenshtein's, or limit if it is not below that.
func editDistance(a, b string, limit int) int {
	if max(len(a), len(b))-min(len(a), len(b)) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return min(row[len(b)], limit)
}

// foreign are upstream's blocks beside and in ours that mean nothing here.
var foreign = []struct{ block, why string }{
	{"pekko", "there are no actors here"},
	{"akka", "there are no actors here"},
	{"dispatchers", "there are no actors here"},
	{root + ".activation-store.elasticsearch", "activations are kept in the database"},
	{root + ".activation-store.with-file-storage", "activations are kept in the database"},
	{root + ".s3.pekko-connectors.multipart-upload", "retry-settings hold for parts, too"},
}

// meaningless says why path means nothing here, "" if it is not of that kind.
func meaningless(path string) string {
	for _, f := range foreign {
		if under(path, f.block) {
			return f.why
		}
	}
	return ""
}
