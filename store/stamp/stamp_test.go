package stamp_test

import (
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/internal/forwardtest"
	"github.com/whiskstore/whiskstore/store/stamp"
)

func TestForwards(t *testing.T) {
	for _, id := range []string{"cluster-a", ""} {
		t.Run("id "+id, func(t *testing.T) {
			forwardtest.Run(t, stamp.New(id), forwardtest.Want{
				Put:    func(o *store.PutOptions) { o.ClusterID = id },
				Delete: func(o *store.DeleteOptions) { o.ClusterID = id },
			})
		})
	}
}

func TestStampsTombstonesOfSoftDelete(t *testing.T) {
	backend := &forwardtest.Echo{}
	s := store.Chain{Stamp: stamp.New("cluster-a")}.Over(backend)
	if _, err := s.Delete(t.Context(), "guest/hello", "1-abc", &store.DeleteOptions{Tombstone: time.Hour}); err != nil {
		t.Fatal(err)
	}
	got, want := *backend.Calls()[0].Delete, store.DeleteOptions{ClusterID: "cluster-a", Tombstone: time.Hour}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
