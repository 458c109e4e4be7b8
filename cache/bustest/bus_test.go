package bustest_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/cache/bustest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemory(t *testing.T) {
	var bus *bustest.Memory
	bustest.Test(t, bustest.Harness{
		New: func(_ *testing.T, partitions int) (cache.Topic, cache.Sender) {
			bus = bustest.NewMemory(partitions, 10_000)
			return bus, bus.Sender()
		},
		Recreate: func(*testing.T) { bus.Recreate() },
		Virtual:  true,
	})
}
