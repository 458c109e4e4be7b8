package tworegions

import (
	"fmt"
	"sync"
)

// Invariant is one promise that the run checks as it goes.
type Invariant string

// The invariants, in the order of the report.
const (
	ReadYourWrites    Invariant = "a node reads its own writes"
	StaleWriteRefused Invariant = "a write with an old revision is refused"
	DeletedStays      Invariant = "deleted stays deleted"
	RecreationWins    Invariant = "re-creation wins over the tombstone"
	ClusterIDs        Invariant = "every state names the cluster that wrote it"
	TombstoneTTLs     Invariant = "tombstones expire after their TTL, live documents never"
	NoGoingBack       Invariant = "reads of one region never go back"
	Lists             Invariant = "lists and counts show what was written"
	Identities        Invariant = "identities carry their limits, blocked ones do not exist"
	NoLostUpdate      Invariant = "no update of a contended document is lost"
	RegionsEqual      Invariant = "both regions are equal at the end"
	NoStaleHit        Invariant = "no cache serves what is staler than its state allows"
	NothingStale      Invariant = "at the end no cache holds anything stale"
	Acknowledged      Invariant = "what was acknowledged before a restart is there after it"
)

// Invariants lists them. Acknowledged is checked by runs that continue another.
func Invariants() []Invariant {
	return []Invariant{
		ReadYourWrites, StaleWriteRefused, DeletedStays, RecreationWins, ClusterIDs, TombstoneTTLs,
		NoGoingBack, Lists, Identities, NoLostUpdate, RegionsEqual, NoStaleHit, NothingStale, Acknowledged,
	}
}

// Checked is what became of one invariant.
type Checked struct {
	Invariant Invariant `json:"invariant"`
	Checks    int64     `json:"checks"`
	Broken    int64     `json:"broken"`
}

// maxViolations bounds the texts that are kept; further ones are only counted.
const maxViolations = 20

type ledger struct {
	mu         sync.Mutex
	counts     map[Invariant]*Checked
	violations []string
}

func newLedger() *ledger {
	l := &ledger{counts: map[Invariant]*Checked{}}
	for _, inv := range Invariants() {
		l.counts[inv] = &Checked{Invariant: inv}
	}
	return l
}

// check counts one look at inv and keeps what was wrong. It returns ok.
func (l *ledger) check(inv Invariant, ok bool, format string, args ...any) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.counts[inv]
	c.Checks++
	if !ok {
		c.Broken++
		if len(l.violations) < maxViolations {
			l.violations = append(l.violations, string(inv)+": "+fmt.Sprintf(format, args...))
		}
	}
	return ok
}

func (l *ledger) snapshot() (checked []Checked, violations []string, broken int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, inv := range Invariants() {
		if inv == Acknowledged && l.counts[inv].Checks == 0 {
			continue
		}
		checked = append(checked, *l.counts[inv])
		broken += l.counts[inv].Broken
	}
	return checked, append([]string(nil), l.violations...), broken
}
