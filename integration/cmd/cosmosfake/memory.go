package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// memorySettings bound what the collector lets the server's process grow to: without them it may hold twice of what is
// in use.
var memorySettings = []string{"GOMEMLIMIT=1400MiB"}

// memory loads items into a server of its own and prints what its process holds.
func memory(ctx context.Context, out io.Writer, items, size int) error {
	child, stop, err := startChild(ctx, memorySettings)
	if err != nil {
		return err
	}
	defer stop()
	t := newTarget("cosmosfake", child.url, child.key, size)
	defer t.client.CloseIdleConnections()
	if err := t.prepare(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "server in another process with %s\n", strings.Join(memorySettings, " "))
	return t.fill(ctx, out, child.pid, items)
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

// fill loads items in batches and prints what the server's process holds.
func (t *target) fill(ctx context.Context, out io.Writer, pid, items int) error {
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
			body = append(append(append(body, `{"operationType":"Create","resourceBody":`...), itemOf(fmt.Sprint("guest|action", i), t.size)...), '}')
		}
		err := t.send(ctx, "POST", "/dbs/bench/colls/many/docs", "action", append(body, ']'), 200,
			"x-ms-cosmos-is-batch-request", "True", "x-ms-cosmos-batch-atomic", "True", "Prefer", "return=minimal")
		if err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%d items of %d bytes loaded in %v\n", items, t.size, time.Since(start).Round(time.Millisecond))
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
