package config

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSchema holds the structs to what the rest of the package relies on.
func TestSchema(t *testing.T) {
	s := theSchema()
	form := regexp.MustCompile(`^whisk(\.[a-z][a-z0-9]*(-[a-z0-9]+)*|\.Whisk(Auth|Entity|Activation)|\.[A-Z][A-Za-z]+Provider)+$`)
	folded := map[string]string{}
	for i := range s.keys {
		k := &s.keys[i]
		if !form.MatchString(k.path) {
			t.Errorf("%s: no name of upstream's form", k.path)
		}
		if (k.tag.Get("doc") == "") == (k.tag.Get("idle") == "") {
			t.Errorf("%s: got %q and %q, want either a meaning or why it has none", k.path, k.tag.Get("doc"), k.tag.Get("idle"))
		}
		if s.blocks[k.path] {
			t.Errorf("%s: is a key and a block", k.path)
		}
		if other, ok := folded[fold(k.path)]; ok {
			t.Errorf("%s and %s are spelt alike", k.path, other)
		}
		folded[fold(k.path)] = k.path
		k.fallback() // panics on what cannot be read
		if _, ok := k.fallback(); !ok && (k.tag.Get("min") != "" && !strings.Contains(k.tag.Get("doc"), "Required")) {
			t.Errorf("%s: zero is no default", k.path)
		}
	}
	if len(s.keys) < 100 || len(s.owned) != 8 {
		t.Errorf("got %d keys in %v", len(s.keys), s.owned)
	}
}

// The README's table stands between these.
const (
	tableBegin = "<!-- config:begin -->\n"
	tableEnd   = "<!-- config:end -->\n"
)

// TestReadme compares the README's table with the structs.
//
//go:generate go test -run TestReadme -update .
func TestReadme(t *testing.T) {
	name := filepath.Join("..", "..", "README.md")
	readme, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(readme), tableBegin)
	got, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok1 || !ok2 {
		t.Fatalf("the README has no place for the table between %q and %q", tableBegin, tableEnd)
	}
	want := table()
	if *update {
		if err := os.WriteFile(name, []byte(before+tableBegin+want+tableEnd+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("the README's table is not that of the structs; run go generate ./store/config\ngot:\n%s\nwant:\n%s", got, want)
	}
}

// table describes all keys in Markdown.
func table() string {
	var b, idle strings.Builder
	b.WriteString("| Key | Meaning | Default |\n| --- | --- | --- |\n")
	block := ""
	for i := range theSchema().keys {
		k := &theSchema().keys[i]
		if k.within != "" {
			if k.within != block {
				block = k.within
				fmt.Fprintf(&b, "| `%s.collections.`*collection*`.…` | Overrides any key of `%s` above for WhiskEntity, WhiskActivation or WhiskAuth. | |\n", block, block)
			}
			continue
		}
		fallback := k.tag.Get("default")
		if fallback != "" {
			fallback = "`" + fallback + "`"
		}
		if why := k.tag.Get("idle"); why != "" {
			fmt.Fprintf(&idle, "| `%s` | %s |\n", k.path, why)
			continue
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.path, k.tag.Get("doc"), fallback)
	}
	for _, f := range foreign {
		fmt.Fprintf(&idle, "| `%s.…` | %s |\n", f.block, f.why)
	}
	return b.String() + "\nAccepted, reported and without effect:\n\n| Key | Why |\n| --- | --- |\n" + idle.String()
}
