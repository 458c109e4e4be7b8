package bench

import (
	"context"
	"testing"
)

func TestMedianInterval(t *testing.T) {
	var xs []float64
	for i := range 31 {
		xs = append(xs, float64(i+1))
	}
	// For 31 values the sign test's interval at 95 % is from the 10th to the 22nd.
	if got, want := Median(xs), (Interval{Median: 16, Low: 10, High: 22}); got != want {
		t.Errorf("median: got %+v, want %+v", got, want)
	}
	if got, want := Median(xs[:3]), (Interval{Median: 2, Low: 1, High: 3}); got != want {
		t.Errorf("median of three: got %+v, want %+v", got, want)
	}
}

var sink []byte

func TestCompareCountsAllocations(t *testing.T) {
	side := func(allocs int) Side {
		return Side{Name: "side", Run: func(_ context.Context, n int) error {
			for range n * allocs {
				sink = make([]byte, 64)
			}
			return nil
		}}
	}
	res, err := Compare(t.Context(), "allocations", side(1), side(3), &Options{Rounds: 3, Sample: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	if d := res.AllocsB - res.AllocsA; d < 1.9 || d > 2.1 {
		t.Errorf("B allocates more by: got %.2f, want 2", d)
	}
}
