package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
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
	svg := flags.String("svg", "", "`file` for the time line of a violation; without it one is made in the directory for temporary files")
	asJSON := flags.Bool("json", false, "print one JSON object on standard output, progress on standard error")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "simulate: unexpected argument %q\n", flags.Arg(0))
		return 2
	case cfg.Writes <= 0:
		fmt.Fprintf(stderr, "simulate: -writes %d: the number must be positive\n", cfg.Writes)
		return 2
	}
	off, err := cache.ParseRules(*disable)
	if err != nil {
		fmt.Fprintln(stderr, "simulate:", err)
		return 2
	}
	unmade, err := probe(*svg)
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
	if res.Violation == nil {
		err = errors.Join(err, unmade())
	} else {
		name, wrong := save(*svg, res.Picture())
		err = errors.Join(err, wrong)
		fmt.Fprintln(cfg.Progress, "time line:", name)
	}
	if err != nil {
		fmt.Fprintln(stderr, "simulate:", err)
	}
	switch {
	case res.Violation != nil:
		return 1
	case err != nil:
		return 2
	}
	return 0
}

// probe finds out whether a file can be written before a run that may take long.
// What it returns removes a file that it had to make.
func probe(name string) (unmade func() error, err error) {
	unmade = func() error { return nil }
	if name == "" {
		return unmade, nil
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	switch {
	case err == nil:
		unmade = func() error { return os.Remove(name) }
	case errors.Is(err, fs.ErrExist):
		f, err = os.OpenFile(name, os.O_WRONLY, 0)
	}
	if err != nil {
		return nil, err
	}
	return unmade, f.Close()
}

// save writes a picture into a file, a new one if it has no name.
func save(name string, picture []byte) (string, error) {
	if name != "" {
		return name, os.WriteFile(name, picture, 0o644)
	}
	f, err := os.CreateTemp("", "simulate-*.svg")
	if err != nil {
		return "", err
	}
	_, err = f.Write(picture)
	return f.Name(), errors.Join(err, f.Close())
}

// ruleNames are the names that -disable takes.
func ruleNames() string {
	var names []string
	for _, r := range cache.Rules() {
		names = append(names, r.String())
	}
	return strings.Join(names, ", ") + ", R5 for all about writes, R7 for all about losses"
}
