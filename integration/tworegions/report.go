package tworegions

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// report writes the account of the run to cfg.Progress until ctx ends.
func (s *scenario) report(ctx context.Context) {
	if s.cfg.Progress == nil {
		return
	}
	every := time.Second
	if s.cfg.Live {
		every = 200 * time.Millisecond
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	lines := 0
	for {
		select {
		case <-ctx.Done():
			if lines > 0 {
				s.redraw(lines, nil)
			}
			return
		case <-tick.C:
		}
		if s.cfg.Live {
			lines = s.redraw(lines, s.cfg.Terminal)
		} else {
			fmt.Fprintln(s.cfg.Progress, s.line())
		}
	}
}

// line is the account in one line.
func (s *scenario) line() string {
	var ops int64
	for _, n := range s.nodes {
		ops += n.counts.snapshot(n.name, n.region.name).Operations()
	}
	var parts []string
	for _, l := range s.links {
		stats := l.snapshot()
		parts = append(parts, fmt.Sprintf("%s %d late %v", stats.Link, stats.Delivered, round(stats.LagP50)))
	}
	if s.account != nil {
		parts = append(parts, s.account.line())
	}
	_, _, broken := s.ledger.snapshot()
	return fmt.Sprintf("%5.1fs  %d operations, %d broken invariants; %s",
		time.Since(s.started).Seconds(), ops, broken, strings.Join(parts, ", "))
}

// redraw writes the live picture, cut to terminal, over the one before, which had
// that many lines, and returns how many it has.
func (s *scenario) redraw(before int, terminal Terminal) int {
	var b strings.Builder
	elapsed := time.Since(s.started)
	done := min(1, elapsed.Seconds()/s.cfg.Duration.Seconds())
	phase := "working"
	if s.worked.Load() {
		phase = "draining"
	}
	const width = 30
	fill := int(done * width)
	fmt.Fprintf(&b, "[%s%s] %5.1fs %s\n\n", strings.Repeat("#", fill), strings.Repeat(".", width-fill), elapsed.Seconds(), phase)
	var nodes []NodeStats
	for _, n := range s.nodes {
		nodes = append(nodes, n.counts.snapshot(n.name, n.region.name))
	}
	writeNodes(&b, nodes)
	var links []LinkStats
	for _, l := range s.links {
		links = append(links, l.snapshot())
	}
	b.WriteByte('\n')
	if s.account != nil {
		writeAccount(&b, s.account.stats())
	} else {
		writeLinks(&b, links)
	}
	b.WriteByte('\n')
	writeCoherence(&b, s.coherence())
	checked, _, _ := s.ledger.snapshot()
	b.WriteByte('\n')
	writeInvariants(&b, checked)
	picture := b.String()
	if terminal != nil {
		columns, rows := terminal.Size()
		picture = fit(picture, columns, rows)
	}
	over := ""
	if before > 0 {
		over = fmt.Sprintf("\x1b[%dA\x1b[J", before)
	}
	io.WriteString(s.cfg.Progress, over+picture)
	return strings.Count(picture, "\n")
}

func round(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }

func table(w io.Writer, header string, rows func(tw io.Writer)) {
	tw := tabwriter.NewWriter(w, 2, 4, 2, ' ', 0)
	fmt.Fprintln(tw, header)
	rows(tw)
	tw.Flush()
}

func writeNodes(w io.Writer, nodes []NodeStats) {
	table(w, "node\tcreated\tupdated\tdeleted\tre-created\tactivations\treads\tlists\tconflicts\tshared updates", func(tw io.Writer) {
		for _, n := range nodes {
			fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n",
				n.Node, n.Creates, n.Updates, n.Deletes, n.Recreations, n.Activations, n.Reads, n.Lists, n.Conflicts, n.Contended)
		}
	})
}

func writeLinks(w io.Writer, links []LinkStats) {
	table(w, "replication\tdelivered\tlost, sent again\tlag p50\tlag max", func(tw io.Writer) {
		for _, l := range links {
			fmt.Fprintf(tw, "%s\t%d\t%d\t%v\t%v\n", l.Link, l.Delivered, l.Lost, round(l.LagP50), round(l.LagMax))
		}
	})
}

func writeAccount(w io.Writer, regions []AccountStats) {
	table(w, "account region\trequests\twrites\trequest units", func(tw io.Writer) {
		for _, s := range regions {
			fmt.Fprintf(tw, "%s\t%d\t%d\t%.0f\n", s.Region, s.Requests, s.Writes, s.RequestUnits)
		}
	})
}

func writeInvariants(w io.Writer, checked []Checked) {
	table(w, "invariant\tchecks\tbroken", func(tw io.Writer) {
		for _, c := range checked {
			fmt.Fprintf(tw, "%s\t%d\t%d\n", c.Invariant, c.Checks, c.Broken)
		}
	})
}

// WriteSummary writes the tables that end a run. Live runs have shown all but
// the first already.
func (r Result) WriteSummary(w io.Writer, live bool) {
	fmt.Fprintln(w)
	table(w, "region\twhisks\tsubjects\tactivations\ttombstones\trequests", func(tw io.Writer) {
		for _, s := range r.Regions {
			fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%d\t%d\n", s.Region, s.Whisks, s.Subjects, s.Activation, s.Tombstones, s.Requests)
		}
	})
	if !live {
		fmt.Fprintln(w)
		writeNodes(w, r.Nodes)
		fmt.Fprintln(w)
		if r.Account != nil {
			writeAccount(w, r.Account)
		} else {
			writeLinks(w, r.Links)
		}
		fmt.Fprintln(w)
		writeCoherence(w, r.Coherence)
		fmt.Fprintln(w)
		writeInvariants(w, r.Invariants)
	}
	if p := r.Resumed; p != nil {
		fmt.Fprintf(w, "\nrun %d on this directory: %d acknowledged documents and tombstones were there, %d writes had been under way\n", p.Run, p.Documents, p.InFlight)
	}
	fmt.Fprintf(w, "\n%d operations in %v; equal %v after the last write; %d broken invariants\n",
		r.Operations, r.Elapsed.Round(time.Millisecond), r.Drained.Round(time.Millisecond), r.Broken)
	for _, v := range r.Violations {
		fmt.Fprintln(w, "broken:", v)
	}
	if more := r.Broken - int64(len(r.Violations)); more > 0 {
		fmt.Fprintf(w, "and %d more\n", more)
	}
}
