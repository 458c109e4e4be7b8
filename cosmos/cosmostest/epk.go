package cosmostest

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/bits"
	"strings"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/cosql"
)

// undefinedKey is the canonical text of a partition key component that the item does not have.
const undefinedKey = "{}"

// effectiveKey maps the components of a partition key, as normalised JSON texts, to the hexadecimal text by which
// ranges are ordered. version is that of the container's partition key definition.
func effectiveKey(components []string, version int, multi bool) string {
	if version != 2 {
		return effectiveKeyV1(components)
	}
	if !multi {
		var buf []byte
		for _, c := range components {
			buf = appendForHash(buf, c, 0xFF)
		}
		return hashV2(buf)
	}
	var out strings.Builder
	for _, c := range components {
		out.WriteString(hashV2(appendForHash(nil, c, 0xFF)))
	}
	return out.String()
}

func hashV2(buf []byte) string {
	low, high := murmur128(buf)
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], high)
	binary.BigEndian.PutUint64(b[8:], low)
	b[0] &= 0x3F
	return strings.ToUpper(hex.EncodeToString(b[:]))
}

// appendForHash appends a component's type byte and value. end terminates strings.
func appendForHash(dst []byte, component string, end byte) []byte {
	if component == undefinedKey {
		return append(dst, 0x00)
	}
	switch v := cosql.FromRaw(component); v.Kind {
	case cosql.Null:
		return append(dst, 0x01)
	case cosql.Bool:
		if v.Bool {
			return append(dst, 0x03)
		}
		return append(dst, 0x02)
	case cosql.Number:
		return binary.LittleEndian.AppendUint64(append(dst, 0x05), math.Float64bits(v.Num))
	default:
		return append(append(append(dst, 0x08), v.Str...), end)
	}
}

// maxKeyBytes is how much of a string takes part in the first version of the hash.
const maxKeyBytes = 100

// effectiveKeyV1 is the first version: a 32-bit hash as a double, then the components, each in an encoding whose bytes
// compare as the values do.
func effectiveKeyV1(components []string) string {
	var buf []byte
	for _, c := range components {
		if v := cosql.FromRaw(c); v.Kind == cosql.String {
			if r := []rune(v.Str); len(r) > maxKeyBytes {
				v.Str = string(r[:maxKeyBytes])
			}
			buf = append(append(append(buf, 0x08), v.Str...), 0)
			continue
		}
		buf = appendForHash(buf, c, 0)
	}
	out := appendOrderedNumber(nil, float64(murmur32(buf)))
	for _, c := range components {
		out = appendOrdered(out, c)
	}
	return strings.ToUpper(hex.EncodeToString(out))
}

func appendOrdered(dst []byte, component string) []byte {
	if component == undefinedKey {
		return append(dst, 0x00)
	}
	v := cosql.FromRaw(component)
	switch v.Kind {
	case cosql.Number:
		return appendOrderedNumber(dst, v.Num)
	case cosql.String:
		dst = append(dst, 0x08)
		s := v.Str
		short := len(s) <= maxKeyBytes
		if !short {
			s = s[:maxKeyBytes+1]
		}
		for i := range len(s) {
			if s[i] < 0xFF {
				dst = append(dst, s[i]+1)
			} else {
				dst = append(dst, s[i])
			}
		}
		if short {
			dst = append(dst, 0)
		}
		return dst
	}
	return appendForHash(dst, component, 0)
}

// appendOrderedNumber writes eight bits of the number, then seven bits per byte, the lowest bit telling whether more follow.
func appendOrderedNumber(dst []byte, f float64) []byte {
	u := math.Float64bits(f)
	if u < 1<<63 {
		u ^= 1 << 63
	} else {
		u = ^u + 1
	}
	dst = append(dst, 0x05, byte(u>>56))
	u <<= 8
	last := byte(0)
	for first := true; u != 0; first = false {
		if !first {
			dst = append(dst, last)
		}
		last = byte(u>>56) | 1
		u <<= 7
	}
	return append(dst, last&0xFE)
}

func murmur32(data []byte) uint32 {
	const c1, c2 = 0xcc9e2d51, 0x1b873593
	var h uint32
	rest := data
	for len(rest) >= 4 {
		k := binary.LittleEndian.Uint32(rest) * c1
		h ^= bits.RotateLeft32(k, 15) * c2
		h = bits.RotateLeft32(h, 13)*5 + 0xe6546b64
		rest = rest[4:]
	}
	var k uint32
	for i := len(rest) - 1; i >= 0; i-- {
		k = k<<8 | uint32(rest[i])
	}
	h ^= bits.RotateLeft32(k*c1, 15) * c2
	h ^= uint32(len(data))
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}

func murmur128(data []byte) (low, high uint64) {
	const c1, c2 = 0x87c37b91114253d5, 0x4cf5ad432745937f
	mixLow := func(k uint64) uint64 { return bits.RotateLeft64(k*c1, 31) * c2 }
	mixHigh := func(k uint64) uint64 { return bits.RotateLeft64(k*c2, 33) * c1 }
	rest := data
	for len(rest) >= 16 {
		low ^= mixLow(binary.LittleEndian.Uint64(rest))
		low = (bits.RotateLeft64(low, 27)+high)*5 + 0x52dce729
		high ^= mixHigh(binary.LittleEndian.Uint64(rest[8:]))
		high = (bits.RotateLeft64(high, 31)+low)*5 + 0x38495ab5
		rest = rest[16:]
	}
	var tail [16]byte
	copy(tail[:], rest)
	high ^= mixHigh(binary.LittleEndian.Uint64(tail[8:]))
	low ^= mixLow(binary.LittleEndian.Uint64(tail[:8]))
	n := uint64(len(data))
	low, high = low^n, high^n
	low += high
	high += low
	low, high = finalMix(low), finalMix(high)
	low += high
	high += low
	return low, high
}

func finalMix(k uint64) uint64 {
	k = (k ^ k>>33) * 0xff51afd7ed558ccd
	k = (k ^ k>>33) * 0xc4ceb9fe1a85ec53
	return k ^ k>>33
}

// initialBounds returns the inner boundaries of n equal ranges.
func initialBounds(n, version int) []string {
	var out []string
	for i := 1; i < n; i++ {
		if version == 2 {
			// Hashes lie below 40..., and a boundary is the last hash of a slice, as the service reports it.
			top := uint64(1<<62) / uint64(n) * uint64(i)
			var b [16]byte
			binary.BigEndian.PutUint64(b[:8], top-1)
			binary.BigEndian.PutUint64(b[8:], math.MaxUint64)
			out = append(out, strings.ToUpper(hex.EncodeToString(b[:])))
			continue
		}
		step := float64(math.MaxUint32) / float64(n) * float64(i)
		out = append(out, strings.ToUpper(hex.EncodeToString(appendOrderedNumber(nil, math.Floor(step)))))
	}
	return out
}
