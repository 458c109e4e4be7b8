package jsonraw_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/jsonraw"
)

func TestNormalize(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{" { \"a\" : [ 1 , 2.50, -0.0 ] } ", `{"a":[1,2.5,0]}`},
		{`18446744073709551615`, `18446744073709551615`},
		{`18446744073709551616`, `1.8446744073709552e+019`},
		{`1e400`, ""}, {`NaN`, ""}, {`01`, ""}, {`1.`, ""}, {`[1,]`, ""}, {`{"a"}`, ""}, {`"a` + "\n" + `"`, ""}, {``, ""}, {`1 2`, ""}, {`tru`, ""},
		{`"\u00e9\ud83d\ude00\/"`, `"é😀/"`},
		{`"\ud800x"`, "\"\uFFFDx\""},
		{`"\u0000\b"`, `"\u0000\u0008"`},
		{strings.Repeat("[", 200) + strings.Repeat("]", 200), ""},
	} {
		got, err := jsonraw.Normalize([]byte(c.in))
		if (err != nil) != (c.want == "") || got != c.want {
			t.Errorf("%s: got %q, %v want %q", c.in, got, err, c.want)
		}
	}
}

func TestLookup(t *testing.T) {
	const text = `{"a":{"b":[1,"]}"]},"q\"":2,"c":null}`
	for _, c := range []struct{ name, want string }{{"a", `{"b":[1,"]}"]}`}, {`q"`, "2"}, {"c", "null"}, {"b", ""}} {
		if got, _ := jsonraw.Lookup(text, c.name); got != c.want {
			t.Errorf("%s: got %q want %q", c.name, got, c.want)
		}
	}
	if got, _ := jsonraw.Index(`[1,[2],3]`, 1); got != "[2]" {
		t.Errorf("element: got %q want [2]", got)
	}
}

func TestQueryForm(t *testing.T) {
	const in = `{"a":18446744073709551615,"b":"18446744073709551615","c":1e+025,"d":9223372036854775807}`
	const want = `{"a":1.8446744073709552e+19,"b":"18446744073709551615","c":1e+25,"d":9223372036854775807}`
	if !jsonraw.Wide(in) || jsonraw.Wide(`{"a":1,"b":"1e5"}`) {
		t.Error("Wide: got the opposite")
	}
	if got := jsonraw.QueryForm(in); got != want {
		t.Errorf("got %s want %s", got, want)
	}
}

// FuzzNormalize holds the reader against encoding/json: what one accepts, the other does, with the same value.
func FuzzNormalize(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e3,"x\n\u1234"],"b":null}`, `"\ud83d"`, `[[],{}]`, `-0`, `1e-400`} {
		f.Add([]byte(s))
	}
	f.Add([]byte("\"\xd3\xd3\""))
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := jsonraw.Normalize(in)
		var want any
		wantErr := json.Unmarshal(in, &want)
		if err == jsonraw.ErrDepth {
			return // encoding/json nests deeper
		}
		if (err != nil) != (wantErr != nil) {
			t.Fatalf("%q: got %v, encoding/json %v", in, err, wantErr)
		}
		if err != nil {
			return
		}
		var back any
		if err := json.Unmarshal([]byte(got), &back); err != nil {
			t.Fatalf("%q became %q: %v", in, got, err)
		}
		if !reflect.DeepEqual(back, want) {
			t.Fatalf("%q became %q: got %v want %v", in, got, back, want)
		}
		if again, err := jsonraw.Normalize([]byte(got)); err != nil || again != got {
			t.Fatalf("%q is not a fixed point: %q, %v", got, again, err)
		}
	})
}
