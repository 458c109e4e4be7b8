package cosmostest

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/jsonraw"
)

// maxItemBytes is the documented limit of an item's size.
const maxItemBytes = 2 << 20

// outcome is what one item operation came to, alone or in a batch.
type outcome struct {
	status, sub int
	text        string
	form        messageForm
	charge      float64
	it          *item // the version to show, when there is one
	read        bool  // it was read, not written
	noHeaders   bool  // an answer that carries no storage headers, as 413
}

func refused(status, sub int, form messageForm, text string, charge float64) outcome {
	return outcome{status: status, sub: sub, form: form, text: text, charge: charge}
}

// preconditions are If-Match and If-None-Match of an operation, empty when absent.
type preconditions struct{ match, noneMatch string }

func (p preconditions) failed() outcome {
	return refused(http.StatusPreconditionFailed, 0, formReplica, textPrecondition, 1.24)
}

func (p preconditions) mismatch(it *item) bool {
	return p.match != "" && p.match != "*" && (it == nil || p.match != it.etagText())
}

func (x *exchange) fewComponents() *reply {
	return x.failure(http.StatusBadRequest, 1001, formErrors,
		"The partition key supplied in x-ms-partitionkey header has fewer components than defined in the the collection.", 0)
}

// keyHeader reads the partition key header into its components, which are all.
func (x *exchange) keyHeader(c *container) ([]string, *reply) {
	out, bad := x.keyComponents(c)
	if bad == nil && len(out) < len(c.props.paths) {
		bad = x.fewComponents()
	}
	return out, bad
}

// keyComponents reads the partition key header into its components, which may be some.
func (x *exchange) keyComponents(c *container) ([]string, *reply) {
	if x.PartitionKey == "" {
		return nil, nil
	}
	raw, err := jsonraw.Normalize([]byte(x.PartitionKey))
	if err != nil || raw[0] != '[' {
		return nil, x.badRequest("Partition key " + x.PartitionKey + " is invalid.")
	}
	var out []string
	scalars := true
	jsonraw.Elements(raw, func(v string) bool {
		out = append(out, v)
		scalars = scalars && (v == undefinedKey || v[0] != '{' && v[0] != '[')
		return true
	})
	if !scalars || len(out) > len(c.props.paths) {
		return nil, x.badRequest("Partition key " + x.PartitionKey + " is invalid.")
	}
	return out, nil
}

// keyOf extracts the partition key of an item.
func (c *container) keyOf(raw string) []string {
	out := make([]string, len(c.props.paths))
	for i, path := range c.props.paths {
		out[i] = undefinedKey
		walkPath(raw, path, func(v string) {
			if v[0] != '{' && v[0] != '[' {
				out[i] = v
			}
		})
	}
	return out
}

func keyText(components []string) string {
	if len(components) == 1 {
		return components[0]
	}
	return strings.Join(components, ",")
}

// expiry returns the second from which an item is gone, 0 for never.
func (c *container) expiry(raw string, ts int64) int64 {
	if !c.props.ttlSet {
		return 0
	}
	ttl := c.props.ttl
	if v, ok := jsonraw.Lookup(raw, "ttl"); ok {
		if json.Unmarshal([]byte(v), &ttl) != nil {
			return 0
		}
	}
	if ttl <= 0 {
		return 0
	}
	return ts + ttl
}

// checkBody validates the body of a write against the partition key of the request.
func (x *exchange) checkBody(c *container, body []byte, pk string) (raw, id string, bad *outcome) {
	fail := func(o outcome) (string, string, *outcome) { return "", "", &o }
	tooLarge := refused(http.StatusRequestEntityTooLarge, 0, formErrors, "Request size is too large", -1)
	tooLarge.noHeaders = true
	if len(body) > maxItemBytes && !x.s.opts.Switches.LimitOnStoredSize {
		return fail(tooLarge)
	}
	raw, err := jsonraw.Normalize(body)
	if err != nil || raw[0] != '{' && raw[0] != '[' {
		return fail(refused(http.StatusBadRequest, 0, formErrors, textPayload, 1.24))
	}
	if raw[0] == '[' {
		return fail(refused(http.StatusBadRequest, 0, formErrors, textInput, 1.24))
	}
	raw = stripSystem(raw)
	c.wide = c.wide || jsonraw.Wide(raw)
	if x.s.opts.Switches.LimitOnStoredSize && len(raw)+300 > maxItemBytes {
		return fail(tooLarge)
	}
	idRaw, ok := jsonraw.Lookup(raw, "id")
	if !ok || idRaw[0] != '"' || len(idRaw) == 2 {
		return fail(refused(http.StatusBadRequest, 0, formErrors, "The input content is invalid because the required properties - 'id; ' - are missing. Learn more: https://aka.ms/cosmosdb-tsg-bad-request", 1.24))
	}
	id = jsonraw.Unquote(idRaw)
	illegal := `/\?#`
	if x.s.opts.Switches.QuestionMarkIDs {
		illegal = `/\`
	}
	if strings.ContainsAny(id, illegal) {
		return fail(refused(http.StatusBadRequest, 0, formErrors, "The input name '"+id+"' is invalid. Ensure to provide a unique non-empty string less than '1024' characters without '/', '\\', '?', '#'.", 1.24))
	}
	if len(id) > 1023 {
		return fail(refused(http.StatusBadRequest, 0, formErrors, "The input name is invalid. Ensure to provide a unique non-empty string less than '1024' characters.", 1.24))
	}
	if ttl, ok := jsonraw.Lookup(raw, "ttl"); ok {
		var n int64
		if ttl == "null" || json.Unmarshal([]byte(ttl), &n) != nil || n == 0 || n < -1 || n > 1<<31-1 {
			return fail(refused(http.StatusBadRequest, 0, formErrors, "The input ttl '"+ttl+"' is invalid. Ensure to provide a nonzero positive integer less than or equal to '2147483647', or '-1' for no expiry.", 1.24))
		}
	}
	if keyText(c.keyOf(raw)) != pk {
		return fail(refused(http.StatusBadRequest, 1001, formErrors, "PartitionKey extracted from document doesn't match the one specified in the header. Learn more: https://aka.ms/CosmosDB/sql/errors/wrong-pk-value", 1.24))
	}
	return raw, id, nil
}

// transaction collects the changes of one request to one partition, so that its later operations see the earlier ones.
type transaction struct {
	x       *exchange
	c       *container
	p       *partition
	at      *site
	r       *replica
	now     time.Time
	changes []change
	staged  map[string]*item // by id; nil is deleted
}

func (x *exchange) transaction(c *container, p *partition, at *site) *transaction {
	c.catchUp(p, at, false)
	return &transaction{x: x, c: c, p: p, at: at, r: p.replicas[at], now: x.s.now(), staged: map[string]*item{}}
}

// find returns the version that readers see and the one that is stored, which may have expired.
func (t *transaction) find(pk, id string) (visible, stored *item) {
	it, ok := t.staged[id]
	if !ok {
		it = t.r.get(pk, id)
	}
	if it != nil && it.visible(t.now.Unix(), t.x.s.opts.Switches.TTLEdgeInclusive) {
		return it, it
	}
	return nil, it
}

// version makes a new version of an item; old gives it its identity, or nil a new one.
func (t *transaction) version(raw, pk, id string, old *item) *item {
	top := t.x.s.top.Load()
	if len(t.c.props.paths) == 1 {
		pk = t.c.keyOf(raw)[0] // the same text, but sharing the item's memory
	}
	it := &item{raw: raw, pk: pk, id: id, ts: t.now.Unix(), stamp: t.x.s.nextStamp(t.now), etag: t.x.s.nextETag(top.regionID(t.at.region))}
	it.expires = t.c.expiry(raw, it.ts)
	if old != nil {
		it.rid = old.rid
	}
	return it
}

// put stages a version over the stored one.
func (t *transaction) put(it, stored *item) {
	if it.rid == 0 {
		t.c.nextRow++
		it.rid = t.c.nextRow
	}
	// Operations of one transaction on one item end as one change.
	for i, ch := range t.changes {
		if ch.it != nil && ch.it.id == it.id {
			t.changes[i].it = it
			t.staged[it.id] = it
			return
		}
	}
	t.staged[it.id] = it
	t.changes = append(t.changes, change{it: it, prev: stored})
}

func (t *transaction) delete(stored *item) {
	t.staged[stored.id] = nil
	for i, ch := range t.changes {
		if ch.it == stored {
			if ch.prev == nil {
				t.changes = append(t.changes[:i], t.changes[i+1:]...)
				return
			}
			t.changes[i] = change{prev: ch.prev, at: t.x.s.nextStamp(t.now)}
			return
		}
	}
	t.changes = append(t.changes, change{prev: stored, at: t.x.s.nextStamp(t.now)})
}

// violates reports whether a version would break a unique key of its logical partition.
func (t *transaction) violates(it *item) bool {
	for _, paths := range t.c.props.uniquePaths {
		want := uniqueText(it.raw, paths)
		clash := false
		t.r.inKey.Ascend(&item{pk: it.pk}, func(o *item) bool {
			if o.pk != it.pk {
				return false
			}
			visible, _ := t.find(o.pk, o.id)
			clash = visible != nil && o.id != it.id && uniqueText(visible.raw, paths) == want
			return !clash
		})
		if clash {
			return true
		}
	}
	return false
}

func uniqueText(raw string, paths [][]string) string {
	var out strings.Builder
	for _, path := range paths {
		value := undefinedKey
		walkPath(raw, path, func(v string) { value = v })
		out.WriteString(value + "\x00")
	}
	return out.String()
}
