package cosmos

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/view"
)

// MaxBody is the largest body in bytes that fits into an item, whatever its id,
// cluster id and computed members: the service takes 2 MiB for all of it.
const MaxBody = 2<<20 - 16<<10

// escapeID returns an id as it is stored: with `|` for `/` (rows COS-19 to
// COS-21). It refuses what the service does.
func escapeID(id string) (string, error) {
	if err := store.CheckCosmosID(id); err != nil {
		return "", err
	}
	return strings.ReplaceAll(id, "/", "|"), nil
}

// keyed returns a context whose request carries the partition key of an item.
// It is ctx itself for most: azcosmos writes the header with Go's escapes, which
// are no JSON for characters beyond U+FFFF.
func keyed(ctx context.Context, escaped string) context.Context {
	for _, r := range escaped {
		if r > 0xffff {
			b := []byte(`["`)
			for _, r := range escaped {
				switch {
				case r > 0xffff:
					hi, lo := utf16.EncodeRune(r)
					b = fmt.Appendf(b, `\u%04x\u%04x`, hi, lo)
				case r >= 0x7f:
					b = fmt.Appendf(b, `\u%04x`, r)
				case r == '"' || r == '\\':
					b = append(b, '\\', byte(r))
				default:
					b = append(b, byte(r))
				}
			}
			header := http.Header{}
			header.Set(headerPartitionKey, string(append(b, `"]`...)))
			return policy.WithHTTPHeader(ctx, header)
		}
	}
	return ctx
}

// unescapeID returns the id of a stored item.
func unescapeID(id string) (string, error) {
	if strings.Contains(id, "/") {
		return "", fmt.Errorf("its id %q holds a slash", id)
	}
	return strings.ReplaceAll(id, "|", "/"), nil
}

// encodeItem returns the item that a document is stored as, member for member
// what Scala stores (storage.md 3.1) but for `_self` and `_etag`, which the
// service overwrites. ttl is in seconds, 0 is none.
func encodeItem(collection, escaped string, body []byte, cluster string, ttl int64) ([]byte, error) {
	computed, err := view.Computed(collection, body)
	if err != nil {
		return nil, err
	}
	body = bytes.TrimSpace(body)
	if len(body) < 2 || body[0] != '{' || body[len(body)-1] != '}' {
		return nil, errors.New("body is not a JSON object")
	}
	body = bytes.TrimSpace(body[1 : len(body)-1])
	b := make([]byte, 0, len(body)+len(escaped)+len(computed)+len(cluster)+64)
	b = appendString(append(b, `{"id":`...), escaped)
	if len(body) > 0 {
		b = append(append(b, ','), body...)
	}
	if computed != nil {
		b = append(append(b, `,"_c":`...), computed...)
	}
	if cluster != "" {
		b = appendString(append(b, `,"_clusterId":`...), cluster)
	}
	if ttl > 0 {
		b = strconv.AppendInt(append(b, `,"ttl":`...), ttl, 10)
	}
	return append(b, '}'), nil
}

// item is a stored item taken apart.
type item struct {
	escaped   string
	id        string
	etag      string
	rid       []byte // a part of the text
	clusterID string
	mark      string // of the deletion that made a tombstone
	ts        int64  // seconds since 1970
	ttl       int64  // seconds; 0 where the item has none, negative for never
	lsn       uint64
	deleted   bool

	// body is the document: the item without `id`, `ttl` and every member that
	// starts with an underscore (row COS-D6).
	body json.RawMessage
}

// decodeItem takes an item apart. An item that is none of ours, without an id
// that unescapes, is an error that says why.
func decodeItem(raw []byte) (item, error) { return decodeNamed(raw, "", "", "") }

// decodeNamed is decodeItem for an item that was read by its id, and whose etag
// is known unless it is empty; it does not copy either again.
func decodeNamed(raw []byte, escaped, id, etag string) (item, error) {
	it := item{etag: etag}
	body := append(make([]byte, 0, len(raw)), '{')
	found := false
	r := newReader(raw)
	for {
		name, value, both, ok := r.next()
		if !ok {
			break
		}
		switch string(name) {
		case "id":
			if escaped != "" && len(value) == len(escaped)+2 && value[0] == '"' && string(value[1:len(value)-1]) == escaped {
				it.escaped, it.id, found = escaped, id, true
				continue
			}
			it.escaped, found = stringValue(value)
			continue
		case "ttl":
			it.ttl, _ = strconv.ParseInt(string(value), 10, 64)
			continue
		}
		if len(name) == 0 || name[0] != '_' {
			if len(body) > 1 {
				body = append(body, ',')
			}
			body = append(body, both...)
			continue
		}
		it.note(name, value)
	}
	err := r.err
	if err == nil && !found {
		err = errors.New("it has no id")
	}
	if err == nil && it.id == "" {
		it.id, err = unescapeID(it.escaped)
	}
	if err != nil {
		return item{id: it.escaped}, fmt.Errorf("the item is none of OpenWhisk's: %w", err)
	}
	it.body = append(body, '}')
	return it, nil
}

// note takes in a member that begins with an underscore, or another one that
// means nothing here. An etag that is there already stays.
func (it *item) note(name, value []byte) {
	switch string(name) {
	case "_etag":
		if it.etag == "" {
			it.etag, _ = stringValue(value)
		}
	case "_rid":
		it.rid = bytes.Trim(value, `"`)
	case "_clusterId":
		it.clusterID, _ = stringValue(value)
	case deleteMark:
		it.mark, _ = stringValue(value)
	case "_ts":
		it.ts, _ = strconv.ParseInt(string(value), 10, 64)
	case "_lsn":
		it.lsn, _ = strconv.ParseUint(string(value), 10, 64)
	case "_deleted":
		// Views leave out what is defined and not false (row COS-D4).
		it.deleted = string(value) != "false"
	}
}

// document returns the item as a document of a container. order is 0 where the
// answer does not prove one.
func (it item) document(p *place, order uint64) store.Document {
	doc := store.Document{ID: it.id, Version: store.Version{Rev: it.etag, Order: order}, Body: it.body,
		Meta: store.Meta{ClusterID: it.clusterID, Deleted: it.deleted}}
	doc.Version.Lineage = lineage(it.rid, p.rid)
	ttl := it.ttl
	if ttl == 0 && p.defaultTTL > 0 {
		ttl = int64(p.defaultTTL)
	}
	if ttl > 0 && p.ttlOn {
		doc.Meta.Expires = time.Unix(it.ts+ttl, 0)
	}
	return doc
}

// lineage returns the `_rid` of the container that an item's begins with. likely
// is returned without further work when it is that one.
func lineage(itemRID []byte, likely string) string {
	const bytesOfContainer = 8
	if len(itemRID) < 24 {
		return ""
	}
	var raw [18]byte // what 24 characters may hold
	if n, err := ridEncoding.Decode(raw[:], itemRID[:24]); err != nil || n < bytesOfContainer {
		return ""
	}
	var buf [12]byte
	ridEncoding.Encode(buf[:], raw[:bytesOfContainer])
	if string(buf[:]) == likely {
		return likely
	}
	return string(buf[:])
}

// ridEncoding is how the service writes resource ids.
var ridEncoding = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-")
