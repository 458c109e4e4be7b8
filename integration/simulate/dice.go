package simulate

import (
	"math"
	"time"
)

// dice are random numbers. Whatever happens by chance has dice of its own, made
// of the seed and of a name: what is left out of a run when it is minimised
// changes nothing about the rest.
type dice uint64

// roll makes the dice of a name.
func roll(seed uint64, name ...uint64) dice {
	d := dice(seed)
	for _, part := range name {
		d = dice(d.next() ^ part)
	}
	return d
}

func (d *dice) next() uint64 { // splitmix64
	*d += 0x9e3779b97f4a7c15
	x := uint64(*d)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// float is at least 0 and below 1.
func (d *dice) float() float64 { return float64(d.next()>>11) / (1 << 53) }

// chance is true with probability p.
func (d *dice) chance(p float64) bool { return d.float() < p }

// below is a number from 0 to n-1.
func (d *dice) below(n int) int { return int(d.next() % uint64(n)) }

// upTo is a time from 1 ns to most.
func (d *dice) upTo(most time.Duration) time.Duration {
	return 1 + time.Duration(d.next()%uint64(most))
}

// around is a time that is exponentially distributed with this mean.
func (d *dice) around(mean time.Duration) time.Duration {
	return time.Duration(-math.Log(1-d.float()) * float64(mean))
}
