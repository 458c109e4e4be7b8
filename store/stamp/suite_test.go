package stamp_test

import (
	"testing"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/internal/suitetest"
	"github.com/whiskstore/whiskstore/store/stamp"
	"github.com/whiskstore/whiskstore/store/storetest"
)

func TestSuite(t *testing.T) {
	suitetest.Run(t, suitetest.Wrapped(func(testing.TB, string) store.Middleware { return stamp.New("cluster-a") }),
		func(f *storetest.Features) { f.Stamp = "cluster-a" })
}
