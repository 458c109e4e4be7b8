package rawjson_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/whiskstore/whiskstore/store/internal/rawjson"
)

func TestObjectVisitsMembersInOrder(t *testing.T) {
	var got []string
	err := rawjson.Object([]byte(" {\"a\" : 1, \"\\u005fid\": [ {\"x\":2} ] ,\"b\":\"é\\n\"} "), func(name, value []byte) error {
		got = append(got, string(rawjson.Name(name))+"="+string(value))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `a=1|_id=[ {"x":2} ]|b="é\n"`
	if s := strings.Join(got, "|"); s != want {
		t.Errorf("members: got %s, want %s", s, want)
	}
}

func TestObjectErrors(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"", "not a JSON object"},
		{"[1]", "not a JSON object"},
		{"null", "not a JSON object"},
		{`{"a":1} x`, `'x' after the object at byte 8`},
		{`{"a":01}`, `'1' where a comma or brace should be at byte 6`},
		{`{"a"`, "ends where a colon should be"},
		{`{"a":tru}`, `'}' where a value should be at byte 8`},
		{"{\"a\":\"\x80\"}", "not UTF-8 at byte 6"},
		{"{\"a\":\"\n\"}", "inside a string"},
		{strings.Repeat(`{"a":`, rawjson.MaxDepth+1), "nested too deep"},
	} {
		err := rawjson.Object([]byte(tc.text), nil)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%.20q: got %v, want %s", tc.text, err, tc.want)
		}
	}
	stop := errors.New("stop")
	if err := rawjson.Object([]byte(`{"a":1}`), func(_, _ []byte) error { return stop }); err != stop {
		t.Errorf("visit's error: got %v, want it unchanged", err)
	}
}

func TestObjectDoesNotAllocate(t *testing.T) {
	text := []byte(`{"namespace":"guest","name":"hello","updated":1700000000000,"annotations":[{"key":"a","value":null}]}`)
	n := 0
	if got := testing.AllocsPerRun(100, func() {
		if err := rawjson.Object(text, func(_, _ []byte) error { n++; return nil }); err != nil {
			t.Fatal(err)
		}
	}); got != 0 {
		t.Errorf("allocations: got %v, want 0", got)
	}
}

func FuzzValidAgreesWithEncodingJSON(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":[1,-0.5e+7,true,null,"\u00e9\\"]}`, `[]`, ` "x" `, `1.`, `{"a":1,}`, "\"\x80\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		want := json.Valid(text) && utf8.Valid(text)
		if got := rawjson.Valid(text) == nil; got != want {
			t.Fatalf("%q: got %v, want %v", text, got, want)
		}
	})
}

func TestAppendString(t *testing.T) {
	for in, want := range map[string]string{
		"":                 `""`,
		"guest/hello":      `"guest/hello"`,
		"<&> \u00fc\u2028": "\"<&> \u00fc\u2028\"",
		"a\"\\\b\f\n\r\tz": `"a\"\\\b\f\n\r\tz"`,
		"\x00\x1f\x7f":     "\"\\u0000\\u001f\x7f\"",
		"a\xffb\xe2\x82":   "\"a\ufffdb\ufffd\ufffd\"",
	} {
		if got := string(rawjson.AppendString(nil, in)); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
		if got := string(rawjson.AppendString([]byte("x"), []byte(in))); got != "x"+want {
			t.Errorf("%q as bytes: got %s, want x%s", in, got, want)
		}
	}
}
