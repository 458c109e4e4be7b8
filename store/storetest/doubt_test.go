package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/store"
)

// TestReplayOfDoubt holds that Replay accepts stores that lose replies: of writes
// that have happened, happen later, and never happen, at one side or both.
func TestReplayOfDoubt(t *testing.T) {
	for _, collection := range []string{store.Whisks, store.Activations, store.Subjects} {
		for _, sides := range []int{1, 2} {
			t.Run(fmt.Sprint(collection, "_", sides), func(t *testing.T) {
				for seed := range uint64(10) {
					a, b := newLossy(over(t, spoiled{}, collection), seed), newLossy(over(t, spoiled{}, collection), seed+100)
					o := lossyOptions(collection, seed+1, a, b)
					if sides == 1 {
						Replay(t, &o, a, b.next)
						b.lost++
					} else {
						Replay(t, &o, a, b)
					}
					if a.lost == 0 || b.lost == 0 {
						t.Errorf("seed %d: got %d and %d lost replies, want some", seed, a.lost, b.lost)
					}
					a.late.Wait()
					b.late.Wait()
				}
			})
		}
	}
}

func lossyOptions(collection string, seed uint64, stores ...*lossy) ReplayOptions {
	return ReplayOptions{Seed: seed, Collection: collection,
		Lost: func() (n int) {
			for _, l := range stores {
				l.mu.Lock()
				n += l.lost
				l.mu.Unlock()
			}
			return n
		},
		Late: func() {
			for _, l := range stores {
				l.late.Wait()
			}
		}}
}

// replayed runs a replay over two stores, each spoiled, and returns what failed.
func replayed(t *testing.T, o ReplayOptions, a, b spoiled) string {
	outcomes := record(t, func(t tb, _ NewHarness) {
		t.Run("replay", func(r tb) {
			Replay(r, &o, over(r, a, o.Collection), over(r, b, o.Collection))
		})
	}, nil)
	return strings.Join(outcomes["replay"].log, "\n")
}

// always grows with each look: every doubt has an excuse.
func always() func() int {
	n := 0
	return func() int { n++; return n }
}

// sometimes grows at every fourth write: of two looks, one before and one after.
func sometimes() func() int {
	n := 0
	return func() int { n++; return n / 8 }
}

func doubtful(err error) error {
	if err != nil && store.KindOf(err) != store.ErrConflict {
		return err
	}
	return &store.Error{Op: store.OpPut, Kind: store.ErrInDoubt, Err: errLost}
}

// TestReplayDoubtMutants holds that Replay finds stores that are wrong about
// what they do not know.
func TestReplayDoubtMutants(t *testing.T) {
	inDoubt := onPut(func(w *wrong) putFunc {
		return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
			_, err := w.next.Put(ctx, doc, &opts)
			return store.Version{}, doubtful(err)
		}
	})
	readsInDoubt := onGet(func(w *wrong) getFunc {
		return func(ctx context.Context, id string, opts store.GetOptions) (store.Document, error) {
			if opts.Tombstones {
				return w.next.Get(ctx, id, &opts)
			}
			return store.Document{}, doubtful(nil)
		}
	})
	for _, m := range []struct {
		defect  string
		lost    func() func() int
		settles bool
		want    string
		spoil   spoiled
	}{
		{"is always in doubt", nil, false, "though no answer was lost", inDoubt},
		{"is in doubt of more writes than had their answer lost", sometimes, false, "though no answer was lost", inDoubt},
		{"never finds out", always, true, "though nothing stood against it", inDoubt},
		{"never writes and is in doubt", always, false, "b: in doubt", onPut(func(*wrong) putFunc {
			return func(context.Context, store.Document, store.PutOptions) (store.Version, error) {
				return store.Version{}, doubtful(nil)
			}
		})},
		{"is in doubt and wrote another body", always, false, "after which the store holds", onPut(func(w *wrong) putFunc {
			return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
				doc.Body = []byte(`{"another":true}`)
				_, err := w.next.Put(ctx, doc, &opts)
				return store.Version{}, doubtful(err)
			}
		})},
		{"is in doubt and wrote over what it should not", always, false, "after which the store holds", onPut(func(w *wrong) putFunc {
			return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
				v, err := w.next.Put(ctx, doc, &opts)
				if errors.Is(err, store.ErrConflict) {
					_, err = w.forced(ctx, doc, opts)
					return store.Version{}, doubtful(err)
				}
				return v, err
			}
		})},
		{"is in doubt and deleted what it was to update", always, false, "after which the store holds", onPut(func(w *wrong) putFunc {
			return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
				if now, live := w.current(doc.ID); live && now.Version.Rev == doc.Version.Rev {
					_, err := w.next.Delete(ctx, doc.ID, doc.Version.Rev, nil)
					return store.Version{}, doubtful(err)
				}
				return w.next.Put(ctx, doc, &opts)
			}
		})},
		{"refuses a write that it did", nil, false, "after which the store holds", onPut(func(w *wrong) putFunc {
			return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
				if _, err := w.next.Put(ctx, doc, &opts); err != nil {
					return store.Version{}, err
				}
				return store.Version{}, &store.Error{Op: store.OpPut, Kind: store.ErrUnavailable}
			}
		})},
		{"refuses an update and changes nothing but the revision", nil, false, "after which the store holds", onPut(func(w *wrong) putFunc {
			return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
				v, err := w.next.Put(ctx, doc, &opts)
				if now, live := w.current(doc.ID); live && err != nil {
					_, _ = w.next.Put(ctx, now, nil)
				}
				return v, err
			}
		})},
		{"says ok to a refused write", always, false, "b: ok", onPut(func(w *wrong) putFunc {
			return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
				v, err := w.next.Put(ctx, doc, &opts)
				if now, live := w.current(doc.ID); live && errors.Is(err, store.ErrConflict) {
					return now.Version, nil
				}
				return v, err
			}
		})},
		{"is in doubt of a delete and left another body", always, false, "after which the store holds", onDelete(func(w *wrong) deleteFunc {
			return func(ctx context.Context, id, rev string, opts store.DeleteOptions) (store.Version, error) {
				if now, live := w.current(id); live && now.Version.Rev == rev {
					now.Body = []byte(`{"another":true}`)
					_, err := w.next.Put(ctx, now, nil)
					return store.Version{}, doubtful(err)
				}
				return w.next.Delete(ctx, id, rev, &opts)
			}
		})},
		{"deletes what is not there", nil, false, "b: ok", onDelete(func(w *wrong) deleteFunc {
			return func(ctx context.Context, id, rev string, opts store.DeleteOptions) (store.Version, error) {
				v, err := w.next.Delete(ctx, id, rev, &opts)
				if errors.Is(err, store.ErrNotFound) {
					return store.Version{}, nil
				}
				return v, err
			}
		})},
		{"says that it deleted what is there at another revision", always, false, "b: ok", onDelete(func(w *wrong) deleteFunc {
			return func(ctx context.Context, id, rev string, opts store.DeleteOptions) (store.Version, error) {
				v, err := w.next.Delete(ctx, id, rev, &opts)
				if errors.Is(err, store.ErrConflict) {
					return store.Version{}, nil
				}
				return v, err
			}
		})},
		{"is in doubt of what it reads", always, false, "b: in doubt", readsInDoubt},
	} {
		t.Run(m.defect, func(t *testing.T) {
			o := ReplayOptions{Seed: 7, Collection: store.Whisks, Settles: m.settles}
			if m.lost != nil {
				o.Lost = m.lost()
			}
			log := replayed(t, o, spoiled{}, m.spoil)
			if !strings.HasPrefix(log, "seed 7: the stores differ") || !strings.Contains(log, m.want) {
				t.Errorf("a store that %s: got log %q, want a difference with %q", m.defect, log, m.want)
			}
		})
	}
	o := ReplayOptions{Seed: 7, Collection: store.Whisks, Lost: always()}
	if log := replayed(t, o, readsInDoubt, readsInDoubt); log == "" {
		t.Error("two stores that are in doubt of what they read: got success, want a difference")
	}
}

// TestReplayOutOfTime holds that a replay whose time is up before its end fails.
func TestReplayOutOfTime(t *testing.T) {
	outcomes := record(t, func(t tb, _ NewHarness) {
		t.Run("replay", func(r tb) {
			ended, cancel := context.WithCancel(r.Context())
			cancel()
			r.(*recorder).ctx = ended
			Replay(r, &ReplayOptions{Seed: 7}, over(r, spoiled{}, store.Whisks), over(r, spoiled{}, store.Whisks))
		})
	}, nil)
	if !outcomes["replay"].failed {
		t.Error("a replay without time: got success, want a failure")
	}
}
