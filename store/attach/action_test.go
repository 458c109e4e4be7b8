package attach_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/attach"
	"github.com/whiskstore/whiskstore/store/entity"
)

// TestLegacyCode stores documents as older deployments wrote them.
func TestLegacyCode(t *testing.T) {
	for name, exec := range map[string]string{
		"AC-03_string_that_looks_like_base64": `{"kind":"nodejs:20","code":"SGVsbG8gT3BlbldoaXNr","binary":false}`,
		"AC-04_string":                        `{"kind":"nodejs:20","code":"while (true)","binary":false}`,
		"AC-05_blackbox":                      `{"kind":"blackbox","image":"guest/image","code":"while (true)","binary":false}`,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, nil)
			body := `{"namespace":"guest","name":"old","exec":` + exec + `,"parameters":[],"limits":{"timeout":60000,"memory":256},` +
				`"version":"0.0.1","publish":false,"annotations":[],"updated":1,"entityType":"action"}`
			if _, err := f.docs.Put(t.Context(), store.Document{ID: "guest/old", Body: []byte(body)}, nil); err != nil {
				t.Fatal(err)
			}
			got, err := f.GetAction(t.Context(), "guest/old", nil)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(exec, `"code":"`+got.Exec.Code.Inline+`"`) {
				t.Errorf("code: got %q, want it as in %s", got.Exec.Code.Inline, exec)
			}
		})
	}
}

func TestBinaryCodeBetweenControlCharacters(t *testing.T) {
	f := newFixture(t, &attach.Options{MaxInlineSize: -1})
	for i, code := range []string{"QUJD\x00", "\x1b QUJD\r\n"} {
		name := string(rune('a' + i))
		stored, err := f.PutAction(t.Context(), newAction(name, code), nil, nil)
		if err != nil {
			t.Errorf("%q: %v", code, err)
			continue
		}
		if got, err := f.GetAction(t.Context(), "guest/"+name, nil); err != nil || got.Exec.Code.Inline != "QUJD" {
			t.Errorf("%q: got %v and %v, want the base64 alone", code, got, err)
		}
		if attach.Known(stored, code) == nil {
			t.Errorf("%q: the code is not known", code)
		}
	}
}

// TestCodeTakesItsSize: caches count the bytes of what they hold by its size.
func TestCodeTakesItsSize(t *testing.T) {
	f := newFixture(t, nil)
	for name, code := range map[string]string{"text": strings.Repeat("x;", 2<<20), "binary": binary(3 << 20)} {
		if _, err := f.PutAction(t.Context(), newAction(name, code), nil, nil); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := f.Assemble(t.Context(), "guest/"+name, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > uint64(got.Size())*5/4 {
			t.Errorf("%s: code of size %d took %d bytes", name, got.Size(), took)
		}
	}
}

func TestGetActionBelongsToTheCaller(t *testing.T) {
	f := newFixture(t, &attach.Options{MaxInlineSize: -1})
	var old *entity.Attached
	var at store.Version
	for _, code := range []string{"exports.main = () => ({})", "", binary(30000)} {
		action := newAction("a", code)
		action.Revision = at
		stored, err := f.PutAction(t.Context(), action, old, nil)
		if err != nil {
			t.Fatal(err)
		}
		old, at = stored.Exec.Code.Attached, stored.Revision
		got, err := f.GetAction(t.Context(), "guest/a", nil)
		if err != nil {
			t.Fatal(err)
		}
		if got.Exec.Code.Inline != code {
			t.Errorf("code of %d bytes: got %.20q, want %.20q", len(code), got.Exec.Code.Inline, code)
		}
	}
	if _, err := f.DeleteAction(t.Context(), "guest/a", at.Rev, nil); err != nil {
		t.Fatal(err)
	}
	if got := count(t, f.attachments); got != 0 {
		t.Errorf("attachments after the deletion: got %d, want 0", got)
	}
}
