package bench

import (
	"context"
	"fmt"
)

// Figure is one claim, with how it is measured.
type Figure struct {
	Name    string
	Measure func(ctx context.Context, o *Options) ([]Outcome, error)
}

// Outcome is what a claim came to: a Result, or in its place a Text.
type Outcome struct {
	Result
	Text   string `json:"text,omitempty"`
	Target string `json:"target"`
	Met    bool   `json:"met"`
}

// String has everything that was measured, in microseconds.
func (o Outcome) String() string {
	if o.Text != "" {
		return fmt.Sprintf("%s; target: %s; met: %v", o.Text, o.Target, o.Met)
	}
	iv := func(i Interval, unit float64) string {
		return fmt.Sprintf("%.3f [%.3f, %.3f]", i.Median/unit, i.Low/unit, i.High/unit)
	}
	exchanged := ""
	if o.RequestsA != 0 || o.RequestsB != 0 {
		exchanged = fmt.Sprintf("; requests %.2f and %.2f; bytes of answers %.0f and %.0f", o.RequestsA, o.RequestsB, o.AnswersA, o.AnswersB)
	}
	return fmt.Sprintf("%s: A is %s, B is %s; %d rounds of %d operations\n"+
		"time A %s µs, B %s µs, B/A %s, B-A %s µs; CPU time B/A %s, B-A %s µs\n"+
		"allocations %.2f and %.2f%s; target: %s; met: %v",
		o.Name, o.A, o.B, o.Rounds, o.OpsPerSample, iv(o.NanosA, 1000), iv(o.NanosB, 1000), iv(o.Ratio, 1), iv(o.DiffNanos, 1000),
		iv(o.CPURatio, 1), iv(o.CPUDiffNanos, 1000), o.AllocsA, o.AllocsB, exchanged, o.Target, o.Met)
}
