package observe_test

import (
	"testing"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/internal/suitetest"
	"github.com/whiskstore/whiskstore/store/observe"
)

func TestSuite(t *testing.T) {
	suitetest.Run(t, suitetest.Wrapped(func(t testing.TB, collection string) store.Middleware {
		opts := newLab(observe.Memory).opts
		opts.Collection = collection
		m, err := observe.New(opts)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}), nil)
}
