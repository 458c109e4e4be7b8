package cosmos

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
)

// entityGolden are the entities as package entity knows them; for each there is
// a file of the same name here that holds what Scala stores for it, as cluster
// cluster-a.
const entityGolden = "../store/entity/testdata/golden"

// numbered decodes JSON and keeps the digits of its numbers.
func numbered(t *testing.T, text []byte) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// collectionOf is where a document belongs.
func collectionOf(doc map[string]any) string {
	switch doc["entityType"] {
	case "activation":
		return store.Activations
	case nil:
		return store.Subjects
	}
	return store.Whisks
}

// goldenPair is an entity and what is stored for it.
type goldenPair struct {
	name, collection string
	doc              store.Document
	stored           []byte
}

func goldenPairs(t *testing.T) (pairs []goldenPair) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(entityGolden, "*.json"))
	if err != nil || len(files) < 20 {
		t.Fatalf("golden entities: got %d files and %v", len(files), err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		stored, err := os.ReadFile(filepath.Join("testdata/golden", filepath.Base(f)))
		if err != nil {
			t.Fatalf("no stored form of %s: %v", f, err)
		}
		p := goldenPair{name: strings.TrimSuffix(filepath.Base(f), ".json"), stored: stored, collection: collectionOf(numbered(t, text))}
		body := []byte{'{'}
		if err := members(text, func(name, value, both []byte) {
			switch string(name) {
			case "_id":
				p.doc.ID, _ = stringValue(value)
			case "_rev":
			default:
				if len(body) > 1 {
					body = append(body, ',')
				}
				body = append(body, both...)
			}
		}); err != nil {
			t.Fatal(err)
		}
		p.doc.Body = append(body, '}')
		pairs = append(pairs, p)
	}
	return pairs
}

// Every entity is sent as Scala stores it, digit for digit.
func TestGoldenItems(t *testing.T) {
	for _, p := range goldenPairs(t) {
		t.Run(p.name, func(t *testing.T) {
			escaped, err := escapeID(p.doc.ID)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := encodeItem(p.collection, escaped, p.doc.Body, "cluster-a", 0)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := numbered(t, raw), numbered(t, p.stored); !reflect.DeepEqual(got, want) {
				t.Errorf("item:\ngot  %v\nwant %v", got, want)
			}
			it, err := decodeItem(p.stored)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := numbered(t, it.body), numbered(t, p.doc.Body); !reflect.DeepEqual(got, want) {
				t.Errorf("document read back:\ngot  %v\nwant %v", got, want)
			}
			if it.id != p.doc.ID || it.clusterID != "cluster-a" {
				t.Errorf("read back: got id %q and cluster %q, want %q and cluster-a", it.id, it.clusterID, p.doc.ID)
			}
		})
	}
}

// stored reads an item as the service has it, without what it adds itself.
func stored(t *testing.T, s *Store, id string) map[string]any {
	t.Helper()
	escaped, err := escapeID(id)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.reader.ReadItem(t.Context(), azcosmos.NewPartitionKeyString(escaped), escaped, nil)
	if err != nil {
		t.Fatalf("read of item %s: %v", escaped, err)
	}
	v := numbered(t, resp.Value)
	for _, own := range []string{"_rid", "_self", "_etag", "_attachments", "_ts"} {
		if v[own] == nil {
			t.Errorf("item %s: the service has no %s", escaped, own)
		}
		delete(v, own)
	}
	return v
}

// What is there after a creation, an update by another cluster, a soft delete and
// a creation over the tombstone is what Scala leaves there.
func TestGoldenLife(t *testing.T) {
	srv := startFake(t, cosmostest.Options{})
	accounts := &Accounts{}
	stores := map[string]*Store{}
	for _, c := range []string{store.Whisks, store.Activations, store.Subjects} {
		stores[c] = openFake(t, srv, c, Deps{Accounts: accounts}, nil)
	}
	for _, p := range goldenPairs(t) {
		t.Run(p.name, func(t *testing.T) {
			// The service refuses numbers beyond the range of a double, which that entity
			// has on purpose.
			p.doc.Body = bytes.ReplaceAll(p.doc.Body, []byte("1e400"), []byte("1e300"))
			p.stored = bytes.ReplaceAll(p.stored, []byte("1e400"), []byte("1e300"))
			s, ctx := stores[p.collection], t.Context()
			step := func(what string, change func(want map[string]any)) {
				t.Helper()
				want := map[string]any{}
				if err := json.Unmarshal(p.stored, &want); err != nil {
					t.Fatal(err)
				}
				if change != nil {
					change(want)
				}
				text, err := json.Marshal(stored(t, s, p.doc.ID))
				if err != nil {
					t.Fatal(err)
				}
				var got map[string]any
				if err := json.Unmarshal(text, &got); err != nil {
					t.Fatal(err)
				}
				if mark, _ := got[deleteMark].(string); (mark != "") != (got["_deleted"] == true) {
					t.Errorf("%s: the mark of deletions is %q", what, mark)
				}
				delete(got, deleteMark)
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%s: stored\n%v\nwant\n%v", what, got, want)
				}
			}
			doc := p.doc
			var err error
			doc.Version, err = s.Put(ctx, doc, &store.PutOptions{ClusterID: "cluster-a"})
			if err != nil {
				t.Fatal(err)
			}
			step("creation", nil)
			doc.Version, err = s.Put(ctx, doc, &store.PutOptions{ClusterID: "cluster-b"})
			if err != nil {
				t.Fatal(err)
			}
			step("update", func(want map[string]any) { want["_clusterId"] = "cluster-b" })
			doc.Version, err = s.Put(ctx, doc, nil)
			if err != nil {
				t.Fatal(err)
			}
			step("update without a cluster", func(want map[string]any) { delete(want, "_clusterId") })
			if _, err = s.Delete(ctx, doc.ID, doc.Version.Rev, &store.DeleteOptions{Tombstone: tombstoneTTL, ClusterID: "cluster-c"}); err != nil {
				t.Fatal(err)
			}
			step("soft delete", func(want map[string]any) {
				want["_deleted"], want["ttl"], want["_clusterId"] = true, tombstoneTTL.Seconds(), "cluster-c"
			})
			doc.Version.Rev = ""
			if doc.Version, err = s.Put(ctx, doc, &store.PutOptions{ClusterID: "cluster-a"}); err != nil {
				t.Fatal(err)
			}
			step("creation over the tombstone", nil)
			if _, err := s.Delete(ctx, doc.ID, doc.Version.Rev, nil); err != nil {
				t.Fatal(err)
			}
		})
	}
}
