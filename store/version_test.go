package store_test

import (
	"testing"

	"github.com/whiskstore/whiskstore/store"
)

func TestVersionCompare(t *testing.T) {
	v := func(rev string, order uint64, lineage string) store.Version {
		return store.Version{Rev: rev, Order: order, Lineage: lineage}
	}
	for _, c := range []struct {
		name string
		v, w store.Version
		want store.Ordering
	}{
		{"same revision", v("r1", 1, "a"), v("r1", 1, "a"), store.Same},
		{"same revision without order", v("r1", 0, ""), v("r1", 0, ""), store.Same},
		{"same revision, one without lineage", v("r1", 1, "a"), v("r1", 0, ""), store.Same},
		{"same revision, other orders", v("r1", 1, "a"), v("r1", 2, "a"), store.Same},
		{"same revision of another lineage", v("r1", 1, "a"), v("r1", 1, "b"), store.Unknown},
		{"older", v("r1", 1, "a"), v("r2", 2, "a"), store.Older},
		{"newer", v("r2", 2, "a"), v("r1", 1, "a"), store.Newer},
		{"largest order", v("r2", 1<<64-1, "a"), v("r1", 1, "a"), store.Newer},
		{"other lineages", v("r1", 1, "a"), v("r2", 2, "b"), store.Unknown},
		{"no lineage", v("r1", 1, ""), v("r2", 2, ""), store.Unknown},
		{"one without lineage", v("r1", 1, "a"), v("r2", 2, ""), store.Unknown},
		{"one without order", v("r1", 0, "a"), v("r2", 2, "a"), store.Unknown},
		{"equal orders, other revisions", v("r1", 2, "a"), v("r2", 2, "a"), store.Unknown},
		{"zero and zero", store.Version{}, store.Version{}, store.Unknown},
		{"zero and a state", store.Version{}, v("r1", 1, "a"), store.Unknown},
		{"orders without revisions", v("", 1, "a"), v("", 2, "a"), store.Unknown},
	} {
		if got := c.v.Compare(c.w); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
		mirrored := c.want
		switch c.want {
		case store.Older:
			mirrored = store.Newer
		case store.Newer:
			mirrored = store.Older
		}
		if got := c.w.Compare(c.v); got != mirrored {
			t.Errorf("%s, the other way round: got %v, want %v", c.name, got, mirrored)
		}
	}
	for o, want := range map[store.Ordering]string{store.Unknown: "unknown", store.Older: "older", store.Same: "same", store.Newer: "newer", 9: "unknown"} {
		if got := o.String(); got != want {
			t.Errorf("Ordering(%d): got %q, want %q", o, got, want)
		}
	}
	if !(store.Version{}).IsZero() || v("r1", 0, "").IsZero() {
		t.Error("IsZero: got it wrong for the zero version or for one with a revision")
	}
}
