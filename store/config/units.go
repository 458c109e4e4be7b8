package config

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// Duration is a length of time, written in HOCON's syntax: a number without
// sign and a unit, "10 m", "1.5 hours", "500ms". The units are
//
//	ns, nano, nanos, nanosecond, nanoseconds     s, second, seconds
//	us, micro, micros, microsecond, microseconds m, minute, minutes
//	ms, milli, millis, millisecond, milliseconds h, hour, hours
//	d, day, days (of 24 hours)
//
// A number alone counts milliseconds.
type Duration time.Duration

// Size is a number of bytes, written in HOCON's syntax: a number without sign
// and a unit, "16 k", "1.5 MiB", "2 megabytes". K, M, G, T, P and E, also in
// lower case, with i or with iB, are powers of 1024; kB, MB, GB, TB, PB and EB
// are powers of 1000. A number alone counts bytes.
type Size int64

type unit struct {
	name string
	size int64
}

// durationUnits in descending order; the first name of a size is how it prints.
var durationUnits = expand([]unit{
	{"d day days", int64(24 * time.Hour)},
	{"h hour hours", int64(time.Hour)},
	{"m minute minutes", int64(time.Minute)},
	{"s second seconds", int64(time.Second)},
	{"ms milli millis millisecond milliseconds", int64(time.Millisecond)},
	{"us micro micros microsecond microseconds", int64(time.Microsecond)},
	{"ns nano nanos nanosecond nanoseconds", 1},
})

var sizeUnits = expand([]unit{
	{"e E Ei EiB exbibyte exbibytes", 1 << 60},
	{"p P Pi PiB pebibyte pebibytes", 1 << 50},
	{"t T Ti TiB tebibyte tebibytes", 1 << 40},
	{"g G Gi GiB gibibyte gibibytes", 1 << 30},
	{"m M Mi MiB mebibyte mebibytes", 1 << 20},
	{"k K Ki KiB kibibyte kibibytes", 1 << 10},
	{"B b byte bytes", 1},
	{"kB kilobyte kilobytes", 1e3},
	{"MB megabyte megabytes", 1e6},
	{"GB gigabyte gigabytes", 1e9},
	{"TB terabyte terabytes", 1e12},
	{"PB petabyte petabytes", 1e15},
	{"EB exabyte exabytes", 1e18},
})

// expand makes one unit of each name.
func expand(groups []unit) (units []unit) {
	for _, g := range groups {
		for name := range strings.FieldsSeq(g.name) {
			units = append(units, unit{name, g.size})
		}
	}
	return units
}

// ParseDuration reads a length of time. Parts of a nanosecond are dropped.
func ParseDuration(text string) (Duration, error) {
	n, err := parseQuantity(text, durationUnits, int64(time.Millisecond), `"10 m", "30 s" or "500 ms"`)
	return Duration(n), err
}

// ParseSize reads a number of bytes. Parts of a byte are dropped.
func ParseSize(text string) (Size, error) {
	n, err := parseQuantity(text, sizeUnits, 1, `"16 k", "2 MiB" or "512 bytes"`)
	return Size(n), err
}

// maxQuantity bounds how long a quantity's text may be.
const maxQuantity = 64

func parseQuantity(text string, units []unit, bare int64, like string) (int64, error) {
	text = strings.TrimSpace(text)
	end := 0
	for end < len(text) && (text[end] >= '0' && text[end] <= '9' || text[end] == '.') {
		end++
	}
	number, name := text[:end], strings.TrimSpace(text[end:])
	whole, fraction, dotted := strings.Cut(number, ".")
	switch {
	case strings.HasPrefix(text, "-"):
		return 0, fmt.Errorf("%q is negative", text)
	case len(text) > maxQuantity, whole == "", dotted && (fraction == "" || strings.Contains(fraction, ".")):
		return 0, fmt.Errorf("%.64q is no number with a unit such as %s", text, like)
	}
	size := bare
	if name != "" {
		size = 0
		for _, u := range units {
			if u.name == name {
				size = u.size
			}
		}
		if size == 0 {
			return 0, fmt.Errorf("%q has the unknown unit %q; write it like %s", text, name, like)
		}
	}
	r, ok := new(big.Rat).SetString(number)
	if !ok {
		return 0, fmt.Errorf("%q is no number with a unit such as %s", text, like)
	}
	r.Mul(r, new(big.Rat).SetInt64(size))
	n := new(big.Int).Quo(r.Num(), r.Denom())
	if !n.IsInt64() {
		return 0, fmt.Errorf("%q is too large", text)
	}
	return n.Int64(), nil
}

// String returns d in the largest unit that it is a multiple of, "90 m".
func (d Duration) String() string {
	if d == 0 {
		return "0 s"
	}
	return quantity(int64(d), durationUnits)
}

// String returns s in the largest power of 1024 that it is a multiple of, "16 k".
func (s Size) String() string {
	if s == 0 {
		return "0 B"
	}
	return quantity(int64(s), sizeUnits)
}

func quantity(n int64, units []unit) string {
	for _, u := range units {
		if n%u.size == 0 {
			return strconv.FormatInt(n/u.size, 10) + " " + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}

// UnmarshalText reads what ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDuration(string(text))
	return err
}

// MarshalText returns String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// parseBool reads HOCON's spellings of a truth value.
func parseBool(text string) (bool, error) {
	switch text {
	case "true", "yes", "on":
		return true, nil
	case "false", "no", "off":
		return false, nil
	}
	return false, errors.New("is neither true (yes, on) nor false (no, off)")
}
