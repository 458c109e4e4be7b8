package route_test

import (
	"testing"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/internal/suitetest"
	"github.com/whiskstore/whiskstore/store/route"
)

// once is a second store over the same backend, which the first one closes.
type once struct{ store.ArtifactStore }

func (once) Close() error { return nil }

func TestSuite(t *testing.T) {
	suitetest.Run(t, suitetest.Wrapped(func(t testing.TB, _ string) store.Middleware {
		return func(next store.ArtifactStore) store.ArtifactStore {
			s, err := route.New(next, &once{next}, nil)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	}), nil)
}
