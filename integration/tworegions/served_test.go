package tworegions

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/entity"
)

// TestRevokedCredentialsAreAskedFor blocks a subject without telling the cache,
// which goes on accepting its credentials: readers have to come upon that.
func TestRevokedCredentialsAreAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := deploy(t, Config{Nodes: 1, LagBudget: time.Second})
		n := d.nodes[0]
		subject := place{store.Subjects, subjectOf(n.name)}
		<-time.After(2 * n.cfg.LagBudget) // nothing is held before
		if _, err := n.caches.identities.ByCredentials(t.Context(), entity.AuthKey{UUID: n.truth.newest(subject).mark, Key: n.secret}); err != nil {
			t.Fatal(err)
		}
		n.truth.committed(subject, state{mark: absenceMark})
		<-time.After(2 * n.cfg.LagBudget)
		r := reader{n: n, nodes: []*node{n}, rng: rand.New(rand.NewPCG(1, 1))}
		for range 100 {
			if err := r.identify(t.Context(), false); err != nil {
				t.Fatal(err)
			}
		}
		n.credentialsAtRest(t.Context(), subject, n.truth.newest(subject))
		for _, inv := range []Invariant{NoStaleHit, NothingStale} {
			if n.ledger.counts[inv].Broken == 0 {
				t.Errorf("%s: got none broken, want some", inv)
			}
		}
		if worst := n.region.served.worst; worst != 2*n.cfg.LagBudget {
			t.Errorf("got %v as the worst, want that of the hits that are not allowed: %v", worst, 2*n.cfg.LagBudget)
		}
	})
}

func TestExcusedHitsAreShown(t *testing.T) {
	var out strings.Builder
	writeCoherence(&out, Coherence{Regions: []CoherenceStats{{Region: "eu", Beyond: 11, Late: 12}}})
	if !regexp.MustCompile(`not allowed  excused  .*\neu .* 11 +12 `).MatchString(out.String()) {
		t.Errorf("got\n%s\nwant 11 that are not allowed and 12 that are excused", &out)
	}
}
