// Command bench measures what the persistence layer costs. Each figure compares
// two sides in one run, interleaved, and is printed with its 95 % interval and
// the target that it is held to.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/whiskstore/whiskstore/integration/bench"
	cachebench "github.com/whiskstore/whiskstore/integration/bench/cache"
	cosmosbench "github.com/whiskstore/whiskstore/integration/bench/cosmos"
)

// sizes are the amounts of data of the figures that need much.
type sizes struct {
	Activations  int `json:"activations"`
	Namespaces   int `json:"namespaces"`
	Small        int `json:"small"`
	CacheEntries int `json:"cacheEntries"`
	CacheRecords int `json:"cacheRecords"`
	CosmosDocs   int `json:"cosmosDocs"`
	CosmosRows   int `json:"cosmosRows"`
}

func figures(s sizes) []bench.Figure {
	all := []bench.Figure{
		{Name: "chain-get", Measure: chainGet},
		{Name: "chain-put", Measure: chainPut},
		{Name: "list-30", Measure: func(ctx context.Context, o *bench.Options) ([]bench.Outcome, error) { return list30(ctx, o, s) }},
	}
	all = append(all, cachebench.Figures(cachebench.Sizes{Entries: s.CacheEntries, Records: s.CacheRecords})...)
	return append(all, cosmosbench.Figures(cosmosbench.Sizes{Docs: s.CosmosDocs, Rows: s.CosmosRows})...)
}

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprintf(flags.Output(), "Usage: bench [flags]\n\nFigures: %s\nExit status: 0 all targets met, 1 one was missed, 2 it could not be measured.\n\n", names())
		flags.PrintDefaults()
	}
	asJSON := flags.Bool("json", false, "print one JSON object")
	only := flags.String("run", "", "measure only the figures whose names match this regular expression")
	rounds := flags.Int("rounds", 31, "rounds of a comparison")
	each := flags.Duration("sample", 20*time.Millisecond, "how long each side runs in a round")
	s := sizes{Namespaces: 10_000, Small: 10_000}
	flags.IntVar(&s.Activations, "activations", 1_000_000, "activations in the large collections")
	flags.IntVar(&s.CacheEntries, "cache-entries", 1_000_000, "entries of the large cache")
	flags.IntVar(&s.CacheRecords, "cache-records", 2_000_000, "invalidation records that are applied")
	flags.IntVar(&s.CosmosDocs, "cosmos-docs", 20_000, "rows of the list on Cosmos DB whose CPU time is measured")
	flags.IntVar(&s.CosmosRows, "cosmos-rows", 1_000_000, "rows of the list on Cosmos DB whose memory is measured; a million takes minutes")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() > 0:
		return fail(fmt.Errorf("unexpected argument %q", flags.Arg(0)))
	case *rounds < 6:
		return fail(fmt.Errorf("%d rounds give no 95 %% interval, at least 6 do", *rounds))
	case s.Activations < s.Small:
		return fail(fmt.Errorf("%d activations are fewer than the %d of the small collection", s.Activations, s.Small))
	}
	match, err := regexp.Compile(*only)
	if err != nil {
		return fail(fmt.Errorf("-run: %w", err))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	report := struct {
		Go      string          `json:"go"`
		Procs   int             `json:"procs"`
		Sizes   sizes           `json:"sizes"`
		Figures []bench.Outcome `json:"figures"`
	}{runtime.Version(), runtime.GOMAXPROCS(0), s, nil}
	missed := false
	for _, f := range figures(s) {
		if !match.MatchString(f.Name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "measuring %s\n", f.Name)
		out, err := f.Measure(ctx, &bench.Options{Rounds: *rounds, Sample: *each})
		if err != nil {
			return fail(fmt.Errorf("%s: %w", f.Name, err))
		}
		for _, o := range out {
			missed = missed || !o.Met
		}
		report.Figures = append(report.Figures, out...)
	}
	if len(report.Figures) == 0 {
		return fail(fmt.Errorf("no figure matches %q; there are %s", *only, names()))
	}
	if *asJSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(report); err != nil {
			return fail(err)
		}
	} else {
		print(report.Figures)
	}
	if missed {
		return 1
	}
	return 0
}

func names() string {
	var all []string
	for _, f := range figures(sizes{}) {
		all = append(all, f.Name)
	}
	return strings.Join(all, ", ")
}

func print(figures []bench.Outcome) {
	w := tabwriter.NewWriter(os.Stdout, 2, 4, 2, ' ', 0)
	defer w.Flush()
	fmt.Fprintln(w, "figure\tA ns/op\tB ns/op\tB/A (95 %)\tB-A ns (95 %)\tallocs A, B\tKiB A, B\ttarget\tmet")
	for _, o := range figures {
		if o.Text != "" {
			continue
		}
		met := "yes"
		if !o.Met {
			met = "NO"
		}
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.3f (%.3f-%.3f)\t%.0f (%.0f-%.0f)\t%.1f, %.1f\t%.1f, %.1f\t%s\t%s\n",
			o.Name, o.NanosA.Median, o.NanosB.Median, o.Ratio.Median, o.Ratio.Low, o.Ratio.High,
			o.DiffNanos.Median, o.DiffNanos.Low, o.DiffNanos.High, o.AllocsA, o.AllocsB, o.BytesA/1024, o.BytesB/1024, o.Target, met)
	}
	fmt.Fprintln(w)
	for _, o := range figures {
		if o.Text != "" {
			fmt.Fprintln(w, o)
			continue
		}
		fmt.Fprintf(w, "%s: A is %s; B is %s; %d rounds of %d operations\n", o.Name, o.A, o.B, o.Rounds, o.OpsPerSample)
	}
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "bench:", err)
	return 2
}
