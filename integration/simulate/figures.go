package simulate

import (
	"math"
	"time"
)

// granule is the unit of the histogram of staleness.
const granule = time.Millisecond / 8

// Figures are what a run counted.
type Figures struct {
	Hits    uint64    `json:"hits"` // reads served without a load
	Misses  uint64    `json:"misses"`
	ByState [4]uint64 `json:"-"`     // hits by cache.State
	Stale   uint64    `json:"stale"` // hits on anything but the newest version
	Rests   int       `json:"rests"` // times at which everything that was held was judged

	Staleness     [32]uint64    `json:"-"` // of the stale hits, by powers of two of granule
	WorstCoherent time.Duration `json:"worstCoherent"`
	WorstDegraded time.Duration `json:"worstDegraded"`
}

// Percentile is a staleness that the share q of all hits does not exceed.
func (f *Figures) Percentile(q float64) time.Duration {
	over := float64(f.Hits) * (1 - q)
	for i := len(f.Staleness) - 1; i >= 0; i-- {
		if over -= float64(f.Staleness[i]); over < 0 {
			return min(granule<<i, max(f.WorstCoherent, f.WorstDegraded))
		}
	}
	return 0
}

// Newest is the share of hits that were the newest version, and Nines how many
// nines that is.
func (f *Figures) Newest() (share, nines float64) {
	if f.Hits == 0 {
		return 1, 0
	}
	stale := max(float64(f.Stale), 1) / float64(f.Hits) // none seen says no more than fewer than one
	return 1 - float64(f.Stale)/float64(f.Hits), -math.Log10(stale)
}
