package cache

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

//go:generate go test -run ^TestProtocolDocument$ -args -update-protocol

var (
	updateProtocol = flag.Bool("update-protocol", false, "write PROTOCOL.md instead of comparing it")
	largeModel     = flag.Bool("large-model", false, "search the large settings as well (minutes, several GB)")
)

// searched remembers the searches of one test run: the document needs the same
// ones as the test.
var searched sync.Map // name -> func() result

func once(name string, search func() result) result {
	f, _ := searched.LoadOrStore(name, sync.OnceValue(search))
	return f.(func() result)()
}

func searchOnce(set setting, off Rule) result {
	return once(fmt.Sprint(set.name, off), func() result { return search(set, off, maxStates) })
}

// quick are the settings that are searched under the race detector too.
var quick = map[string]bool{"replicas": true, "nothing": true, "second": true, "second-writer": true}

// maxStates is far above every search that the tests make; one that reaches it
// has not been a proof.
const maxStates = 200_000_000

// TestSearch visits every state of every setting.
func TestSearch(t *testing.T) {
	sets := settings
	if *largeModel {
		sets = append(sets, largeSettings...)
	}
	for _, set := range sets {
		t.Run(set.name, func(t *testing.T) {
			checkSearch(t, quick[set.name], func() result { return searchOnce(set, 0) })
		})
	}
}

// checkSearch holds that a search finds nothing and ends.
func checkSearch(t *testing.T, quick bool, search func() result) {
	if !quick {
		skipUnderRace(t)
	}
	r := search()
	t.Logf("%d states, %d transitions, depth %d", r.states, r.transitions, r.depth)
	if r.broken != "" {
		t.Errorf("%v", r)
	} else if !r.fixpoint {
		t.Errorf("no fixpoint within %d states", r.states)
	}
}

func skipUnderRace(t *testing.T) {
	if raceDetector {
		t.Skip("run without -race: a search has no goroutines and would take ten times as long")
	}
}

// TestEachRule switches off one rule after another: the search must find what
// the rule is there to prevent.
func TestEachRule(t *testing.T) {
	var shown Rule
	for _, p := range proofs {
		shown |= p.rule
		t.Run(p.rule.String(), func(t *testing.T) {
			r := p.search()
			t.Logf("%v", r)
			if r.broken != p.breaks {
				t.Errorf("broken %q, want %q", r.broken, p.breaks)
			}
		})
	}
	for _, r := range Rules() {
		if !shown.has(r) {
			t.Errorf("nothing shows what %v is for", r)
		}
	}
}

func (p proof) search() result {
	switch p.setting {
	case "timed":
		stale, trace := worst(p.rule | p.with)
		if stale <= timedBound {
			return result{}
		}
		return result{broken: "I6", trace: []string{trace + fmt.Sprintf(": %d units stale, the bound is %d", stale, timedBound)}}
	case "derived":
		return searchDerived(p.rule | p.with)
	}
	for _, s := range settings {
		if s.name == p.setting {
			return searchOnce(s, p.rule|p.with)
		}
	}
	return result{}
}

// TestProtocolDocument compares PROTOCOL.md with what the searches find.
func TestProtocolDocument(t *testing.T) {
	if raceDetector {
		t.Skip("run without -race: the document needs every search")
	}
	got := protocolDocument()
	if *updateProtocol {
		if err := os.WriteFile("PROTOCOL.md", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile("PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("PROTOCOL.md is not what the searches give: run go generate ./cache\n%s", firstDifference(got, string(want)))
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d:\n got %s\nwant %s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

func protocolDocument() string {
	var b strings.Builder
	b.WriteString(protocolHead)
	b.WriteString("\n## Rules\n\nEach rule with the races of upstream that it closes and the shortest run that breaks an invariant when it is off.\n" +
		"The runs are found by the search in this package, over the step function that the cache runs.\n")
	for _, p := range proofs {
		fmt.Fprintf(&b, "\n**%v** %s\n", p.rule, p.text)
		if p.races != "" {
			fmt.Fprintf(&b, "Closes %s.\n", p.races)
		}
		r := p.search()
		fmt.Fprintf(&b, "\n- off")
		if p.with != 0 {
			fmt.Fprintf(&b, " together with %v", p.with)
		}
		fmt.Fprintf(&b, ": breaks %s in setting `%s`\n- `%s`\n", r.broken, p.setting, strings.Join(r.trace, " "))
	}
	b.WriteString("\n## Searches\n\nBreadth first to a fixpoint, over every order of the events that a setting allows. No invariant breaks in any of them.\n\n")
	b.WriteString("| Setting | What may happen | States | Transitions | Depth |\n| --- | --- | --- | --- | --- |\n")
	states, transitions := 0, 0
	for _, s := range settings {
		r := searchOnce(s, 0)
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %d |\n", s.name, s.what, r.states, r.transitions, r.depth)
		states, transitions = states+r.states, transitions+r.transitions
	}
	fmt.Fprintf(&b, "| all of them | | %d | %d | |\n", states, transitions)
	b.WriteString(protocolTail)
	trackerSection(&b)
	b.WriteString(racesHead)
	for _, r := range raceRows() {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r.id, r.by, r.test)
	}
	return b.String()
}

// trackerSection tells what the searches of the subscriber find.
func trackerSection(b *strings.Builder) {
	b.WriteString(trackerHead)
	b.WriteString("| Setting | What may happen | States | Transitions | Depth |\n| --- | --- | --- | --- | --- |\n")
	states, transitions := 0, 0
	for _, s := range trackerSettings {
		r := trackerProof{}.in(s)
		fmt.Fprintf(b, "| %s | %s | %d | %d | %d |\n", s.name, s.what, r.states, r.transitions, r.depth)
		states, transitions = states+r.states, transitions+r.transitions
	}
	fmt.Fprintf(b, "| all of them | | %d | %d | |\n", states, transitions)
	b.WriteString("\nWhat goes wrong with a rule off, or with a fault planted in the subscriber:\n\n")
	for _, p := range trackerProofs {
		r := p.search()
		name := ""
		if p.rule != 0 {
			name = "**" + p.rule.String() + "** off: "
		}
		if r.broken == "" {
			fmt.Fprintf(b, "- %s%s: breaks nothing in setting `%s`; what is in it is read from its beginning\n", name, p.text, p.setting)
			continue
		}
		fmt.Fprintf(b, "- %s%s: breaks %s in setting `%s`: `%s`\n", name, p.text, r.broken, p.setting, strings.Join(r.trace, ", "))
	}
}

const protocolHead = `<!-- Generated by "go generate ./cache" from the searches in this package. Do not edit. -->

# The coherence protocol of the cache

A node caches documents whose truth lies in a database that other nodes write, that reaches this node's region late,
and whose changes are announced on a bus that may lose, repeat and reorder. This page states what the cache promises
all the same, on which assumptions, and by which rules.

## Promise

- I1: nothing is stored that is older, or possibly older, than a version that was announced within the lag budget.
- I2: at rest, when the feed is drained, the replica has caught up and every message was handled or its loss noticed,
  each value that may be served is the newest version, or the absence if the document was deleted.
- I3: no operation waits for, or fails because of, the state of a line.
- I4: a writer reads its own writes, also when writes overlap.
- I5h: hits never go back, as long as versions are ordered and the value is not evicted in between.
- I6: a node that hears nothing serves nothing staler than max(max-silence + delivery, max-staleness + lag budget).

Not promised: that a read which passes the cache is as new as a fence; monotonic reads across misses; anything about
changes that the feed cannot show (physical deletes, documents purged by their time to live, restores).

## Assumptions

- A1: what is committed is visible to every read of the region within the lag budget.
- A2: the feed shows every change eventually, at least its newest version, and an older one after a newer only when it rewinds.
- A3: the store's session shows a node its own writes, also those it learnt of from a refusal.
- A4: operations end.
- A5: versions compare rightly or not at all.
- A6: a delete leaves a versioned tombstone.
- A7: a watermark is truthful: everything up to it was published.
- A8: each process has one monotonic clock; no rule compares clocks of two machines except what a watermark vouches for.

## State of a line

| Part | Meaning |
| --- | --- |
| value, version, born, losses | at most one value; an absence is a value, with a version or without; born and losses count from the start of its load |
| fences, until | at most two versions, none provably newer than another, and the end of their time |
| blind | end of the time in which nothing is admitted |
| fresh | reads go round lagging replicas until then |
| generation, forgot | the generation, and the one in which knowledge was last lost |
| load, writes | the load that readers may join, and the number of writes in flight |

A scope, which the lines of one range of the key space share, has a count of losses, a blind time, and a time in which only loads at a position are
admitted. A line whose value has seen fewer losses than its scope is suspect.

Three functions; everything else is written in them.

- observe(v): if v is provably not newer than a fence, nothing. Otherwise a new generation; v joins the fences, provably
  older ones go; the value goes unless it is provably as new as v.
- forget(): a new generation, knowledge is lost, the value goes, the line is blind for the lag budget.
- admit(operation, v): store unless the operation's generation is over, a blind time stood at any moment of it, v is not
  provably as new as every fence that stood at any moment of it, or the line holds something provably newer.

## Notation of the runs

C2: version 2 is committed elsewhere, C2x: as a delete. P2: the bridge publishes it. m2: the node handles the message, mU: one without a version.
gap: the node notices a loss. >2: the replica shows version 2. Ls, Lr1, Le: a load starts, reads version 1, ends; L' is the second one. J: a reader
joins. Ws, Wc2, We: a local write starts, commits, ends; W' is the second one, Ds a delete; W?: it ends in doubt. F-: a fence or blind time ends.
E: the value is evicted, EL: the line's guard is. H1: a hit on version 1. Version 1 is everywhere at the beginning, and nothing is cached.
`

const trackerHead = `
## The subscriber

A further search drives the tracker that a subscriber runs: a collection whose changes bridges publish to a topic of one or
two partitions, epochs that end at any moment and are taken over, zombies, a range that splits, a subscription that is
built anew, a writer. After each event it judges:

- L: what a message shows to have been sent before it, in its partition or before the hand-over of its epoch, was
  handled, or a loss of its range booked since it was committed; what was sent before a subscription began as well.
- V: while the state is coherent, and until that would end by itself, every change committed before what the watermarks
  claim was handled, or a loss booked since.
- C: the state is coherent only while each part of the key space has a bridge that vouched in every partition, in its newest epoch.
- Z: an epoch that is over causes no loss and vouches for nothing.
- N: no loss is booked but for a missing number, a first sight, or an epoch that is not handed over.
- H: whatever happened, one fresh watermark of each bridge in each partition makes the state coherent again.

Assumed besides: a partition that is made is found before a range falls silent; the epochs of a source's bridges only grow,
also when their lease is lost.

` + "`" + `C2h'` + "`" + ` is commit 2, in the upper half of the keys, in the second partition; ` + "`" + `whole.1 P2` + "`" + ` its publication by epoch 1 of
the whole range's bridge, ` + "`" + `m whole.1 2` + "`" + ` its handling, ` + "`" + `whole.1 marks` + "`" + ` a watermark, ` + "`" + `-` + "`" + ` the end of a unit of time.

`

const racesHead = `
## Races and traces

Which rules close each race of upstream (S, E) and each trace (T), and the tests that show it through the cache, the
tracker or the table: they fail when those rules are off.

| Race, trace | Closed by | Shown by |
| --- | --- | --- |
`

const protocolTail = `
The age of what a deaf node serves (I6) comes from a second model in discrete time that enumerates one load and one
commit; derived entries (R11) from a third one, over two documents and one key derived from both.
`
