package config

import (
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"10 m": 10 * time.Minute, "60 s": time.Minute, "500": 500 * time.Millisecond, " 1.5hours ": 90 * time.Minute,
		"7 d": 7 * 24 * time.Hour, "1 day": 24 * time.Hour, "3ns": 3, "2 micros": 2 * time.Microsecond, "0": 0, "0.0000001 ms": 0,
		"106751 days": 106751 * 24 * time.Hour, "1 second": time.Second, "12 milliseconds": 12 * time.Millisecond,
	} {
		if got, err := ParseDuration(text); err != nil || time.Duration(got) != want {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "m", "-1 s", "1 M", "1 min", "1h30m", "1..5 s", ".5 s", "5. s", "1,5 s", "106752 d", "0x10 s", "1e3 s", strings.Repeat("9", 100)} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q: got %v, want an error", text, got)
		}
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{
		"16 k": 16384, "16K": 16384, "16 kB": 16000, "1.5 MiB": 1572864, "2 megabytes": 2e6, "512": 512, "512 bytes": 512,
		"7 E": 7 << 60, "1g": 1 << 30, "0": 0, "1.5 B": 1,
	} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "k", "-1", "1 kb", "8 E", "1 Z", "16 s"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%q: got %v, want an error", text, got)
		}
	}
}

// quantityForm is what a quantity looks like without white space around it.
var quantityForm = regexp.MustCompile(`(?s)^([0-9]+(?:\.[0-9]+)?)(.*)$`)

// fuzzQuantity compares parse with arithmetic on rationals over the same units,
// and reads back what its result prints as.
func fuzzQuantity(t *testing.T, text string, units []unit, bare int64, got int64, err error, printed string, again int64) {
	t.Helper()
	m := quantityForm.FindStringSubmatch(strings.TrimSpace(text))
	size := bare
	if m != nil && strings.TrimSpace(m[2]) != "" {
		size = 0
		for _, u := range units {
			if u.name == strings.TrimSpace(m[2]) {
				size = u.size
			}
		}
	}
	if m == nil || size == 0 || len(strings.TrimSpace(text)) > maxQuantity {
		if err == nil {
			t.Fatalf("%q: got %d, want an error", text, got)
		}
		return
	}
	n, _ := new(big.Rat).SetString(m[1])
	n.Mul(n, big.NewRat(size, 1))
	floor := new(big.Int).Div(n.Num(), n.Denom())
	switch {
	case !floor.IsInt64():
		if err == nil {
			t.Fatalf("%q: got %d, want an overflow", text, got)
		}
	case err != nil || got != floor.Int64():
		t.Fatalf("%q: got %d, %v, want %v", text, got, err, floor)
	case again != got:
		t.Fatalf("%q prints as %q, which reads as %d, want %d", text, printed, again, got)
	}
}

func FuzzDuration(f *testing.F) {
	for _, s := range []string{"10 m", "1.5 hours", "500", "-1 s", "9223372036854775807 ns", "0.1d", "１ s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDuration(text)
		again, _ := ParseDuration(d.String())
		fuzzQuantity(t, text, durationUnits, int64(time.Millisecond), int64(d), err, d.String(), int64(again))
	})
}

func FuzzSize(f *testing.F) {
	for _, s := range []string{"16 k", "1.5MiB", "512", "8 E", "7EB", "0.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := ParseSize(text)
		again, _ := ParseSize(n.String())
		fuzzQuantity(t, text, sizeUnits, 1, int64(n), err, n.String(), int64(again))
	})
}
