package cosmostest

import (
	"fmt"
	"testing"
)

// TestEffectiveKey pins the hashes that the baselines of Azure's SDKs give; in ranges the top two bits of version 2 are
// cleared.
func TestEffectiveKey(t *testing.T) {
	for _, c := range []struct{ component, v1, v2 string }{
		{`{}`, "514E28B7", "11622DAA78F835834610ABE56EFF5CB5"},
		{`null`, "E45AD1AB", "378867E4430E67857ACE5C908374FE16"},
		{`true`, "5E2A8076", "0E711127C5B5A8E4726AC6DD306A3E59"},
		{`false`, "6C27D09F", "2FE1BE91E90A3439635E0E9E37361EF2"},
		{`""`, "3CCCB0FF", "32E9366E637A71B4E710384B2F4970A0"},
		{`"asdf"`, "B02BABC2", "208BF1D598F5B63AD5520F04FE58C5E8"},
		{`0`, "1EDA80A6", "155B95BEDAC4B1E9EC1CDC9BB0DDDE58"},
		{`1`, "E1655A93", "20CD98B339BA78A5D0CF6953B87070B0"},
	} {
		if got := effectiveKey([]string{c.component}, 2, false); got != c.v2 {
			t.Errorf("version 2 of %s: got %s want %s", c.component, got, c.v2)
		}
		if got := fmt.Sprintf("%08X", murmur32(appendForHash(nil, c.component, 0))); got != c.v1 {
			t.Errorf("version 1 of %s: got %s want %s", c.component, got, c.v1)
		}
	}
	if got, want := effectiveKey([]string{`"/path1"`, `"/path2"`}, 2, true), "3499FD5198AE0F1EB6B77F6E428D2FF027A1848BD1102A3B65AFF266874D0FF5"; got != want {
		t.Errorf("hierarchical key: got %s want %s", got, want)
	}
	// A quarter of the hashes of version 1, and half of those of version 2, as accounts are known to have them.
	if got := initialBounds(4, 1); len(got) != 3 || got[0] != "05C1CFFFFFFFF8" {
		t.Errorf("version 1 bounds: got %v want 05C1CFFFFFFFF8 first", got)
	}
	if got := initialBounds(2, 2); got[0] != "1FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF" {
		t.Errorf("version 2 bounds: got %v", got)
	}
}
