package entity_test

import (
	"bytes"
	"testing"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/entity"
)

// FuzzDecode reads arbitrary text as every type. What can be read can be
// written, and what was written is read and written again without a change.
func FuzzDecode(f *testing.F) {
	for _, pattern := range []string{"golden/*.json", "read/*.json"} {
		for _, text := range files(f, pattern) {
			f.Add([]byte(split(f, text).Body))
		}
	}
	f.Add([]byte(`{"subject":"guest","namespaces":[],"\u0075uid":"\ud800","key":"\\"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		doc := store.Document{ID: "guest/limits", Version: store.Version{Rev: "1-x"}, Body: body}
		for _, v := range []typed{&entity.Action{}, &entity.Package{}, &entity.Trigger{}, &entity.Rule{},
			&entity.Activation{}, &entity.Auth{}, &entity.NamespaceLimits{}} {
			if v.UnmarshalDocument(doc) == nil {
				stable(t, v)
			}
		}
		if e, err := entity.Decode(doc); err == nil {
			stable(t, e)
		}
		_ = new(entity.ActionMetaData).UnmarshalDocument(doc)
		if !bytes.Equal(doc.Body, body) {
			t.Fatal("the body was changed")
		}
	})
}

func stable(t *testing.T, v typed) {
	t.Helper()
	once, err := v.MarshalDocument()
	if err != nil {
		t.Fatalf("%T was read but cannot be written: %v", v, err)
	}
	if once.Version.Rev != "1-x" {
		t.Fatalf("revision: got %q, want the one that was read", once.Version.Rev)
	}
	if err := v.UnmarshalDocument(once); err != nil {
		t.Fatalf("%T was written but cannot be read: %v\n%s", v, err, once.Body)
	}
	twice, err := v.MarshalDocument()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(once.Body, twice.Body) || once.ID != twice.ID {
		t.Fatalf("%T:\nonce  %s\ntwice %s", v, once.Body, twice.Body)
	}
}

// FuzzUnlock: no stored value may do more than fail.
func FuzzUnlock(f *testing.F) {
	for _, tc := range lockedValues {
		f.Add([]byte(`"`+tc.aes128+`"`), false)
		f.Add([]byte(`"`+tc.aes256+`"`), true)
	}
	f.Add([]byte(`""`), false)
	f.Add([]byte(`"`), true)
	e := encryption(f, entity.AES128)
	f.Fuzz(func(t *testing.T, value []byte, long bool) {
		alg := entity.AES128
		if long {
			alg = entity.AES256
		}
		ps, err := e.Unlock(entity.Parameters{{Key: "k", Value: value, Encryption: alg}})
		if err == nil && len(ps) != 1 {
			t.Fatalf("got %d parameters", len(ps))
		}
	})
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"guest", "/guest/utils/hello", "a//b", "1 MB", "0.0.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := entity.ParseEntityPath(s); err == nil {
			if again, err := entity.ParseEntityPath(string(p)); err != nil || again != p {
				t.Fatalf("path %q: got %q, then %q, %v", s, p, again, err)
			}
		}
		if n, err := entity.ParseFullyQualifiedEntityName(s); err == nil {
			if again, err := entity.ParseFullyQualifiedEntityName(n.DocID()); err != nil || !again.Equal(n) {
				t.Fatalf("name %q: got %v, then %v, %v", s, n, again, err)
			}
		}
		if b, err := entity.ParseByteSize(s); err == nil {
			if again, err := entity.ParseByteSize(b.String()); err != nil || again != b {
				t.Fatalf("size %q: got %v, then %v, %v", s, b, again, err)
			}
		}
		if v, err := entity.ParseSemVer(s); err == nil {
			if again, err := entity.ParseSemVer(v.String()); err != nil || again != v {
				t.Fatalf("version %q: got %v, then %v, %v", s, v, again, err)
			}
		}
	})
}
