package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/integration/simulate"
)

func main() {
	debug.SetGCPercent(400) // little is kept, much is thrown away
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	var cfg simulate.Config
	flags := flag.NewFlagSet("simulate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintf(stderr, "Usage: simulate [flags]\n\nRuns the caches of two regions in virtual time, lets everything go wrong that may,\n"+
			"and checks what readers are served.\n"+
			"Exit status: 0 all promises held, 1 one broke, 2 the run could not be done.\n\n")
		flags.PrintDefaults()
	}
	flags.IntVar(&cfg.Writes, "writes", simulate.DefaultWrites, "commits to simulate")
	flags.Uint64Var(&cfg.Seed, "seed", 1, "seed; the run with the same seed, writes and rules is the same run")
	disable := flags.String("disable", "", "rules to switch off, joined by |: "+ruleNames())
	svg := flags.String("svg", "", "`file` for the time line of a violation")
	asJSON := flags.Bool("json", false, "print one JSON object on standard output, progress on standard error")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "simulate: unexpected argument %q\n", flags.Arg(0))
		return 2
	}
	off, err := cache.ParseRules(*disable)
	if err != nil {
		fmt.Fprintln(stderr, "simulate:", err)
		return 2
	}
	cfg.Disabled = off
	cfg.Progress = stdout
	if *asJSON {
		cfg.Progress = stderr
	}
	if f, ok := cfg.Progress.(*os.File); ok {
		cfg.Live = term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
	}

	// The first interrupt ends the run, the second the program.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, stop)()

	res, err := simulate.Run(ctx, cfg)
	if err != nil {
		fmt.Fprintln(stderr, "simulate:", err)
		return 2
	}
	if *asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(res)
	} else {
		res.WriteSummary(stdout)
	}
	if picture := res.Picture(); picture != nil && *svg != "" {
		err = errors.Join(err, os.WriteFile(*svg, picture, 0o644))
	}
	switch {
	case err != nil:
		fmt.Fprintln(stderr, "simulate:", err)
		return 2
	case res.Violation != nil:
		return 1
	}
	return 0
}

// ruleNames are the names that -disable takes.
func ruleNames() string {
	var names []string
	for _, r := range cache.Rules() {
		names = append(names, r.String())
	}
	return strings.Join(names, ", ") + ", R7 for all about losses"
}
