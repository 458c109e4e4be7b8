// Simulate drives the real cache, tracker and wire codec over a simulated
// deployment on one event loop with virtual time: two regions whose replicas
// lag, a bridge and a bus in each, nodes that read and write. Everything that
// may go wrong does: messages are lost, late, repeated and out of order, nodes
// and bridges die, nodes are suspended or cut off, clocks differ, writes time out
// and commit late, operations take longer than a fence stands.
//
// A violation is a hit that is staler than the lag budget while the cache says
// that it is coherent, or than the age it allows plus the replica's lag while it
// says that it is degraded; a reader that does not see a write of its own node;
// hits that go back; and after repair any stale value. One ends the run with
// status 1, the seed, and the history of the document on that node.
//
// Without R3-unversioned, R5d, R5e, R7-void or R7-start alone nothing goes wrong
// here: R10, R4c, R10, R7-suspect and R7-epoch close the same holes, and have to be
// switched off with them.
//
//	simulate -writes 1000000 -seed 7
//	simulate -writes 100000 -disable R7 -svg violation.svg
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/whiskstore/whiskstore/cache"
)

func main() {
	writes := flag.Int("writes", 1_000_000, "writes to simulate")
	seed := flag.Uint64("seed", 1, "seed; a run with the same seed and flags is the same run")
	disable := flag.String("disable", "", "rules to switch off, joined by |, as PROTOCOL.md names them")
	svg := flag.String("svg", "", "file for the time line of a violation")
	flag.Parse()
	off, err := cache.ParseRules(*disable)
	if err == nil && off&cache.RuleDerived != 0 {
		err = fmt.Errorf("entries derived from two documents are not simulated; go test ./cache -run Derived")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "simulate:", err)
		os.Exit(2)
	}
	start := time.Now()
	w := newWorld(*seed, *writes, off)
	w.run()
	fmt.Printf("seed %d, rules off: %v\n", *seed, off)
	w.check.report(os.Stdout, w, time.Since(start))
	if w.check.violation == "" {
		return
	}
	if *svg != "" {
		if err := os.WriteFile(*svg, w.check.picture(), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "simulate:", err)
		}
	}
	os.Exit(1)
}
