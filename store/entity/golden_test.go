package entity_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/entity"
	"github.com/whiskstore/whiskstore/store/internal/rawjson"
)

// typed is what every document type does.
type typed interface {
	store.DocumentUnmarshaler
	store.DocumentMarshaler
	DocID() string
}

// split makes a Document of a full upstream document.
func split(t testing.TB, text []byte) store.Document {
	t.Helper()
	var doc store.Document
	body := []byte{'{'}
	err := rawjson.Object(text, func(name, value []byte) error {
		switch string(name) {
		case "_id":
			doc.ID = string(bytes.Trim(value, `"`))
		case "_rev":
			doc.Version.Rev = string(bytes.Trim(value, `"`))
		default:
			if len(body) > 1 {
				body = append(body, ',')
			}
			body = append(append(append(append(body, '"'), name...), '"', ':'), value...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	doc.Body = append(body, '}')
	return doc
}

// decode reads doc as the type of the collection that its id and members show.
func decode(doc store.Document) (typed, error) {
	switch {
	case entity.IsLimitsID(doc.ID):
		n := &entity.NamespaceLimits{}
		return n, n.UnmarshalDocument(doc)
	case !strings.Contains(doc.ID, "/"):
		a := &entity.Auth{}
		return a, a.UnmarshalDocument(doc)
	}
	e, err := entity.Decode(doc)
	if err != nil {
		return nil, err
	}
	return e, nil
}

func encode(t testing.TB, v typed) []byte {
	t.Helper()
	doc, err := v.MarshalDocument()
	if err != nil {
		t.Fatal(err)
	}
	text, err := doc.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func files(t testing.TB, pattern string) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(names) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	out := map[string][]byte{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(name), ".json")] = bytes.TrimSuffix(text, []byte("\n"))
	}
	return out
}

func TestGoldenRoundTrip(t *testing.T) {
	for name, text := range files(t, "golden/*.json") {
		t.Run(name, func(t *testing.T) {
			doc := split(t, text)
			kept := bytes.Clone(doc.Body)
			v, err := decode(doc)
			if err != nil {
				t.Fatal(err)
			}
			if got := v.DocID(); got != doc.ID {
				t.Errorf("id: got %q, want %q", got, doc.ID)
			}
			if !bytes.Equal(doc.Body, kept) {
				t.Errorf("the body was changed: got %s, want %s", doc.Body, kept)
			}
			clear(doc.Body) // nothing decoded may point into it
			if got := encode(t, v); string(got) != string(text) {
				t.Errorf("got  %s\nwant %s", got, text)
			}
		})
	}
}

// White space does not survive, order and spelling do.
func TestGoldenRoundTripOfIndentedText(t *testing.T) {
	for name, text := range files(t, "golden/*.json") {
		t.Run(name, func(t *testing.T) {
			doc := split(t, text)
			doc.Body = indent(doc.Body)
			v, err := decode(doc)
			if err != nil {
				t.Fatal(err)
			}
			if got := encode(t, v); string(got) != string(text) {
				t.Errorf("got  %s\nwant %s", got, text)
			}
		})
	}
}

// indent puts white space around every token outside strings.
func indent(text []byte) []byte {
	var out []byte
	inString := false
	for i, c := range text {
		if c == '"' && (i == 0 || text[i-1] != '\\' || bytes.HasSuffix(text[:i], []byte(`\\`))) {
			inString = !inString
		}
		if !inString && strings.IndexByte("{}[],:", c) >= 0 {
			out = append(out, "\n\t "...)
			out = append(out, c, '\r', ' ')
			continue
		}
		out = append(out, c)
	}
	return out
}

func TestOtherSpellingsAreReadAndUpstreamsWritten(t *testing.T) {
	all := files(t, "read/*.json")
	for name, text := range all {
		if strings.HasSuffix(name, ".want") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			want, ok := all[name+".want"]
			if !ok {
				t.Fatalf("no testdata/read/%s.want.json", name)
			}
			v, err := decode(split(t, text))
			if err != nil {
				t.Fatal(err)
			}
			if got := encode(t, v); string(got) != string(want) {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// A value that was never read is written in upstream's order.
func TestFreshValuesHaveUpstreamsOrder(t *testing.T) {
	ns, name, updated := entity.EntityPath("guest"), entity.EntityName("a"), entity.Instant(1700000000000)
	ref := entity.FullyQualifiedEntityName{Path: "guest", Name: "x"}
	secret := entity.NewSecret(strings.Repeat("k", entity.SecretLength))
	for _, tc := range []struct {
		v    store.DocumentMarshaler
		want string
	}{
		{&entity.Action{Namespace: ns, Name: name, Exec: entity.Exec{Kind: "nodejs:20", Code: &entity.Code{Inline: "x"}, Main: new("m")},
			Limits: entity.ActionLimits{Timeout: 1, Memory: 2, Logs: new(3), Concurrency: new(4), Instances: new(5)}, Updated: updated},
			`{"namespace":"guest","name":"a","exec":{"kind":"nodejs:20","code":"x","binary":false,"main":"m"},"parameters":[],` +
				`"limits":{"timeout":1,"memory":2,"logs":3,"concurrency":4,"instances":5},"version":"0.0.1","publish":false,` +
				`"annotations":[],"updated":1700000000000,"entityType":"action"}`},
		{&entity.Package{Namespace: ns, Name: name, Updated: updated},
			`{"namespace":"guest","name":"a","binding":{},"parameters":[],"version":"0.0.1","publish":false,"annotations":[],` +
				`"updated":1700000000000,"entityType":"package"}`},
		{&entity.Trigger{Namespace: ns, Name: name, Updated: updated, Rules: entity.Rules{{Rule: ref, Action: ref, Status: entity.Active}}},
			`{"namespace":"guest","name":"a","parameters":[],"limits":{},"version":"0.0.1","publish":false,"annotations":[],` +
				`"rules":{"guest/x":{"action":{"path":"guest","name":"x"},"status":"active"}},"updated":1700000000000,"entityType":"trigger"}`},
		{&entity.Rule{Namespace: ns, Name: name, Trigger: ref, Action: ref, Updated: updated},
			`{"namespace":"guest","name":"a","trigger":{"path":"guest","name":"x"},"action":{"path":"guest","name":"x"},` +
				`"version":"0.0.1","publish":false,"annotations":[],"updated":1700000000000,"entityType":"rule"}`},
		{&entity.Activation{Namespace: ns, Name: name, Subject: "guest", ActivationID: "0ab1c2d3e4f5061728394a5b6c7d8e9f",
			Cause: "0ab1c2d3e4f5061728394a5b6c7d8e90", Start: 1, End: 3, Duration: new(int64(2)), Updated: updated,
			Response: entity.ActivationResponse{Result: []byte(`{ "ok": 1 }`), Size: new(8)}},
			`{"namespace":"guest","name":"a","subject":"guest","activationId":"0ab1c2d3e4f5061728394a5b6c7d8e9f","start":1,"end":3,` +
				`"cause":"0ab1c2d3e4f5061728394a5b6c7d8e90","response":{"statusCode":0,"result":{"ok":1},"size":8},"logs":[],` +
				`"version":"0.0.1","publish":false,"annotations":[],"duration":2,"updated":1700000000000,"entityType":"activation"}`},
		{&entity.Auth{Subject: "guest", Blocked: new(true), Namespaces: []entity.AuthNamespace{{Name: "guest", UUID: "u", Key: secret}}},
			`{"subject":"guest","namespaces":[{"name":"guest","uuid":"u","key":"` + secret.Reveal() + `"}],"blocked":true}`},
		{&entity.NamespaceLimits{Namespace: "guest"}, `{}`},
	} {
		doc, err := tc.v.MarshalDocument()
		if err != nil {
			t.Errorf("%T: %v", tc.v, err)
			continue
		}
		if string(doc.Body) != tc.want {
			t.Errorf("%T:\ngot  %s\nwant %s", tc.v, doc.Body, tc.want)
		}
	}
}
