// Package bench compares two sides that do the same work: interleaved in one
// process, round by round, so that whatever else the machine does hits both.
// Results are medians over rounds with their 95 % confidence interval, which
// order statistics give without any assumption about the noise.
package bench

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"
)

// Side is one of the two things compared.
type Side struct {
	// Name and Settings say what it is, for the report.
	Name     string
	Settings string

	// Run does the work n times.
	Run func(ctx context.Context, n int) error

	// Traffic, if any, is what the side has exchanged with a server so far.
	Traffic func() Traffic
}

// Traffic is what was exchanged with a server.
type Traffic struct {
	Requests, Bytes int64 // bytes of the bodies of answers
}

// Interval is a median over rounds with its 95 % confidence interval.
type Interval struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// Result is what a comparison found. Times are per operation.
type Result struct {
	Name         string   `json:"name"`
	A            string   `json:"a"`
	B            string   `json:"b"`
	Rounds       int      `json:"rounds"`
	NanosA       Interval `json:"nanosA"`
	NanosB       Interval `json:"nanosB"`
	Ratio        Interval `json:"ratio"` // B / A of the same round
	DiffNanos    Interval `json:"diffNanos"`
	CPURatio     Interval `json:"cpuRatio"`     // the same of the process's CPU time
	CPUDiffNanos Interval `json:"cpuDiffNanos"` // which other processes disturb less
	AllocsA      float64  `json:"allocsA"`
	AllocsB      float64  `json:"allocsB"`
	BytesA       float64  `json:"bytesA"`
	BytesB       float64  `json:"bytesB"`
	OpsPerSample int      `json:"opsPerSample"`

	// What an operation exchanged, where the sides tell.
	RequestsA float64 `json:"requestsA,omitempty"`
	RequestsB float64 `json:"requestsB,omitempty"`
	AnswersA  float64 `json:"answersA,omitempty"` // bytes
	AnswersB  float64 `json:"answersB,omitempty"`

	ratios []float64 // of the rounds
}

// Growth is how B / A changed from one result to another of as many rounds.
func Growth(from, to Result) Interval {
	var qs []float64
	for i := range min(len(from.ratios), len(to.ratios)) {
		qs = append(qs, to.ratios[i]/from.ratios[i])
	}
	return Median(qs)
}

// Options are the options of Compare; nil is the zero value.
type Options struct {
	Rounds int           // default 31
	Sample time.Duration // how long one side runs in a round, default 20 ms
}

// maxOps bounds the operations of one sample.
const maxOps = 1 << 22

// Compare runs a and b side by side. The number of operations of a sample is
// found once, with a, and is the same for both.
func Compare(ctx context.Context, name string, a, b Side, opts *Options) (Result, error) {
	o := Options{Rounds: 31, Sample: 20 * time.Millisecond}
	if opts != nil {
		if opts.Rounds > 0 {
			o.Rounds = opts.Rounds
		}
		if opts.Sample > 0 {
			o.Sample = opts.Sample
		}
	}
	n := 1
	for {
		s, err := sample(ctx, a, n)
		if err != nil {
			return Result{}, err
		}
		if s.elapsed >= o.Sample/2 || n >= maxOps {
			break
		}
		n = min(max(n*2, int(float64(n)*float64(o.Sample)/float64(s.elapsed+1))), n*100, maxOps)
	}
	res := Result{
		Name: name, A: label(a), B: label(b), Rounds: o.Rounds, OpsPerSample: n,
	}
	var as, bs, ratios, diffs, cpuRatios, cpuDiffs []float64
	trafficA, trafficB := traffic(a), traffic(b)
	for round := range o.Rounds {
		first, second := a, b
		if round%2 == 1 {
			first, second = b, a
		}
		s1, err := sample(ctx, first, n)
		if err != nil {
			return Result{}, err
		}
		s2, err := sample(ctx, second, n)
		if err != nil {
			return Result{}, err
		}
		if round%2 == 1 {
			s1, s2 = s2, s1
		}
		ta, tb := s1.perOp(n), s2.perOp(n)
		as, bs = append(as, ta), append(bs, tb)
		ratios, diffs = append(ratios, tb/ta), append(diffs, tb-ta)
		if s1.cpu > 0 {
			cpuRatios = append(cpuRatios, float64(s2.cpu)/float64(s1.cpu))
			cpuDiffs = append(cpuDiffs, float64(s2.cpu-s1.cpu)/float64(n))
		}
		res.AllocsA += float64(s1.allocs) / float64(n) / float64(o.Rounds)
		res.AllocsB += float64(s2.allocs) / float64(n) / float64(o.Rounds)
		res.BytesA += float64(s1.bytes) / float64(n) / float64(o.Rounds)
		res.BytesB += float64(s2.bytes) / float64(n) / float64(o.Rounds)
	}
	res.NanosA, res.NanosB = Median(as), Median(bs)
	res.Ratio, res.DiffNanos, res.ratios = Median(ratios), Median(diffs), ratios
	if len(cpuRatios) > 0 {
		res.CPURatio, res.CPUDiffNanos = Median(cpuRatios), Median(cpuDiffs)
	}
	ops := float64(n) * float64(o.Rounds)
	res.RequestsA, res.AnswersA = traffic(a).since(trafficA, ops)
	res.RequestsB, res.AnswersB = traffic(b).since(trafficB, ops)
	return res, nil
}

func traffic(s Side) Traffic {
	if s.Traffic == nil {
		return Traffic{}
	}
	return s.Traffic()
}

// since is the traffic per operation.
func (t Traffic) since(before Traffic, ops float64) (requests, bytes float64) {
	return float64(t.Requests-before.Requests) / ops, float64(t.Bytes-before.Bytes) / ops
}

func label(s Side) string {
	if s.Settings == "" {
		return s.Name
	}
	return s.Name + " (" + s.Settings + ")"
}

type measured struct {
	elapsed, cpu  time.Duration
	allocs, bytes uint64
}

func (m measured) perOp(n int) float64 { return float64(m.elapsed.Nanoseconds()) / float64(n) }

func sample(ctx context.Context, s Side, n int) (measured, error) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start, used := time.Now(), cpuTime()
	if err := s.Run(ctx, n); err != nil {
		return measured{}, fmt.Errorf("%s: %w", s.Name, err)
	}
	elapsed, cpu := time.Since(start), cpuTime()-used
	runtime.ReadMemStats(&after)
	return measured{elapsed, cpu, after.Mallocs - before.Mallocs, after.TotalAlloc - before.TotalAlloc}, ctx.Err()
}

// Median returns the median of xs and the order statistics that enclose the
// true median with a probability of at least 95 %.
func Median(xs []float64) Interval {
	xs = slices.Clone(xs)
	slices.Sort(xs)
	n := len(xs)
	m := xs[n/2]
	if n%2 == 0 {
		m = (xs[n/2-1] + xs[n/2]) / 2
	}
	// k is the largest rank with P(Binomial(n, 1/2) < k) <= 2.5 %.
	k, below, term := 0, 0.0, math.Pow(0.5, float64(n))
	for i := 0; i < n/2; i++ {
		if below += term; below > 0.025 {
			break
		}
		term *= float64(n-i) / float64(i+1)
		k = i + 1
	}
	low, high := xs[0], xs[n-1]
	if k > 0 {
		low, high = xs[k-1], xs[n-k]
	}
	return Interval{Median: m, Low: low, High: high}
}
