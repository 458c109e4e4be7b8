package entity

import (
	"math"
	"regexp"
	"strconv"
)

// SizeUnit is the unit of a ByteSize.
type SizeUnit uint8

// The units, each 1024 times the one before.
const (
	Byte SizeUnit = iota
	KB
	MB
	GB
)

var unitTexts = [...]string{Byte: "B", KB: "KB", MB: "MB", GB: "GB"}

// String returns "B", "KB", "MB" or "GB".
func (u SizeUnit) String() string {
	if int(u) < len(unitTexts) {
		return unitTexts[u]
	}
	return "unknown unit"
}

// ByteSize is a size in the unit it was spelt in.
type ByteSize struct {
	Size int64
	Unit SizeUnit
}

var sizePattern = regexp.MustCompile(`\A(?i:\s?(\d+)\s?(GB|MB|KB|B|G|M|K)\s?)\z`)

// ParseByteSize reads "<n> <unit>", the space being optional, with the units B,
// K, KB, M, MB, G and GB in either case.
func ParseByteSize(s string) (ByteSize, error) {
	m := sizePattern.FindStringSubmatch(s)
	if m == nil {
		return ByteSize{}, problem("", `not a size as "<n> MB"`)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return ByteSize{}, problem("", "size is out of range")
	}
	size := ByteSize{Size: n}
	switch m[2][0] {
	case 'K', 'k':
		size.Unit = KB
	case 'M', 'm':
		size.Unit = MB
	case 'G', 'g':
		size.Unit = GB
	}
	return size, nil
}

// Bytes returns the size in bytes, the largest int64 where it has no place there.
func (b ByteSize) Bytes() int64 {
	n := b.Size
	for range b.Unit {
		if n > math.MaxInt64/1024 {
			return math.MaxInt64
		}
		n *= 1024
	}
	return n
}

// String returns "<n> <unit>", the stored spelling.
func (b ByteSize) String() string { return strconv.FormatInt(b.Size, 10) + " " + b.Unit.String() }

func (b ByteSize) check() error {
	if b.Size < 0 || b.Unit > GB {
		return problem("", "not a size")
	}
	return nil
}

func decodeByteSize(raw []byte) (ByteSize, error) {
	s, err := decodeString(raw)
	if err != nil {
		return ByteSize{}, err
	}
	return ParseByteSize(s)
}
