package config

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/entity"
	"github.com/whiskstore/whiskstore/store/memory"
)

// TestStackIsWhatItSays drives an embedded stack and sees every decorator work.
func TestStackIsWhatItSays(t *testing.T) {
	now := time.Unix(1700000000, 0)
	reader := metric.NewManualReader()
	cfg := load(t, `
whisk:
  db:
    cluster-id: eu
    soft-delete-ttl: 1 h
    max-inline-size: 8
    collections.WhiskActivation: {time-to-live: 1 d, soft-delete-ttl: 0}`)
	s, err := Open(t.Context(), cfg, Deps{Now: func() time.Time { return now }, MeterProvider: metric.NewMeterProvider(metric.WithReader(reader))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()

	v, err := s.Whisks.Put(t.Context(), store.Document{ID: "guest/t", Body: []byte(`{"entityType":"trigger"}`)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := s.Whisks.Get(t.Context(), "guest/t", nil)
	if err != nil || doc.Meta.ClusterID != "eu" || !doc.Meta.Expires.IsZero() {
		t.Errorf("got %+v, %v, want a document of cluster eu that does not expire", doc.Meta, err)
	}
	if _, err := s.Whisks.Delete(t.Context(), "guest/t", v.Rev, nil); err != nil {
		t.Fatal(err)
	}
	doc, err = s.Whisks.Get(t.Context(), "guest/t", &store.GetOptions{Tombstones: true})
	if err != nil || !doc.Meta.Deleted || doc.Meta.ClusterID != "eu" || !doc.Meta.Expires.Equal(now.Add(time.Hour)) {
		t.Errorf("got %+v, %v, want a tombstone of cluster eu for an hour", doc.Meta, err)
	}

	v, err = s.Activations.Put(t.Context(), store.Document{ID: "guest/a", Body: []byte(`{"entityType":"activation"}`)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if doc, err = s.Activations.Get(t.Context(), "guest/a", nil); err != nil || !doc.Meta.Expires.Equal(now.Add(24*time.Hour)) {
		t.Errorf("got %+v, %v, want an activation that lives a day", doc.Meta, err)
	}
	if _, err := s.Activations.Delete(t.Context(), "guest/a", v.Rev, nil); err != nil {
		t.Fatal(err)
	}
	if _, err = s.Activations.Get(t.Context(), "guest/a", &store.GetOptions{Tombstones: true}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v, want no tombstone of an activation", err)
	}

	action := &entity.Action{Exec: entity.Exec{Kind: "nodejs:20", Code: &entity.Code{Inline: "function main() {}"}}}
	action.Namespace, action.Name = "guest", "hello"
	if _, err := s.Actions.PutAction(t.Context(), action, nil, nil); err != nil {
		t.Fatal(err)
	}
	attached := 0
	for a, err := range s.Attachments.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		attached++
		if a.DocID != "guest/hello" {
			t.Errorf("got an attachment of %s, want one of guest/hello", a.DocID)
		}
	}
	if attached != 1 {
		t.Errorf("got %d attachments, want code of 18 bytes to be one", attached)
	}

	for name, feed := range map[string]store.ChangeFeed{"whisks": s.Feeds.Whisks, "activations": s.Feeds.Activations, "subjects": s.Feeds.Subjects} {
		if _, err := feed.Ranges(t.Context()); err != nil {
			t.Errorf("feed of %s: %v", name, err)
		}
	}
	var measured metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &measured); err != nil || !strings.Contains(fmt.Sprint(measured), "whiskstore.operations") {
		t.Errorf("got %v, want operations that are measured (%v)", measured, err)
	}
}

func TestStackSurvivesReopening(t *testing.T) {
	cfg := load(t, "whisk.memory-store.directory: "+t.TempDir(), "whisk.db.max-inline-size: 0")
	for run := range 2 {
		s, err := Open(t.Context(), cfg, Deps{})
		if err != nil {
			t.Fatal(err)
		}
		if run == 0 {
			if _, err := s.Subjects.Put(t.Context(), store.Document{ID: "guest", Body: []byte(`{}`)}, nil); err != nil {
				t.Error(err)
			}
			if _, err := s.Attachments.Attach(t.Context(), "guest/a", "1", strings.NewReader("code"), nil); err != nil {
				t.Error(err)
			}
		} else {
			if _, err := s.Subjects.Get(t.Context(), "guest", nil); err != nil {
				t.Errorf("got %v, want the document of the run before", err)
			}
			if r, err := s.Attachments.Read(t.Context(), "guest/a", "1", nil); err != nil {
				t.Errorf("got %v, want the attachment of the run before", err)
			} else if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDirectoryOfAnother: opening fails half way, and lets go of what it held.
func TestDirectoryOfAnother(t *testing.T) {
	dir := t.TempDir()
	held, err := memory.New(memory.Options{Collection: store.Subjects, Dir: dir + "/subjects"})
	if err != nil {
		t.Fatal(err)
	}
	cfg := load(t, "whisk.memory-store.directory: "+dir)
	if _, err := Open(t.Context(), cfg, Deps{}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v, want unavailable", err)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), cfg, Deps{})
	if err != nil {
		t.Fatalf("got %v: the directories of the failed attempt are still held", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestBackendsThatAreNotBuilt(t *testing.T) {
	for _, tc := range []struct{ file, want string }{
		{"testdata/cosmos.yaml", "no S3 attachment store"},
		{"testdata/couchdb.yaml", "no CouchDB backend"},
	} {
		cfg, err := Load(&LoadOptions{File: tc.file})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), cfg, Deps{}); !errors.Is(err, store.ErrUnsupported) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want unsupported: %s", tc.file, err, tc.want)
		}
	}
	cfg := load(t, "whisk.spi: {ArtifactStoreProvider: memory, AttachmentStoreProvider: s3}", "whisk.s3.bucket: code")
	if _, err := Open(t.Context(), cfg, Deps{}); !errors.Is(err, store.ErrUnsupported) || !strings.Contains(err.Error(), "no S3") {
		t.Errorf("got %v, want unsupported: no S3", err)
	}
}

// TestControllerEnvironment starts the stack with a whole environment of
// upstream's deployment and one variable that chooses the backend.
func TestControllerEnvironment(t *testing.T) {
	cfg, err := Load(&LoadOptions{Environ: environOf(t, "testdata/controller-embedded.env")})
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.CouchDB.Password.Reveal(); got != "$some_passw0rd" {
		t.Errorf("got a password of %d characters, want that of COUCH_PASSWORD", len(got))
	}
	s, err := Open(t.Context(), cfg, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Whisks.Get(t.Context(), "guest/none", nil); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v, want not found", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// fakes record what is opened and closed, and fail where they are told to.
type fakes struct {
	log  []string
	fail string
}

func (f *fakes) do(what string) error {
	f.log = append(f.log, what)
	if what == f.fail {
		return &store.Error{Op: store.OpOpen, Kind: store.ErrUnavailable, ID: what}
	}
	return nil
}

func (f *fakes) openers() openers {
	return openers{
		func(context.Context, *plan, Deps) (database, error) {
			if err := f.do("open database"); err != nil {
				return nil, err
			}
			return fakeDatabase{f}, nil
		},
		func(context.Context, *plan, Deps) (store.AttachmentStore, error) {
			if err := f.do("open attachments"); err != nil {
				return nil, err
			}
			return fakeAttachments{nil, f}, nil
		},
	}
}

type fakeDatabase struct{ f *fakes }

func (d fakeDatabase) close() error { return d.f.do("close database") }

func (d fakeDatabase) open(_ context.Context, c *collectionPlan) (part, error) {
	if err := d.f.do("open " + c.collection); err != nil {
		return part{}, err
	}
	return part{store: fakeStore{nil, d.f, c.collection}, feed: fakeFeed{nil, d.f, c.collection}}, nil
}

type fakeStore struct {
	store.ArtifactStore
	f    *fakes
	name string
}

func (s fakeStore) Close() error { return s.f.do("close " + s.name) }

type fakeFeed struct {
	store.ChangeFeed
	f    *fakes
	name string
}

func (s fakeFeed) Close() error { return s.f.do("close feed of " + s.name) }

type fakeAttachments struct {
	store.AttachmentStore
	f *fakes
}

func (a fakeAttachments) Close() error { return a.f.do("close attachments") }

func TestClose(t *testing.T) {
	opening := []string{"open database", "open whisks", "open activations", "open subjects", "open attachments"}
	closing := []string{"close feed of subjects", "close feed of activations", "close feed of whisks", "close attachments",
		"close subjects", "close activations", "close whisks", "close database"}
	p, err := load(t).plan()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("CRUD-I3_differs", func(t *testing.T) {
		f := &fakes{}
		s, err := p.open(t.Context(), Deps{}, f.openers())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Close(); !errors.Is(err, store.ErrClosed) {
			t.Errorf("second close: got %v, want closed", err)
		}
		if want := slices.Concat(opening, closing); !slices.Equal(f.log, want) {
			t.Errorf("got %q, want %q", f.log, want)
		}
	})
	for i, fail := range opening {
		t.Run("failing_to_"+strings.ReplaceAll(fail, " ", "_"), func(t *testing.T) {
			f := &fakes{fail: fail}
			if _, err := p.open(t.Context(), Deps{}, f.openers()); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("got %v, want unavailable", err)
			}
			want := slices.Clone(opening[:i+1])
			for _, c := range closing {
				_, what, _ := strings.Cut(c, "close ")
				if slices.Contains(opening[:i], "open "+strings.TrimPrefix(what, "feed of ")) {
					want = append(want, c)
				}
			}
			if !slices.Equal(f.log, want) {
				t.Errorf("got %q, want %q", f.log, want)
			}
		})
	}
	for _, fail := range closing {
		t.Run("failing_to_"+strings.ReplaceAll(fail, " ", "_"), func(t *testing.T) {
			f := &fakes{fail: fail}
			s, err := p.open(t.Context(), Deps{}, f.openers())
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("got %v, want unavailable", err)
			}
			if want := slices.Concat(opening, closing); !slices.Equal(f.log, want) {
				t.Errorf("got %q, want all of %q closed", f.log, want)
			}
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		f := &fakes{}
		if _, err := p.open(ctx, Deps{}, f.openers()); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want canceled", err)
		}
		if want := []string{"open database", "close database"}; !slices.Equal(f.log, want) {
			t.Errorf("got %q, want %q", f.log, want)
		}
	})
}
