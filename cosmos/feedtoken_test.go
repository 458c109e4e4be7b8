package cosmos

import (
	"errors"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/store"
)

var somePositions = []feedPosition{
	{rid: "WjwAALF+Ask=", min: "", max: "FF"},
	{rid: "WjwAALF+Ask=", min: "", max: "FF", since: 1727054802},
	{rid: "WjwAALF+Ask=", min: "05C1DFFFFFFFFC", max: "1FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", etag: `"43"`},
	{rid: "WjwAALF+Ask=", min: "", max: "FF", etag: `"18446744073709551615"`, since: 5, region: "West Europe"},
}

func TestFeedToken(t *testing.T) {
	for _, want := range somePositions {
		got, err := parsePosition(want.token())
		if err != nil || got != want {
			t.Errorf("position of token %q: got %+v and %v, want %+v", want.token(), got, err, want)
		}
		etag, err := ContinuationToken(want.token())
		if err != nil || etag != want.etag {
			t.Errorf("ContinuationToken(%q): got %q and %v, want %q", want.token(), etag, err, want.etag)
		}
	}
	if _, err := ContinuationToken("x"); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("ContinuationToken of nonsense: got %v, want ErrInvalid", err)
	}
}

// Every token that differs in one byte, or that is well-formed and says what
// cannot be, is refused.
func TestFeedTokenRefused(t *testing.T) {
	for _, p := range somePositions {
		text := string(p.token())
		for i := range text {
			for _, c := range []byte("0|\"x ") {
				if bad := text[:i] + string(c) + text[i+1:]; bad != text {
					if got, err := parsePosition(store.Token(bad)); err == nil {
						t.Errorf("token %q: got %+v, want an error", bad, got)
					}
				}
			}
		}
	}
	sum := func(text string) store.Token { return store.Token(text + "|" + tokenSum(text)) }
	for _, text := range []string{
		`2|WjwAALF+Ask=||FF|"43"|0|`, `1|WjwAALF+Ask=||FF|43|0|`, `1|WjwAALF+Ask=||FF|*|0|`, `1|WjwAALF+Ask=||FF|"043"|0|`,
		`1|WjwAALF+Ask=||FF|"-1"|0|`, `1|WjwAALF+Ask=||FF|"43"|-1|`, `1|WjwAALF+Ask=||FF|"43"|+1|`, `1|WjwAALF+Ask=|FF||"43"|0|`,
		`1|WjwAALF+Ask=|||"43"|0|`, `1|||FF|"43"|0|`, `1|WjwAALF+Ask=||FF|"43"|0`, `1|WjwAALF+Ask=||FF|"43"|0||`, "", "1",
		`{"version":1,"resourceId":"","continuation":[{"minInclusive":"","maxExclusive":"FF"}]}`, `1|a||FF||0|` + strings.Repeat("x", 1024),
	} {
		if got, err := parsePosition(sum(text)); err == nil {
			t.Errorf("token %q: got %+v, want an error", text, got)
		}
	}
}

// A token is accepted only in the one spelling that its position has.
func FuzzFeedToken(f *testing.F) {
	for _, p := range somePositions {
		f.Add(string(p.token()), false)
		text := string(p.token())
		f.Add(text[:strings.LastIndexByte(text, '|')], true)
	}
	f.Add("", false)
	f.Fuzz(func(t *testing.T, text string, sign bool) {
		if sign { // behind the checksum
			text += "|" + tokenSum(text)
		}
		p, err := parsePosition(store.Token(text))
		if err != nil {
			return
		}
		if got := string(p.token()); got != text {
			t.Errorf("token %q: got the position of %q", text, got)
		}
		if _, ok := parseETag(p.etag); p.rid == "" || p.min >= p.max || p.since < 0 || p.etag != "" && !ok {
			t.Errorf("token %q: got %+v, which cannot be", text, p)
		}
	})
}
