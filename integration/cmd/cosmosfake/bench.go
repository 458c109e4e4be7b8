package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
)

const (
	benchItems   = 1000 // that reads choose from
	benchClients = 8
	benchTurns   = 5
)

// target is a server under measurement.
type target struct {
	name, url, key string
	client         *http.Client
	reads, writes  []float64 // rates of the turns
}

// measure runs the turns of all servers interleaved and prints the rates.
func measure(ctx context.Context, out io.Writer, duration time.Duration, items, size int) error {
	child, stop, err := startChild(ctx)
	if err != nil {
		return err
	}
	defer stop()
	newClient := func() *http.Client {
		return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: benchClients}}
	}
	targets := []*target{{name: "cosmosfake", url: child.url, key: child.key, client: newClient()}}
	if url := os.Getenv("WHISKSTORE_VERCEL_COSMOS_ENDPOINT"); url != "" {
		targets = append(targets, &target{name: "@vercel/cosmosdb-server", url: strings.TrimSuffix(url, "/"), key: cosmostest.DefaultKey, client: newClient()})
	} else {
		fmt.Fprintln(out, "set WHISKSTORE_VERCEL_COSMOS_ENDPOINT to measure @vercel/cosmosdb-server in the same run")
	}
	for _, t := range targets {
		defer t.client.CloseIdleConnections()
		if err := t.prepare(ctx, size); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	fmt.Fprintf(out, "%d connections, items of %d bytes, turns of %v, server in another process with %s\n", benchClients, size, duration, strings.Join(childSettings, " "))
	for turn := range benchTurns {
		for _, t := range targets {
			reads, err := t.rate(ctx, duration, func(ctx context.Context, n int64) error {
				id := fmt.Sprint("item", n%benchItems)
				return t.send(ctx, "GET", "/dbs/bench/colls/c/docs/"+id, id, nil, 200)
			})
			if err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
			writes, err := t.rate(ctx, duration, func(ctx context.Context, n int64) error {
				id := fmt.Sprintf("w%d-%d", turn, n)
				return t.send(ctx, "POST", "/dbs/bench/colls/c/docs", id, itemOf(id, size), 201)
			})
			if err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
			fmt.Fprintf(out, "turn %d %-24s %8.0f point reads/s %8.0f writes/s\n", turn+1, t.name, reads, writes)
			t.reads, t.writes = append(t.reads, reads), append(t.writes, writes)
		}
	}
	for _, t := range targets {
		slices.Sort(t.reads)
		slices.Sort(t.writes)
		fmt.Fprintf(out, "median %-24s %8.0f point reads/s %8.0f writes/s\n", t.name, t.reads[benchTurns/2], t.writes[benchTurns/2])
	}
	if items == 0 {
		return nil
	}
	return targets[0].fill(ctx, out, child.pid, items, size)
}

func itemOf(id string, size int) []byte {
	updated := strconv.Itoa(1700000000000 + len(id))
	if n := strings.LastIndexByte(id, 'n'); n >= 0 && n+1 < len(id) { // guest|action123 is the 123rd
		updated = "17" + strings.Repeat("0", max(0, 11-len(id[n+1:]))) + id[n+1:]
	}
	b := []byte(`{"id":"` + id + `","entityType":"action","namespace":"guest","updated":` + updated + `,"pad":"`)
	b = append(b, bytes.Repeat([]byte{'x'}, max(0, size-len(b)-2))...)
	return append(b, `"}`...)
}

func (t *target) send(ctx context.Context, method, path, pk string, body []byte, want int, header ...string) error {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(t.url, "/")+path, bytes.NewReader(body))
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

// prepare makes the container and the items that are read.
func (t *target) prepare(ctx context.Context, size int) error {
	_ = t.send(ctx, "DELETE", "/dbs/bench", "", nil, 204) // of an earlier run
	if err := t.send(ctx, "POST", "/dbs", "", []byte(`{"id":"bench"}`), 201); err != nil {
		return err
	}
	if err := t.send(ctx, "POST", "/dbs/bench/colls", "", []byte(`{"id":"c","partitionKey":{"paths":["/id"],"kind":"Hash"}}`), 201); err != nil {
		return err
	}
	for i := range benchItems {
		id := fmt.Sprint("item", i)
		if err := t.send(ctx, "POST", "/dbs/bench/colls/c/docs", id, itemOf(id, size), 201); err != nil {
			return err
		}
	}
	return nil
}

// rate runs an operation from all connections for a time and returns how many were done per second.
func (t *target) rate(ctx context.Context, d time.Duration, op func(context.Context, int64) error) (float64, error) {
	var n, done atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, benchClients)
	start := time.Now()
	for i := range benchClients {
		wg.Go(func() {
			for time.Since(start) < d && errs[i] == nil && ctx.Err() == nil {
				if errs[i] = op(ctx, n.Add(1)); errs[i] == nil {
					done.Add(1)
				}
			}
		})
	}
	wg.Wait()
	return float64(done.Load()) / time.Since(start).Seconds(), errors.Join(errs...)
}

// fill loads items in batches and prints what the server's process holds.
func (t *target) fill(ctx context.Context, out io.Writer, pid, items, size int) error {
	if err := t.send(ctx, "POST", "/dbs/bench/colls", "", []byte(`{"id":"many","partitionKey":{"paths":["/entityType"],"kind":"Hash"}}`), 201); err != nil {
		return err
	}
	start := time.Now()
	const batch = 100
	for n := 0; n < items; n += batch {
		body := []byte{'['}
		for i := n; i < min(items, n+batch); i++ {
			if i > n {
				body = append(body, ',')
			}
			body = append(append(append(body, `{"operationType":"Create","resourceBody":`...), itemOf(fmt.Sprint("guest|action", i), size)...), '}')
		}
		err := t.send(ctx, "POST", "/dbs/bench/colls/many/docs", "action", append(body, ']'), 200,
			"x-ms-cosmos-is-batch-request", "True", "x-ms-cosmos-batch-atomic", "True", "Prefer", "return=minimal")
		if err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%d items of %d bytes loaded in %v\n", items, size, time.Since(start).Round(time.Millisecond))
	if err := printMemory(out, pid); err != nil {
		return err
	}
	const list = `{"query":"SELECT TOP 30 * FROM root r WHERE r.entityType = 'action' AND r.namespace = 'guest' ORDER BY r.updated DESC"}`
	for _, which := range []string{"first", "second"} {
		start := time.Now()
		err := t.send(ctx, "POST", "/dbs/bench/colls/many/docs", "", []byte(list), 200, "Content-Type", "application/query+json",
			"x-ms-documentdb-query-enablecrosspartition", "True", "x-ms-documentdb-partitionkeyrangeid", "0")
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s list of the newest 30: %v\n", which, time.Since(start).Round(10*time.Microsecond))
	}
	return printMemory(out, pid)
}

// printMemory prints what a process holds and has held.
func printMemory(out io.Writer, pid int) error {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return fmt.Errorf("the memory of the server: %w", err)
	}
	for line := range strings.SplitSeq(string(status), "\n") {
		if strings.HasPrefix(line, "VmRSS") || strings.HasPrefix(line, "VmHWM") {
			fmt.Fprintln(out, strings.Join(strings.Fields(line), " "))
		}
	}
	return nil
}

// childSettings trade memory for fewer collections while there is little to collect, up to a bound.
var childSettings = []string{"GOGC=400", "GOMEMLIMIT=1400MiB"}

type childServer struct {
	url, key string
	pid      int
}

// startChild starts this program as a server. Its memory is bounded as in the figure that the README names.
func startChild(ctx context.Context) (*childServer, func(), error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), childSettings...)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	stop := func() {
		_ = cmd.Process.Kill() // it keeps nothing
		_ = cmd.Wait()         // reports the kill
	}
	c := &childServer{pid: cmd.Process.Pid}
	for lines := bufio.NewScanner(pipe); c.key == "" && lines.Scan(); {
		word, value, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "endpoint":
			c.url = value
		case "key":
			c.key = value
		}
	}
	if c.key == "" {
		stop()
		return nil, nil, errors.New("the server did not start")
	}
	return c, stop, nil
}
