package cosmostest

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/jsonraw"
)

// item is one version of an item. It is never modified once it is in a replica, except for lsn while it is committed.
type item struct {
	raw     string // the user's members, normalised
	pk      string // components of the partition key as JSON texts, joined by commas
	id      string
	rid     uint64
	lsn     int64
	ts      int64
	expires int64 // second from which the item is gone, 0 for never
	etag    uint64
	stamp   int64 // commit time in nanoseconds, increasing along an item's versions
}

// visible reports whether the item exists for readers at a time.
func (it *item) visible(now int64, edge bool) bool {
	if it.expires == 0 || now < it.expires {
		return true
	}
	return edge && now == it.expires
}

func (it *item) etagText() string { return etagText(it.etag, it.ts) }

// etagText spells an etag from its counter, whose top byte is the region's id. The counter's low byte comes first, so
// that texts do not grow with time, as on the service.
func etagText(etag uint64, ts int64) string {
	n := uint32(etag)
	dst := make([]byte, 0, len(`"00000000-0000-0000-0000-000000000000"`))
	dst = appendHex(append(dst, '"'), uint64(byte(n)), 2)
	dst = appendHex(dst, uint64(n>>8), 6)
	dst = appendHex(append(dst, "-0000-"...), uint64(byte(etag>>56)+1), 2)
	dst = appendHex(append(dst, "00-0000-"...), uint64(uint32(ts)), 8)
	return string(append(dst, `0000"`...))
}

// appendHex appends a number in a fixed count of hexadecimal digits.
func appendHex(dst []byte, n uint64, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, "0123456789abcdef"[n>>shift&15])
	}
	return dst
}

func isSystemMember(name string) bool {
	switch name {
	case "_rid", "_self", "_etag", "_attachments", "_ts":
		return true
	}
	return false
}

// ridEncoding spells resource ids: Base64 with - for /.
var ridEncoding = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-")

func ridText(b []byte) string { return ridEncoding.EncodeToString(b) }

func databaseRID(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, 0x5A3C0000+n<<8) }

func containerRID(db []byte, n uint32) []byte {
	return binary.BigEndian.AppendUint32(db[:len(db):len(db)], 0xB17E0000+n<<8)
}

func itemRID(coll []byte, n uint64) []byte {
	return binary.LittleEndian.AppendUint64(coll[:len(coll):len(coll)], n)
}

// appendSystem appends the members that the service adds to an item, without the closing brace.
func (c *container) appendSystem(dst []byte, it *item) []byte {
	rid := itemRID(c.rid, it.rid)
	dst = append(dst, `,"_rid":"`...)
	dst = ridEncoding.AppendEncode(dst, rid)
	dst = append(dst, `","_self":"`...)
	dst = append(dst, c.self...)
	dst = append(dst, "docs/"...)
	dst = ridEncoding.AppendEncode(dst, rid)
	dst = append(dst, `/","_etag":`...)
	dst = jsonraw.AppendQuote(dst, it.etagText())
	dst = append(dst, `,"_attachments":"attachments/","_ts":`...)
	return strconv.AppendInt(dst, it.ts, 10)
}

// systemBytes is about what appendSystem appends.
const systemBytes = 300

// appendItem appends the whole item as a reader gets it.
func (c *container) appendItem(dst []byte, it *item) []byte {
	dst = slices.Grow(dst, len(it.raw)+systemBytes)
	dst = append(dst, it.raw[:len(it.raw)-1]...)
	return append(c.appendSystem(dst, it), '}')
}

// document is an item as a query sees it.
type document struct {
	c  *container
	it *item
}

// Member returns a member of the item, system properties included.
func (d document) Member(name string) (string, bool) {
	switch name {
	case "id":
		return jsonraw.Quote(d.it.id), true
	case "_rid":
		return `"` + ridText(itemRID(d.c.rid, d.it.rid)) + `"`, true
	case "_ts":
		return strconv.FormatInt(d.it.ts, 10), true
	case "_etag":
		return jsonraw.Quote(d.it.etagText()), true
	case "_self":
		return `"` + d.c.self + "docs/" + ridText(itemRID(d.c.rid, d.it.rid)) + `/"`, true
	case "_attachments":
		return `"attachments/"`, true
	}
	return jsonraw.Lookup(d.it.raw, name)
}

// JSON returns the whole item.
func (d document) JSON() string { return string(d.c.appendItem(nil, d.it)) }

// lookupPath finds the values at a path of members joined by "/", where "[]" stands for every element of an array.
func (d document) lookupPath(steps []string, yield func(raw string)) {
	raw, ok := d.Member(steps[0])
	if ok {
		walkPath(raw, steps[1:], yield)
	}
}

func walkPath(raw string, steps []string, yield func(raw string)) {
	if len(steps) == 0 {
		yield(raw)
		return
	}
	if steps[0] == "[]" {
		jsonraw.Elements(raw, func(v string) bool {
			walkPath(v, steps[1:], yield)
			return true
		})
		return
	}
	if v, ok := jsonraw.Lookup(raw, steps[0]); ok {
		walkPath(v, steps[1:], yield)
	}
}

// stripSystem removes from an object the members that the service owns.
func stripSystem(raw string) string {
	found := false
	jsonraw.Members(raw, func(key, _ string) bool {
		found = isSystemMember(key)
		return !found
	})
	if !found {
		return raw
	}
	out := []byte{'{'}
	jsonraw.Members(raw, func(key, value string) bool {
		if isSystemMember(key) {
			return true
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(jsonraw.AppendQuote(out, key), ':')
		out = append(out, value...)
		return true
	})
	return string(append(out, '}'))
}

func countMembers(raw string) (n int) {
	jsonraw.Members(raw, func(string, string) bool { n++; return true })
	return n
}
