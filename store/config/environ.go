package config

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// envPrefix is what variables begin with that are configuration.
const envPrefix = "CONFIG_"

// keyOfVariable is upstream's transformation of a variable's name, without
// envPrefix, into a key: parts are divided by "_"; one that begins with a
// capital stays as it is; in others a capital after a lower-case letter or digit
// becomes a dash and a lower-case letter. Of capitals in a row only the first is
// changed, so that softDeleteTTL becomes soft-delete-tTL, which is no key.
func keyOfVariable(name string) string {
	var b strings.Builder
	for part := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == '_' }) {
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		if isUpper(part[0]) {
			b.WriteString(part)
			continue
		}
		for i := range len(part) {
			c := part[i]
			if i > 0 && isUpper(c) && (isLower(part[i-1]) || isDigit(part[i-1])) {
				b.WriteByte('-')
				c += 'a' - 'A'
			}
			b.WriteByte(c)
		}
	}
	return b.String()
}

func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }
func isLower(c byte) bool { return c >= 'a' && c <= 'z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// fold returns path without dashes and capitals, except in parts that begin
// with a capital: what the spellings of one key have in common. With it
// softDeleteTTL and aes128, which upstream's transformation cannot express, are
// soft-delete-ttl and aes-128.
func fold(path string) string {
	parts := strings.Split(path, ".")
	for i, p := range parts {
		if p != "" && !isUpper(p[0]) {
			parts[i] = strings.ToLower(strings.ReplaceAll(p, "-", ""))
		}
	}
	return strings.Join(parts, ".")
}

// variable is an environment variable that is configuration.
type variable struct {
	name, value string
	key         string
}

// variables returns those with a value. A value that begins with "$" and names
// a variable is that variable's value, unless that is empty.
func variables(environ []string) []variable {
	values := map[string]string{}
	for _, e := range environ {
		if name, value, ok := strings.Cut(e, "="); ok {
			values[name] = value
		}
	}
	var all []variable
	for name, value := range values {
		rest, ok := strings.CutPrefix(name, envPrefix)
		if !ok {
			continue
		}
		if other, ok := strings.CutPrefix(value, "$"); ok && values[other] != "" {
			value = values[other]
		}
		if value != "" {
			all = append(all, variable{name, value, keyOfVariable(rest)})
		}
	}
	slices.SortFunc(all, func(a, b variable) int { return cmp.Compare(a.name, b.name) })
	return all
}

// environment takes over the variables, over what is set already.
func (l *loader) environment(environ []string) {
	fromEnv := map[string]input{} // by key
	folded := map[string]bool{}   // keys of fromEnv whose variable upstream would ignore
	elements := map[string]map[int]input{}
	for _, v := range variables(environ) {
		s := input{source: v.name, text: v.value}
		if l.schema.byPath[v.key] != nil {
			if old, ok := fromEnv[v.key]; ok && !folded[v.key] && old.text != s.text {
				l.fail(problem(v.key, "%s and %s differ; keep one", old.source, v.name))
			}
			fromEnv[v.key] = s
			delete(folded, v.key)
			continue
		}
		if k, i, ok := l.element(v.key); ok {
			if elements[k.path] == nil {
				elements[k.path] = map[int]input{}
			}
			elements[k.path][i] = s
			continue
		}
		if k := l.schema.byFold[fold(v.key)]; k != nil {
			old, ok := fromEnv[k.path]
			switch {
			case !ok:
				fromEnv[k.path] = s
				folded[k.path] = true
			case folded[k.path] && old.text != s.text:
				l.fail(problem(k.path, "%s and %s differ; keep one", old.source, v.name))
			}
			continue
		}
		l.stray(v)
	}
	for path, list := range elements {
		if old, ok := fromEnv[path]; ok {
			l.fail(problem(path, "%s and its elements are both set; keep one", old.source))
			continue
		}
		s := input{isList: true}
		for _, i := range sortedKeys(list) {
			s.source = strings.TrimSpace(s.source + " " + list[i].source)
			s.list = append(s.list, list[i].text)
		}
		fromEnv[path] = s
	}
	for _, path := range sortedKeys(fromEnv) {
		s := fromEnv[path]
		if folded[path] {
			l.note(path, s.source, "read as this key, but upstream's controllers ignore this spelling")
		}
		l.set(path, s)
	}
}

// element returns the list that path is the i-th element of.
func (l *loader) element(path string) (list *key, i int, ok bool) {
	list = l.schema.byFold[fold(parent(path))]
	if list == nil || !list.list() {
		return nil, 0, false
	}
	i, err := strconv.Atoi(path[len(parent(path))+1:])
	return list, i, err == nil && i >= 0
}

// stray decides on a variable that is no key.
func (l *loader) stray(v variable) {
	if why := meaningless(v.key); why != "" {
		l.note(v.key, v.name, why)
		return
	}
	near, distance := l.schema.nearest(v.key)
	for _, block := range l.schema.owned {
		if !under(fold(v.key), fold(block)) {
			continue
		}
		// whisk.spi has many more keys, which are other components'. But one that
		// is nearly ours would leave us with a database that nobody meant.
		if block != root+".spi" || distance <= 3 {
			l.fail(problem(v.key, "%s: unknown key; the nearest is %s", v.name, near))
		}
	}
}
