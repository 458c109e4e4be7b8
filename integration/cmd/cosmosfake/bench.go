package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/integration/bench"
)

const (
	benchItems   = 1000 // that reads choose from
	benchClients = 8
)

// comparison is what to measure.
type comparison struct {
	rounds int
	sample time.Duration // of one side in a round
	size   int           // bytes of an item
}

// compare measures point reads and writes of the fake beside another server, or beside itself when there is none,
// which shows how wide the interval is on this machine. Both are other processes with their default settings, and the
// same client asks both the same requests over as many connections.
func (m comparison) compare(ctx context.Context, out io.Writer) error {
	child, stop, err := startChild(ctx, nil)
	if err != nil {
		return err
	}
	defer stop()
	fake := newTarget("cosmosfake", child.url, child.key, m.size)
	other := newTarget("cosmosfake again", child.url, child.key, m.size)
	if url := os.Getenv("WHISKSTORE_VERCEL_COSMOS_ENDPOINT"); url != "" {
		other = newTarget("@vercel/cosmosdb-server", url, cosmostest.DefaultKey, m.size)
	} else {
		fmt.Fprintln(out, "set WHISKSTORE_VERCEL_COSMOS_ENDPOINT to measure @vercel/cosmosdb-server in the same run")
	}
	for _, t := range []*target{fake, other} {
		defer t.client.CloseIdleConnections()
		if err := t.prepare(ctx); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	fmt.Fprintf(out, "%d connections of net/http, items of %d bytes, %d rounds, each side about %v in a round, servers in processes of their own with default settings\n",
		benchClients, m.size, m.rounds, m.sample)
	for _, what := range []struct {
		name      string
		operation func(*target) func(context.Context, int64) error
	}{
		{"point reads", func(t *target) func(context.Context, int64) error { return t.read }},
		{"writes", func(t *target) func(context.Context, int64) error { return t.write }},
	} {
		side := func(t *target) bench.Side {
			op := what.operation(t)
			return bench.Side{Name: t.name, Run: func(ctx context.Context, n int) error { return spread(ctx, n, op) }}
		}
		res, err := bench.Compare(ctx, what.name, side(fake), side(other), &bench.Options{Rounds: m.rounds, Sample: m.sample})
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%-12s %s %s, %s %s, ratio %.2f [%.2f, %.2f]\n", res.Name, res.A, rate(res.NanosA), res.B, rate(res.NanosB),
			res.Ratio.Median, res.Ratio.Low, res.Ratio.High)
	}
	return nil
}

// rate spells times per operation as operations per second.
func rate(nanos bench.Interval) string {
	return fmt.Sprintf("%.0f/s [%.0f, %.0f]", 1e9/nanos.Median, 1e9/nanos.High, 1e9/nanos.Low)
}

// spread does an operation n times from all connections.
func spread(ctx context.Context, n int, op func(context.Context, int64) error) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, benchClients)
	for i := range benchClients {
		wg.Go(func() {
			for errs[i] == nil && ctx.Err() == nil {
				k := next.Add(1)
				if k > int64(n) {
					return
				}
				errs[i] = op(ctx, k)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// target is a server under measurement.
type target struct {
	name, url, key string
	size           int // of an item
	client         *http.Client
	written        atomic.Int64
}

func newTarget(name, url, key string, size int) *target {
	return &target{name: name, url: strings.TrimSuffix(url, "/"), key: key, size: size,
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: benchClients}}}
}

func (t *target) read(ctx context.Context, n int64) error {
	id := fmt.Sprint("item", n%benchItems)
	return t.send(ctx, "GET", "/dbs/bench/colls/c/docs/"+id, id, nil, 200)
}

func (t *target) write(ctx context.Context, _ int64) error {
	id := fmt.Sprintf("%p-%d", t, t.written.Add(1))
	return t.send(ctx, "POST", "/dbs/bench/colls/c/docs", id, itemOf(id, t.size), 201)
}

// prepare makes the container and the items that are read.
func (t *target) prepare(ctx context.Context) error {
	_ = t.send(ctx, "DELETE", "/dbs/bench", "", nil, 204) // of an earlier run
	if err := t.send(ctx, "POST", "/dbs", "", []byte(`{"id":"bench"}`), 201); err != nil {
		return err
	}
	if err := t.send(ctx, "POST", "/dbs/bench/colls", "", []byte(`{"id":"c","partitionKey":{"paths":["/id"],"kind":"Hash"}}`), 201); err != nil {
		return err
	}
	for i := range benchItems {
		id := fmt.Sprint("item", i)
		if err := t.send(ctx, "POST", "/dbs/bench/colls/c/docs", id, itemOf(id, t.size), 201); err != nil {
			return err
		}
	}
	return nil
}

func (t *target) send(ctx context.Context, method, path, pk string, body []byte, want int, header ...string) error {
	req, err := http.NewRequestWithContext(ctx, method, t.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if pk != "" {
		req.Header.Set("x-ms-documentdb-partitionkey", `["`+pk+`"]`)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if err := cosmostest.Sign(req, t.key); err != nil {
		return err
	}
	resp, err := t.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != want {
		return fmt.Errorf("%s %s: status %d, want %d: %.200s", method, path, resp.StatusCode, want, text)
	}
	return nil
}
