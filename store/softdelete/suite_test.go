package softdelete_test

import (
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/internal/suitetest"
	"github.com/whiskstore/whiskstore/store/softdelete"
	"github.com/whiskstore/whiskstore/store/storetest"
)

func TestSuite(t *testing.T) {
	suitetest.Run(t, suitetest.Wrapped(func(t testing.TB, _ string) store.Middleware {
		m, err := softdelete.New(15 * time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}), func(f *storetest.Features) {
		f.HardDelete = false
		f.TombstoneTTL = 15 * time.Minute
	})
}
