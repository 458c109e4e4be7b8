package cosmos

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/softdelete"
	"github.com/whiskstore/whiskstore/store/stamp"
)

// replayer answers reads of items as they were answered the first time, without a
// network.
type replayer struct {
	next http.RoundTripper

	mu    sync.Mutex
	first *http.Response
	body  []byte
}

func (r *replayer) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet || !strings.Contains(req.URL.Path, "/docs/") {
		return r.next.RoundTrip(req)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first == nil {
		resp, err := r.next.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		if r.body, err = io.ReadAll(resp.Body); err != nil {
			return nil, err
		}
		r.first = resp
	}
	resp := *r.first
	resp.Request, resp.Body = req, io.NopCloser(bytes.NewReader(r.body))
	return &resp, nil
}

// A get through the chain allocates no more than azcosmos with its http.Client
// does by itself: what it adds, it saves below. The figure that is claimed, 12
// allocations more, has that much room.
func TestGetAllocations(t *testing.T) {
	if testing.CoverMode() != "" {
		t.Skip("run without -cover: it counts allocations of the code as it is built for use")
	}
	const id, escaped = "guest/a", "guest|a"
	srv := startFake(t, cosmostest.Options{})
	canned := &replayer{next: plain}
	s := openFake(t, srv, store.Whisks, Deps{Transport: canned}, nil)
	mustPut(t, s, id, bodyAt("guest", "a", 1))
	soft, err := softdelete.New(tombstoneTTL)
	if err != nil {
		t.Fatal(err)
	}
	chain := store.Chain{SoftDelete: soft, Stamp: stamp.New("cluster-a")}.Over(s)
	o := &azcosmos.ClientOptions{}
	o.Transport = &http.Client{Transport: canned, Timeout: attemptTimeout} // as azcosmos's own
	client, err := srv.Client(o)
	if err != nil {
		t.Fatal(err)
	}
	bare, err := client.NewContainer("whisk", store.Whisks)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	count := func(get func() error) float64 {
		t.Helper()
		return testing.AllocsPerRun(500, func() {
			if err := get(); err != nil {
				t.Fatal(err)
			}
		})
	}
	alone := count(func() error {
		_, err := bare.ReadItem(ctx, azcosmos.NewPartitionKeyString(escaped), escaped, nil)
		return err
	})
	chained := count(func() error {
		_, err := chain.Get(ctx, id, nil)
		return err
	})
	t.Logf("allocations of a get: %.0f through the chain, %.0f of azcosmos alone", chained, alone)
	if chained > alone {
		t.Errorf("allocations of a get: got %.0f through the chain, want at most the %.0f of azcosmos alone", chained, alone)
	}
}
