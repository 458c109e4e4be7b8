package entity_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store/entity"
)

func TestEntityNames(t *testing.T) {
	long := strings.Repeat("a", entity.MaxNameLength)
	for name, want := range map[string]bool{
		"a": true, "_": true, "0": true, "a b": true, "a@b.c&d-e_f": true, "bob@example.org": true, "a.": true, "a-": true, long: true,
		"": false, " a": false, "a ": false, "@a": false, "-a": false, ".a": false, "a/b": false, "a+b": false, "é": false, "aé": false,
		"a\n": false, "a\tb": false, long + "a": false, "a!": false, "a\x00": false, "a:b": false, "a$": false,
	} {
		if _, err := entity.ParseEntityName(name); (err == nil) != want {
			t.Errorf("%q: got %v, want good %v", name, err, want)
		}
	}
}

func TestEntityPaths(t *testing.T) {
	for _, tc := range []struct {
		in, want   string
		segments   int
		root, last entity.EntityName
	}{
		{"guest", "guest", 1, "guest", "guest"},
		{"/guest/utils/", "guest/utils", 2, "guest", "utils"},
		{"a//b c/d", "a/b c/d", 3, "a", "d"},
		{"_/pkg", "_/pkg", 2, "_", "pkg"},
		{"", "", 0, "", ""}, {"/", "", 0, "", ""}, {"a/ b", "", 0, "", ""}, {"a /b", "", 0, "", ""},
	} {
		p, err := entity.ParseEntityPath(tc.in)
		if tc.want == "" {
			if err == nil {
				t.Errorf("%q: got %q, want an error", tc.in, p)
			}
			continue
		}
		if err != nil || string(p) != tc.want || p.Segments() != tc.segments || p.Root() != tc.root || p.Last() != tc.last ||
			p.DefaultPackage() != (tc.segments == 1) {
			t.Errorf("%q: got %q, %v: %d segments from %q to %q", tc.in, p, err, p.Segments(), p.Root(), p.Last())
		}
	}
	if got, want := entity.EntityPath("_/pkg").Resolve("guest"), entity.EntityPath("guest/pkg"); got != want {
		t.Errorf("resolve: got %q, want %q", got, want)
	}
	if got, want := entity.EntityPath("_a/pkg").Resolve("guest"), entity.EntityPath("_a/pkg"); got != want {
		t.Errorf("resolve: got %q, want %q", got, want)
	}
	if got, want := (entity.Binding{Namespace: "_", Name: "p"}).Resolve("guest").DocID(), "guest/p"; got != want {
		t.Errorf("resolve: got %q, want %q", got, want)
	}
}

func TestFullyQualifiedEntityNames(t *testing.T) {
	f, err := entity.ParseFullyQualifiedEntityName("/guest/utils/hello")
	if err != nil || f.Path != "guest/utils" || f.Name != "hello" || f.DocID() != "guest/utils/hello" {
		t.Errorf("got %+v, %v", f, err)
	}
	g := f
	g.Version = entity.SemVer{Major: 1}
	if f.Equal(g) || !f.Equal(f) || g.String() != "guest/utils/hello@1.0.0" || f.String() != f.DocID() {
		t.Errorf("got %s and %s", f, g)
	}
	if got := (entity.FullyQualifiedEntityName{Path: "_", Name: "x"}).Resolve("guest").DocID(); got != "guest/x" {
		t.Errorf("resolve: got %q, want guest/x", got)
	}
	for _, s := range []string{"", "hello", "/hello", "guest/ x"} {
		if f, err := entity.ParseFullyQualifiedEntityName(s); err == nil {
			t.Errorf("%q: got %v, want an error", s, f)
		}
	}
}

func TestDocIDs(t *testing.T) {
	// Upstream reads ids as JSON first, so that it unquotes or rejects these.
	for _, id := range []string{"123456", `"quoted"`, "true", "null", "{}"} {
		if got, err := entity.ParseDocID("  " + id + "\n"); err != nil || got != id {
			t.Errorf("%q: got %q, %v, want it unchanged", id, got, err)
		}
	}
	if got, err := entity.ParseDocID(" \t"); err == nil {
		t.Errorf("blank: got %q, want an error", got)
	}
}

func TestActivationIDs(t *testing.T) {
	id, err := entity.NewActivationID(bytes.NewReader(bytes.Repeat([]byte{0xff}, 16)))
	if err != nil || id != "ffffffffffff4fffbfffffffffffffff" {
		t.Errorf("got %q, %v, want a version 4 UUID without dashes", id, err)
	}
	if _, err := entity.NewActivationID(bytes.NewReader(nil)); err == nil {
		t.Error("no randomness: got no error")
	}
	a, err := entity.NewActivationID(nil)
	if _, perr := entity.ParseActivationID(string(a)); err != nil || perr != nil {
		t.Errorf("random: got %q, %v, %v", a, err, perr)
	}
	for _, s := range []string{"", strings.Repeat("a", 31), strings.Repeat("a", 33), strings.Repeat("g", 32), strings.Repeat("A", 32)} {
		if _, err := entity.ParseActivationID(s); err == nil {
			t.Errorf("%q: got no error", s)
		}
	}
}

func TestSemVer(t *testing.T) {
	for in, want := range map[string]string{
		"0.0.1": "0.0.1", "1": "1.0.0", "1.2": "1.2.0", "1.2.3.4": "1.2.3", "01.2.3": "1.2.3", "1..": "1.0.0",
		"": "", "0.0.0": "", "a": "", "1.-2.3": "", "1..2": "", "3000000000.0.0": "", "0": "", ".": "",
	} {
		v, err := entity.ParseSemVer(in)
		if got := v.String(); (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("%q: got %s, %v, want %q", in, got, err, want)
		}
	}
	if got, want := (entity.SemVer{}).UpPatch().String(), "0.0.2"; got != want {
		t.Errorf("after none: got %s, want %s", got, want)
	}
}

func TestInstants(t *testing.T) {
	at := time.Date(2023, 11, 14, 22, 13, 20, 1_999_999, time.UTC)
	i := entity.InstantOf(at)
	if i != 1700000000001 || !i.Time().Equal(at.Truncate(time.Millisecond)) || i.String() != "2023-11-14T22:13:20.001Z" {
		t.Errorf("got %d = %s", i, i)
	}
	if got := entity.Instant(0).Time(); !got.Equal(time.Unix(0, 0)) {
		t.Errorf("zero: got %s, want the epoch", got)
	}
}

func TestByteSizes(t *testing.T) {
	for in, want := range map[string]struct {
		text  string
		bytes int64
	}{
		"1 MB": {"1 MB", 1 << 20}, "5MB": {"5 MB", 5 << 20}, "512 k": {"512 KB", 512 << 10}, " 2 gb ": {"2 GB", 2 << 30}, "7 b": {"7 B", 7},
		"9223372036854775807 GB": {"9223372036854775807 GB", 1<<63 - 1},
		"":                       {}, "MB": {}, "1": {}, "1 TB": {}, "-1 MB": {}, "1  MB": {}, "1.5 MB": {}, "9223372036854775808 B": {}, "1 MB\nx": {},
	} {
		b, err := entity.ParseByteSize(in)
		if (err == nil) != (want.text != "") || err == nil && (b.String() != want.text || b.Bytes() != want.bytes) {
			t.Errorf("%q: got %s = %d, %v, want %s = %d", in, b, b.Bytes(), err, want.text, want.bytes)
		}
	}
}

func TestIsBinaryCode(t *testing.T) {
	for code, want := range map[string]bool{
		"ZHViZWU=": true, " ZHViZWU=\n": true, "UEsDBA==": true, "abcd": true,
		"": false, "abc": false, "abcde": false, "A===": false, "====": false, "ab=c": false, "while (true)": false, "ab_d": false, "a b=": false,
	} {
		if got := entity.IsBinaryCode(code); got != want {
			t.Errorf("%q: got %v, want %v", code, got, want)
		}
	}
}
