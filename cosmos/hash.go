package cosmos

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/bits"
	"sort"
	"strings"
	"unicode/utf8"
)

// hashKey returns the effective partition key of an item whose partition key is
// a string: the text by which ranges are ordered. version is that of the
// container's partition key definition; everything but 2 is the first version,
// which all containers of upstream have.
//
// azcosmos has the like for ReadManyItems, but its first version pads the hash
// with zeros, so that it looks for every item in the first range (v1.5.0,
// internal/epk).
func hashKey(key string, version int) string {
	if version == 2 {
		low, high := murmur128(append(append([]byte{stringMarker}, key...), 0xff))
		var b [16]byte
		binary.BigEndian.PutUint64(b[:8], high)
		binary.BigEndian.PutUint64(b[8:], low)
		b[0] &= 0x3f
		return strings.ToUpper(hex.EncodeToString(b[:]))
	}
	hashed := key
	for i, n := 0, 0; i < len(key); n++ {
		if n == hashedLength {
			hashed = key[:i]
			break
		}
		_, size := utf8.DecodeRuneInString(key[i:])
		i += size
	}
	sum := murmur32(append(append([]byte{stringMarker}, hashed...), 0))
	b := appendOrderedNumber(make([]byte, 0, 16+hashedLength), float64(sum))
	return strings.ToUpper(hex.EncodeToString(appendOrderedString(b, hashed)))
}

const (
	stringMarker = 0x08
	numberMarker = 0x05
	hashedLength = 100 // of a string, in the first version
)

// appendOrderedString appends a string so that bytes compare as strings do.
func appendOrderedString(b []byte, s string) []byte {
	b = append(b, stringMarker)
	short := len(s) <= hashedLength
	if !short {
		s = s[:hashedLength+1]
	}
	for i := range len(s) {
		c := s[i]
		if c < 0xff {
			c++
		}
		b = append(b, c)
	}
	if short {
		b = append(b, 0)
	}
	return b
}

// appendOrderedNumber appends a number so that bytes compare as numbers do: its
// first eight bits, then seven to a byte, whose lowest bit says that more follow.
func appendOrderedNumber(b []byte, f float64) []byte {
	u := math.Float64bits(f)
	if u>>63 == 0 {
		u |= 1 << 63
	} else {
		u = -u
	}
	b = append(b, numberMarker, byte(u>>56))
	u <<= 8
	for {
		part := byte(u>>56) &^ 1
		u <<= 7
		if u == 0 {
			return append(b, part)
		}
		b = append(b, part|1)
	}
}

func murmur32(data []byte) uint32 {
	const c1, c2 = 0xcc9e2d51, 0x1b873593
	scramble := func(k uint32) uint32 { return bits.RotateLeft32(k*c1, 15) * c2 }
	var h uint32
	n := uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		h = bits.RotateLeft32(h^scramble(binary.LittleEndian.Uint32(data)), 13)*5 + 0xe6546b64
	}
	var tail [4]byte
	copy(tail[:], data)
	h ^= scramble(binary.LittleEndian.Uint32(tail[:]))
	h ^= n
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}

func murmur128(data []byte) (low, high uint64) {
	const c1, c2 = 0x87c37b91114253d5, 0x4cf5ad432745937f
	n := uint64(len(data))
	for more := true; more; {
		var block [16]byte
		copy(block[:], data)
		more = len(data) >= len(block)
		low ^= bits.RotateLeft64(binary.LittleEndian.Uint64(block[:])*c1, 31) * c2
		if more {
			low = (bits.RotateLeft64(low, 27)+high)*5 + 0x52dce729
		}
		high ^= bits.RotateLeft64(binary.LittleEndian.Uint64(block[8:])*c2, 33) * c1
		if more {
			high = (bits.RotateLeft64(high, 31)+low)*5 + 0x38495ab5
			data = data[len(block):]
		}
	}
	mix := func(k uint64) uint64 {
		k = (k ^ k>>33) * 0xff51afd7ed558ccd
		k = (k ^ k>>33) * 0xc4ceb9fe1a85ec53
		return k ^ k>>33
	}
	low, high = low^n, high^n
	low += high
	high += low
	low, high = mix(low), mix(high)
	low += high
	return low, high + low
}

// rangeOf returns the range of a list, which is in order, that holds a hashed
// key.
func rangeOf(list []keyRange, hashed string) keyRange {
	i := sort.Search(len(list), func(i int) bool { return list[i].Min > hashed })
	return list[max(i-1, 0)]
}
