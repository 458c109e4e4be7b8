// Command tworegions shows the persistence layer at work: two regions with
// asynchronous replication between their stores, two control-plane nodes in
// each, and OpenWhisk's own documents. It checks what the layer promises while
// it runs and exits with 1 when a promise breaks.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/whiskstore/whiskstore/integration/tworegions"
)

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	var cfg tworegions.Config
	flags := flag.NewFlagSet("tworegions", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprintf(flags.Output(), "Usage: tworegions [flags]\n\nRuns two regions against each other and checks what their stores promise.\n"+
			"Exit status: 0 all invariants held, 1 one broke, 2 the run could not be done.\n\n")
		flags.PrintDefaults()
	}
	flags.DurationVar(&cfg.Duration, "duration", 5*time.Second, "how long the nodes work")
	flags.IntVar(&cfg.Nodes, "nodes", 2, "nodes in each region")
	flags.DurationVar(&cfg.Delay, "delay", 40*time.Millisecond, "how long a change travels between the regions")
	flags.Float64Var(&cfg.Loss, "loss", 0, "share of deliveries between the regions that get lost and are sent again, from 0 to below 1")
	flags.DurationVar(&cfg.TombstoneTTL, "tombstone-ttl", time.Hour, "how long a deleted document stays as a tombstone")
	flags.IntVar(&cfg.Rate, "rate", 400, "most operations of a node in a second")
	flags.Uint64Var(&cfg.Seed, "seed", 1, "seed of the workload")
	asJSON := flags.Bool("json", false, "print one JSON object on standard output, progress on standard error")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() > 0:
		fmt.Fprintf(os.Stderr, "tworegions: unexpected argument %q\n", flags.Arg(0))
		return 2
	}
	out := os.Stdout
	if *asJSON {
		out = os.Stderr
	}
	cfg.Progress = out
	cfg.Live = term.IsTerminal(int(out.Fd())) && os.Getenv("TERM") != "dumb"
	cfg.Terminal = terminal(out.Fd())

	// The first interrupt ends the work, and the run is judged; the second ends
	// the program.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		stop()
	}()

	res, err := tworegions.Run(ctx, cfg)
	if err != nil {
		fmt.Fprintln(os.Stderr, "tworegions:", err)
		return 2
	}
	if *asJSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(res); err != nil {
			fmt.Fprintln(os.Stderr, "tworegions:", err)
			return 2
		}
	} else {
		res.WriteSummary(out, cfg.Live)
	}
	if res.Broken > 0 {
		return 1
	}
	return 0
}

// terminal is one by its file descriptor.
type terminal uintptr

func (t terminal) Size() (columns, rows int) {
	columns, rows, _ = term.GetSize(int(t)) // zero when it cannot tell
	return columns, rows
}
