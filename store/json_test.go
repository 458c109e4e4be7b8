package store_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/store"
)

func TestDocumentJSON(t *testing.T) {
	for _, c := range []struct {
		name string
		doc  store.Document
		want string
	}{
		{"with a revision", store.Document{ID: "guest/hello", Version: store.Version{Rev: `"0a00"`}, Body: []byte(`{"name":"hello"}`)},
			`{"_id":"guest/hello","_rev":"\"0a00\"","name":"hello"}`},
		{"without a revision", store.Document{ID: "guest/hello", Body: []byte(`{"name":"hello"}`)}, `{"_id":"guest/hello","name":"hello"}`},
		{"an empty object", store.Document{ID: "a", Body: []byte(`{}`)}, `{"_id":"a"}`},
		{"an empty object with white space", store.Document{ID: "a", Version: store.Version{Rev: "1"}, Body: []byte(" {\n} ")}, `{"_id":"a","_rev":"1"} `},
		{"white space is kept inside", store.Document{ID: "a", Body: []byte(`{ "b" : 1 }`)}, `{"_id":"a","b" : 1 }`},
		{"no HTML escapes", store.Document{ID: "a<b&c", Body: []byte(`{"b":"<&>"}`)}, `{"_id":"a<b&c","b":"<&>"}`},
		{"numbers as written", store.Document{ID: "a", Body: []byte(`{"n":1.0e2,"m":12345678901234567890}`)}, `{"_id":"a","n":1.0e2,"m":12345678901234567890}`},
	} {
		got, err := c.doc.MarshalJSON()
		if err != nil || string(got) != c.want {
			t.Errorf("%s: got %s, %v, want %s", c.name, got, err, c.want)
		}
		if !json.Valid(got) {
			t.Errorf("%s: got malformed JSON %s", c.name, got)
		}
	}
	for _, body := range []string{"", "null", "[]", `"text"`} {
		doc := store.Document{ID: "guest/hello", Body: []byte(body)}
		if got, err := doc.MarshalJSON(); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("body %q: got %s, %v, want an error of kind %v", body, got, err, store.ErrInvalid)
		}
		if _, err := (store.Row{ID: "a", Doc: &doc}).MarshalJSON(); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("row with body %q: got %v, want an error of kind %v", body, err, store.ErrInvalid)
		}
	}
}

func TestRowJSON(t *testing.T) {
	doc := store.Document{ID: "guest/hello", Version: store.Version{Rev: "1-a"}, Body: []byte(`{"name":"hello"}`)}
	for _, c := range []struct {
		name string
		row  store.Row
		want string
	}{
		{"without a document", store.Row{ID: "guest/hello", Key: []byte(`["guest",1]`), Value: []byte(`{"a":1}`), Rev: "1-a"},
			`{"id":"guest/hello","key":["guest",1],"value":{"a":1}}`},
		{"with a document", store.Row{ID: "guest/hello", Key: []byte(`["guest"]`), Value: []byte(`null`), Doc: &doc},
			`{"id":"guest/hello","key":["guest"],"value":null,"doc":{"_id":"guest/hello","_rev":"1-a","name":"hello"}}`},
		{"a join without a document", store.Row{ID: "guest", Key: []byte(`["guest"]`), Value: []byte(`{}`), Joined: true},
			`{"id":"guest","key":["guest"],"value":{},"doc":null}`},
		{"a scalar key", store.Row{ID: "guest", Key: []byte(`"guest"`)}, `{"id":"guest","key":"guest","value":null}`},
		{"nothing", store.Row{}, `{"id":"","key":null,"value":null}`},
	} {
		got, err := c.row.MarshalJSON()
		if err != nil || string(got) != c.want {
			t.Errorf("%s: got %s, %v, want %s", c.name, got, err, c.want)
		}
	}
}

func TestQueryString(t *testing.T) {
	q := store.Query{Table: "whisks.v2.1.0/actions", StartKey: store.Key{"guest", 1}, EndKey: store.Key{"guest", store.Top}, Skip: 2, Limit: 3}
	if got, want := q.String(), `whisks.v2.1.0/actions ["guest",1] to ["guest","`+store.Top+`"] skip 2 limit 3`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	q = store.Query{Table: "subjects.v2.0.0/identities", StartKey: store.Key{"uuid", "hunter2"}, EndKey: store.Key{"uuid", "hunter2"}}
	if got, want := q.String(), `subjects.v2.0.0/identities ["uuid","(secret)"] to ["uuid","(secret)"] skip 0 limit 0`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	q = store.Query{Table: "whisks.v2.1.0/actions", StartKey: store.Key{func() {}}}
	if got, want := q.String(), `(malformed key)`; !strings.Contains(got, want) {
		t.Errorf("got %s, want it to hold %s", got, want)
	}
}
