// Command cosmosfake serves package cosmostest as a stand-alone test server: an account of Azure Cosmos DB behind the
// REST gateway, in memory.
//
//	go run ./integration/cmd/cosmosfake -listen 127.0.0.1:8081 -regions "East US,West US" -ranges 4
//
// It prints the endpoint and the key and serves until it is interrupted. With -bench it measures itself instead: a
// server in another process, point reads and writes over loopback, and the memory of many items; with
// WHISKSTORE_VERCEL_COSMOS_ENDPOINT set, that server too, in turns.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"syscall"
	"time"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "cosmosfake:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var opts cosmostest.Options
	flags := flag.NewFlagSet("cosmosfake", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // main prints errors
	flags.StringVar(&opts.Listen, "listen", "127.0.0.1:8081", "address of the global endpoint")
	flags.StringVar(&opts.Account, "account", "acct", "name of the account")
	flags.StringVar(&opts.Key, "key", cosmostest.DefaultKey, "account key in Base64")
	flags.StringVar(&opts.Consistency, "consistency", "Session", "consistency level of the account")
	flags.BoolVar(&opts.MultiWrite, "multi-write", false, "make every region writable")
	flags.IntVar(&opts.Ranges, "ranges", 0, "physical partitions of a new container; 0 is one per 10,000 RU/s")
	flags.DurationVar(&opts.ReplicationDelay, "replication-delay", 0, "time that a write takes to another region")
	flags.DurationVar(&opts.SecondaryLag, "secondary-lag", 0, "how far behind reads without a session token may be")
	flags.DurationVar(&opts.Latency, "latency", 0, "time added to every answer")
	flags.BoolVar(&opts.EnforceThroughput, "enforce-throughput", false, "answer 429 above the provisioned throughput")
	regions := flags.String("regions", "East US", "regions, separated by commas, the write region first")
	switches := flags.String("switches", "", "answers that nobody recorded to switch over, separated by commas; \"list\" prints them")
	bench := flags.Bool("bench", false, "measure, and exit")
	var m comparison
	flags.IntVar(&m.rounds, "rounds", 41, "with -bench: turns of each side")
	flags.DurationVar(&m.sample, "sample", 200*time.Millisecond, "with -bench: length of a turn")
	flags.IntVar(&m.size, "size", 1024, "with -bench: bytes of an item")
	items := flags.Int("items", 0, "with -bench: items to load for the memory figure; 0 skips it")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(out)
		flags.Usage()
		return nil
	} else if err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("argument %q is none of the flags; -help lists them", flags.Arg(0))
	}
	if *switches == "list" {
		for _, s := range cosmostest.AllSwitches() {
			fmt.Fprintf(out, "%s (row %d)\n  off: %s\n  on:  %s\n", s.Name, s.Row, s.Default, s.Alternative)
		}
		return nil
	}
	if *bench {
		if err := m.compare(ctx, out); err != nil || *items == 0 {
			return err
		}
		return memory(ctx, out, *items, m.size)
	}
	for name := range strings.SplitSeq(*regions, ",") {
		opts.Regions = append(opts.Regions, strings.TrimSpace(name))
	}
	if err := switchOn(&opts.Switches, *switches); err != nil {
		return err
	}
	srv, err := cosmostest.Start(opts)
	if err != nil {
		return err
	}
	defer srv.Close()
	fmt.Fprintf(out, "endpoint %s\nkey %s\n", srv.URL(), srv.Key())
	for _, name := range srv.Regions() {
		fmt.Fprintf(out, "region %q %s\n", name, srv.RegionURL(name))
	}
	<-ctx.Done()
	return nil
}

// switchOn sets the named switches.
func switchOn(to *cosmostest.Switches, names string) error {
	if names == "" {
		return nil
	}
	for name := range strings.SplitSeq(names, ",") {
		f := reflect.ValueOf(to).Elem().FieldByName(strings.TrimSpace(name))
		if !f.IsValid() {
			return fmt.Errorf("there is no switch %q; -switches list prints them", name)
		}
		f.SetBool(true)
	}
	return nil
}
