// Command tworegions shows the persistence layer at work: two regions with
// asynchronous replication between their stores, two control-plane nodes in
// each, which read OpenWhisk's own documents through coherent caches. It checks
// what the layer promises while it runs and exits with 1 when a promise breaks. With a directory it may be
// killed at any moment and started again. With -backend cosmos both regions are
// those of one fake Cosmos DB account.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"github.com/whiskstore/whiskstore/integration/tworegions"
	"github.com/whiskstore/whiskstore/store/config"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// keyFlags are flags that set a key of the configuration.
var keyFlags = []struct{ name, key, usage string }{
	{"backend", tworegions.KeyBackend, "`backend` of the stores: memory, or cosmos for one fake account with two regions"},
	{"dir", tworegions.KeyDirectory, "`directory` for durable stores; a run continues what an earlier one left there"},
	{"duration", "tworegions.duration", "how long the nodes work (`duration`)"},
	{"nodes", "tworegions.nodes", "`number` of nodes in each region"},
	{"delay", "tworegions.delay", "how long a change travels between the regions (`duration`), below the lag budget"},
	{"loss", "tworegions.loss", "`share` of deliveries between the regions that get lost and are sent again, from 0 to 0.9; above 0, invalidation messages get lost at times"},
	{"lag-budget", "tworegions.lag-budget", "lag budget of the caches (`duration`); 0 is 10 delays, at least 500 ms"},
	{"tombstone-ttl", tworegions.KeyTombstoneTTL, "how long a deleted document stays as a tombstone (`duration`), at least a minute longer than the run"},
	{"rate", "tworegions.rate", "most operations of a node in a second (`number`)"},
	{"seed", "tworegions.seed", "`seed` of the workload"},
}

// run returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("tworegions", flag.ContinueOnError)
	flags.SetOutput(stderr)
	fail := func(err error) int {
		fmt.Fprintln(stderr, "tworegions:", err)
		return 2
	}
	flags.Usage = func() {
		fmt.Fprintf(flags.Output(), "Usage: tworegions [flags]\n\nRuns two regions against each other and checks what their stores promise.\n"+
			"Flags go before the configuration file.\n"+
			"Exit status: 0 all invariants held, 1 one broke, 2 the run could not be done.\n\n")
		flags.PrintDefaults()
	}
	var settings []config.Setting
	for _, f := range keyFlags {
		flags.Func(f.name, f.usage, func(value string) error {
			if f.name == "backend" && value == "cosmos" {
				value = "cosmosdb" // what the key calls it
			}
			settings = append(settings, config.Setting{Key: f.key, Value: value, Source: "-" + f.name})
			return nil
		})
	}
	file := flags.String("config", "", "configuration `file`; without one, the set-up that is built in")
	printConfig := flags.Bool("print-config", false, "print the configuration in effect and where it comes from, and stop")
	asJSON := flags.Bool("json", false, "print one JSON object on standard output, progress on standard error")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() > 0:
		return fail(fmt.Errorf("unexpected argument %q", flags.Arg(0)))
	}
	cfg, whole, err := tworegions.Load(*file, settings, slog.New(slog.NewTextHandler(stderr, nil)))
	if *printConfig && whole != nil {
		if err := whole.Print(stdout); err != nil {
			return fail(err)
		}
	}
	switch {
	case err != nil:
		return fail(err)
	case *printConfig:
		return 0
	}
	out := stdout
	if *asJSON {
		out = stderr
	}
	cfg.Progress = out
	if f, ok := out.(*os.File); ok {
		cfg.Live = term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
		cfg.Terminal = terminal(f.Fd())
	}

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
		return fail(err)
	}
	if *asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(res); err != nil {
			return fail(err)
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
