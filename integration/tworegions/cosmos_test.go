package tworegions

import (
	"strings"
	"testing"
	"time"
)

// shortAccount is short on a fake account.
func shortAccount() Config {
	cfg := short()
	cfg.Backend, cfg.Rate, cfg.Loss, cfg.drainTimeout = cosmosBackend, 200, 0, 2*time.Second
	return cfg
}

func TestAccountHoldsEveryInvariant(t *testing.T) {
	cfg := shortAccount()
	cfg.Duration, cfg.drainTimeout = 3*time.Second, 0
	res := run(t, cfg, func(res Result) string { return unchecked(t, res) })
	if len(res.Links) != 0 || len(res.Account) != 2 {
		t.Fatalf("got %d links and %d regions of an account, want 0 and 2", len(res.Links), len(res.Account))
	}
	if eu, us := res.Account[0], res.Account[1]; eu.Writes == 0 || us.Writes != 0 || us.Requests == 0 || us.RequestUnits == 0 {
		t.Errorf("got %+v and %+v, want writes in the first region and reads in both", eu, us)
	}
	var out strings.Builder
	res.WriteSummary(&out, false)
	for _, want := range []string{"account region", "0 broken invariants"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got\n%s\nwant %q", &out, want)
		}
	}
}

// TestAccountSabotage plants one defect at a time: the run has to notice.
func TestAccountSabotage(t *testing.T) {
	for _, tc := range []struct {
		sabotage sabotage
		want     Invariant // must break
	}{
		{noReplication, RegionsEqual},
		{noReadRouting, ReadYourWrites},
		{noStamp, ClusterIDs},
		{noSoftDelete, TombstoneTTLs},
	} {
		t.Run(string(tc.sabotage), func(t *testing.T) {
			cfg := shortAccount()
			cfg.sabotage = tc.sabotage
			if tc.sabotage == noReadRouting {
				cfg.Delay = 40 * time.Millisecond // longer than a node takes to read
			}
			run(t, cfg, func(res Result) string { return unbroken(res, tc.want) })
		})
	}
}
