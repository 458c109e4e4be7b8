// Package cosmos measures the Cosmos DB backend beside azcosmos alone and beside
// itself, on a fake account in another process, without a cache. Both the command
// bench and this package's TestFigures print the figures; WHISKSTORE_BENCH=1 makes
// the test take the time that they need and hold them to their bounds. What a
// split during a million changes loses is no figure but TestFeedLosesNothing of
// package cosmos, with WHISKSTORE_COSMOS_FEED_CHANGES=1000000.
package cosmos

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/whiskstore/whiskstore/cosmos"
	"github.com/whiskstore/whiskstore/integration/bench"
	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/softdelete"
	"github.com/whiskstore/whiskstore/store/stamp"
)

const db = "figures"

// open opens whisks, whose requests c counts.
func (a Account) open(ctx context.Context, c *counter) (*cosmos.Store, error) {
	cfg := cosmos.DefaultConfig()
	cfg.Endpoint, cfg.Key, cfg.DB = a.Endpoint, a.Key, db
	cfg.Throughput, cfg.RecordUsageFrequency, cfg.SoftDeleteTTL = 0, 0, time.Hour
	return cosmos.Open(ctx, cfg, store.Whisks, cosmos.Deps{Transport: c})
}

func action(i int) store.Document {
	name := fmt.Sprintf("a%07d", i)
	return store.Document{ID: "guest/" + name, Body: fmt.Appendf(nil,
		`{"namespace":"guest","name":%q,"version":"0.0.1","publish":false,"annotations":[{"key":"exec","value":"nodejs:20"}],"limits":{"timeout":60000,"memory":256,"logs":10},"exec":{"kind":"nodejs:20","code":"function main() { return {} }","binary":false},"parameters":[],"updated":%d,"entityType":"action"}`, name, i)}
}

// fill puts n actions, several at a time.
func fill(ctx context.Context, s *cosmos.Store, n int) error {
	const writers = 8
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := w; i < n && ctx.Err() == nil; i += writers {
				if _, err := s.Put(ctx, action(i), nil); err != nil {
					cancel(err)
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// Get compares a point read through the full chain, without a cache, with
// azcosmos's ReadItem.
func Get(ctx context.Context, a Account, o *bench.Options) (bench.Result, error) {
	ours, theirs := newCounter(), newCounter()
	defer ours.next.CloseIdleConnections()
	defer theirs.next.CloseIdleConnections()
	s, err := a.open(ctx, ours)
	if err != nil {
		return bench.Result{}, err
	}
	soft, err := softdelete.New(time.Hour)
	if err != nil {
		return bench.Result{}, err
	}
	chain := store.Chain{SoftDelete: soft, Stamp: stamp.New("cluster-a")}.Over(s)
	defer chain.Close()
	doc := action(1)
	if _, err := chain.Put(ctx, doc, nil); err != nil {
		return bench.Result{}, err
	}
	cred, err := azcosmos.NewKeyCredential(a.Key)
	if err != nil {
		return bench.Result{}, err
	}
	co := &azcosmos.ClientOptions{}
	co.Transport = &http.Client{Transport: theirs, Timeout: 65 * time.Second}
	client, err := azcosmos.NewClientWithKey(a.Endpoint, cred, co)
	if err != nil {
		return bench.Result{}, err
	}
	defer client.Close()
	bare, err := client.NewContainer(db, store.Whisks)
	if err != nil {
		return bench.Result{}, err
	}
	sideA := bench.Side{Name: "azcosmos ReadItem", Settings: "http.Client of 65 s as by default, no session token; " + a.Settings, Traffic: theirs.traffic,
		Run: func(ctx context.Context, n int) error {
			for range n {
				id := "guest|a0000001"
				if _, err := bare.ReadItem(ctx, azcosmos.NewPartitionKeyString(id), id, nil); err != nil {
					return err
				}
			}
			return nil
		}}
	sideB := bench.Side{Name: "chain", Settings: "check, softdelete, stamp, cosmos; session tokens; the same server", Traffic: ours.traffic,
		Run: func(ctx context.Context, n int) error {
			for range n {
				if _, err := chain.Get(ctx, doc.ID, nil); err != nil {
					return err
				}
			}
			return nil
		}}
	res, err := compare(ctx, "get", sideA, sideB, o)
	if err == nil && (res.RequestsA != 1 || res.RequestsB != 1 || res.AnswersA != res.AnswersB) {
		err = fmt.Errorf("get: unequal work: %v and %v requests, %v and %v bytes", res.RequestsA, res.RequestsB, res.AnswersA, res.AnswersB)
	}
	return res, err
}

// compare is bench.Compare with sides that have run before.
func compare(ctx context.Context, name string, a, b bench.Side, o *bench.Options) (bench.Result, error) {
	for _, s := range []bench.Side{a, b} {
		if err := s.Run(ctx, 10); err != nil {
			return bench.Result{}, fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return bench.Compare(ctx, name, a, b, o)
}

// List compares a list of some rows over one range with the same over the ranges
// of another account. A limit of 0 lists all.
func List(ctx context.Context, one, many Account, docs, limit int, o *bench.Options) (bench.Result, error) {
	var sides [2]bench.Side
	for i, a := range []Account{one, many} {
		c := newCounter()
		defer c.next.CloseIdleConnections()
		s, err := a.open(ctx, c)
		if err != nil {
			return bench.Result{}, err
		}
		defer s.Close()
		if err := fill(ctx, s, docs); err != nil {
			return bench.Result{}, err
		}
		want := docs
		if limit > 0 {
			want = limit
		}
		sides[i] = bench.Side{Name: []string{"one range", "many ranges"}[i], Settings: fmt.Sprintf("%d of %d rows, newest first; %s", want, docs, a.Settings), Traffic: c.traffic,
			Run: func(ctx context.Context, n int) error {
				for range n {
					switch rows, err := list(ctx, s, limit, nil); {
					case err != nil:
						return err
					case rows != want:
						return fmt.Errorf("%d rows, want %d", rows, want)
					}
				}
				return nil
			}}
	}
	return compare(ctx, "list", sides[0], sides[1], o)
}

// list reads rows, newest first.
func list(ctx context.Context, s *cosmos.Store, limit int, each func(row int)) (rows int, err error) {
	q := &store.Query{Table: "whisks.v2.1.0/actions", StartKey: store.Key{"guest"}, EndKey: store.Key{"guest", store.Top}, Limit: limit, Descending: true}
	for _, err := range s.Query(ctx, q) {
		if err != nil {
			return rows, err
		}
		if rows++; each != nil {
			each(rows)
		}
	}
	return rows, nil
}

// Memory is what a list of many rows adds to the process that reads it.
type Memory struct {
	Settings        string
	Rows            int
	Requests, Bytes int64
	Before, Most    uint64 // bytes taken from the system and not given back
}

// Added is the memory that the list added, in MiB.
func (m Memory) Added() float64 { return float64(m.Most-m.Before) / (1 << 20) }

func (m Memory) String() string {
	return fmt.Sprintf("list of %d rows (%s; %d requests, %.1f MiB of answers): %.1f MiB before, at most %.1f MiB, added %.1f MiB",
		m.Rows, m.Settings, m.Requests, float64(m.Bytes)/(1<<20), float64(m.Before)/(1<<20), float64(m.Most)/(1<<20), m.Added())
}

// ListMemory puts rows and measures the memory of the process while it lists
// them. What it holds is looked at every hundred rows.
func ListMemory(ctx context.Context, a Account, rows int) (Memory, error) {
	c := newCounter()
	defer c.next.CloseIdleConnections()
	s, err := a.open(ctx, c)
	if err != nil {
		return Memory{}, err
	}
	defer s.Close()
	if err := fill(ctx, s, rows); err != nil {
		return Memory{}, err
	}
	if _, err := list(ctx, s, 1, nil); err != nil { // connections and ranges
		return Memory{}, err
	}
	debug.FreeOSMemory()
	before := c.traffic()
	m := Memory{Settings: fmt.Sprintf("GOGC as set; %s", a.Settings), Before: held()}
	m.Most = m.Before
	m.Rows, err = list(ctx, s, 0, func(row int) {
		if row%100 == 0 {
			m.Most = max(m.Most, held())
		}
	})
	if err == nil && m.Rows != rows {
		err = fmt.Errorf("%d rows, want %d", m.Rows, rows)
	}
	after := c.traffic()
	m.Requests, m.Bytes = after.Requests-before.Requests, after.Bytes-before.Bytes
	return m, err
}

// held is the memory that the process has from the system.
func held() uint64 {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.Sys - s.HeapReleased
}
