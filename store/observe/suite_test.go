package observe_test

import (
	"testing"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/internal/suitetest"
	"github.com/whiskstore/whiskstore/store/observe"
	"github.com/whiskstore/whiskstore/store/storetest"
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

func TestAttachmentsSuite(t *testing.T) {
	storetest.TestAttachments(t, func(t testing.TB) *storetest.Harness {
		h := suitetest.Harness(t, suitetest.Wrapped(func(testing.TB, string) store.Middleware {
			return store.Check(nil)
		}), nil)
		bare := h.Attachments
		h.Attachments = func() store.AttachmentStore {
			wrap, err := observe.NewAttachments(newLab(observe.Memory).opts)
			if err != nil {
				t.Fatal(err)
			}
			return wrap(bare())
		}
		return h
	})
}
