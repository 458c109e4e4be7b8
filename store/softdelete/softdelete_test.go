package softdelete_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/internal/forwardtest"
	"github.com/whiskstore/whiskstore/store/softdelete"
)

func TestForwards(t *testing.T) {
	m, err := softdelete.New(time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	forwardtest.Run(t, m, forwardtest.Want{
		Delete: func(o *store.DeleteOptions) { o.Tombstone = time.Hour },
	})
}

func TestNewChecksTheTimeToLive(t *testing.T) {
	for _, c := range []struct {
		ttl  time.Duration
		want error
	}{
		{time.Nanosecond, nil},
		{24 * time.Hour, nil},
		{store.MaxTTL, nil},
		{store.MaxTTL + time.Second, store.ErrInvalid},
		{math.MaxInt64, store.ErrInvalid},
		{0, store.ErrInvalid},
		{-time.Hour, store.ErrInvalid},
	} {
		m, err := softdelete.New(c.ttl)
		if !errors.Is(err, c.want) || (m == nil) != (c.want != nil) {
			t.Errorf("New(%v): got a middleware: %t, error %v, want %v", c.ttl, m != nil, err, c.want)
		}
	}
}
