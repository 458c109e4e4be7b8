package cosmos

import (
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/whiskstore/whiskstore/store"
)

// feedPosition is what a token of the feed holds. The service checks nothing of the
// kind, and azcosmos restarts from the beginning on what it cannot read.
type feedPosition struct {
	rid      string // of the container
	min, max string // of the keys that it is a position in
	etag     string // the service's, with its quotes; "" before the first answer
	since    int64  // seconds since 1970: leave out what is older; 0 leaves out nothing
	region   string // the only one it means something in; "" for any
}

const positionVersion = "1"

var errTokenDamaged = errors.New("token is damaged")

// token is the position as text: its fields and a checksum of them.
func (p feedPosition) token() store.Token {
	text := strings.Join([]string{positionVersion, p.rid, p.min, p.max, p.etag, strconv.FormatInt(p.since, 10), p.region}, "|")
	return store.Token(text + "|" + tokenSum(text))
}

func tokenSum(text string) string {
	return fmt.Sprintf("%08x", crc32.Checksum([]byte(text), crc32.MakeTable(crc32.Castagnoli)))
}

// parsePosition reads what token writes, and nothing else.
func parsePosition(t store.Token) (feedPosition, error) {
	const longest = 1024
	if len(t) > longest {
		return feedPosition{}, errTokenDamaged
	}
	text := string(t)
	i := strings.LastIndexByte(text, '|')
	if i < 0 || tokenSum(text[:i]) != text[i+1:] {
		return feedPosition{}, errTokenDamaged
	}
	fields := strings.Split(text[:i], "|")
	if fields[0] != positionVersion {
		return feedPosition{}, fmt.Errorf("token has version %.20q, this is version %s", fields[0], positionVersion)
	}
	if len(fields) != 7 {
		return feedPosition{}, errTokenDamaged
	}
	p := feedPosition{rid: fields[1], min: fields[2], max: fields[3], etag: fields[4], region: fields[6]}
	var err error
	p.since, err = strconv.ParseInt(fields[5], 10, 64)
	_, numbered := parseETag(p.etag)
	if err != nil || p.since < 0 || p.rid == "" || p.min >= p.max || p.etag != "" && !numbered || p.token() != t {
		return feedPosition{}, errTokenDamaged
	}
	return p, nil
}

// covers reports whether the position is one in all of a range: in the range
// itself, or in one that was split into it. Nothing read yet is so everywhere.
func (p feedPosition) covers(k keyRange) bool {
	return p.etag == "" || p.min <= k.Min && k.Max <= p.max
}

// lsn is the position's number, 0 before the first answer.
func (p feedPosition) lsn() uint64 {
	n, _ := parseETag(p.etag)
	return n
}

// parseETag reads the etag of a feed's answer: an LSN in quotes.
func parseETag(etag string) (uint64, bool) {
	if len(etag) < 3 || etag[0] != '"' || etag[len(etag)-1] != '"' {
		return 0, false
	}
	digits := etag[1 : len(etag)-1]
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil && digits == strconv.FormatUint(n, 10)
}

func quoteLSN(lsn uint64) string { return `"` + strconv.FormatUint(lsn, 10) + `"` }

// ContinuationToken returns the service's own etag that a token of a Feed holds,
// with its quotes, as leases of Azure's change feed processors have it. It is
// empty for a token from before the first answer. A damaged token is ErrInvalid.
func ContinuationToken(token store.Token) (string, error) {
	p, err := parsePosition(token)
	if err != nil {
		return "", &store.Error{Op: store.OpNext, Kind: store.ErrInvalid, Err: err}
	}
	return p.etag, nil
}
