package storetest

import (
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/store"
)

// over opens one store over memory, spoiled by m.
func over(t testing.TB, m spoiled, collection string) store.ArtifactStore {
	s := overMemory(m)(t).Store(collection)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestReplayOfMemory(t *testing.T) {
	for _, collection := range []string{store.Whisks, store.Activations, store.Subjects} {
		t.Run(collection, func(t *testing.T) {
			for seed := range uint64(10) {
				o := &ReplayOptions{Seed: seed + 1, Collection: collection}
				Replay(t, o, over(t, spoiled{}, collection), over(t, spoiled{}, collection))
			}
		})
	}
}

var _ = strings.Join
