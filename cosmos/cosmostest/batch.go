package cosmostest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/jsonraw"
)

type batchOperation struct {
	Type        string          `json:"operationType"`
	ID          string          `json:"id"`
	IfMatch     string          `json:"ifMatch"`
	IfNoneMatch string          `json:"ifNoneMatch"`
	Body        json.RawMessage `json:"resourceBody"`
}

// maxBatch is the documented number of operations of one batch.
const maxBatch = 100

// maxBatchAnswer is the size of an answer from which a batch is refused.
const maxBatchAnswer = 4 << 20

const statusFailedDependency = 424

func (t *transaction) one(op batchOperation, pk string) outcome {
	pre := preconditions{match: op.IfMatch, noneMatch: op.IfNoneMatch}
	switch strings.ToLower(op.Type) {
	case "create":
		return t.create(op.Body, pk, false, pre)
	case "upsert":
		return t.create(op.Body, pk, true, pre)
	case "replace":
		return t.replace(op.ID, op.Body, pk, pre)
	case "delete":
		return t.remove(op.ID, pk, pre)
	case "read":
		return t.read(op.ID, pk, pre)
	case "patch":
		return t.patch(op.ID, op.Body, pk, pre)
	}
	return refused(http.StatusBadRequest, 0, formErrors, textInput, 1.24)
}

// batch serves a batch, atomic or not, on one partition key.
func (x *exchange) batch(c *container) *reply {
	if len(x.Body) > maxItemBytes {
		r := x.failure(http.StatusRequestEntityTooLarge, 0, formErrors, "Request size is too large", -1)
		r.set("x-ms-request-validation-failure", "1")
		return r
	}
	var ops []batchOperation
	if json.Unmarshal(x.Body, &ops) != nil {
		return x.badMaster(textPayload)
	}
	switch {
	case len(ops) > maxBatch:
		return x.master(x.failure(http.StatusBadRequest, 0, formErrors, "Batch request has more operations than what is supported.", 0))
	case len(ops) == 0:
		return x.master(x.failure(http.StatusBadRequest, 0, formErrors, "Batch request has no operations.", 0))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	components, bad := x.keyHeader(c)
	if bad != nil {
		return x.at(bad, c, c.parts[0], x.region.primary)
	}
	reads := false
	for _, op := range ops {
		reads = reads || strings.EqualFold(op.Type, "Read")
	}
	p, at := c.route(components), x.region.primary
	if reads {
		// A read in the batch is bound by the session; the batch itself runs where writes do.
		if _, _, bad := x.readSite(c, func() (*partition, *reply) { return c.route(components), nil }); bad != nil {
			return bad
		}
		p = c.route(components)
	}
	if r := x.checkRegion(); r != nil {
		return r
	}
	if p.replicas[at] == nil {
		return x.ownerNotFound()
	}
	if r := x.throttle(c, p); r != nil {
		if !x.s.opts.Switches.BatchThrottled207 {
			return r
		}
		return x.batchReply(c, p, at, x.allFailed(ops, 0, outcome{status: http.StatusTooManyRequests, sub: 3200}))
	}
	return x.runBatch(c, p, at, ops, keyText(components))
}

func (x *exchange) allFailed(ops []batchOperation, i int, o outcome) []outcome {
	out := make([]outcome, len(ops))
	for j := range out {
		out[j] = outcome{status: statusFailedDependency}
	}
	out[i] = o
	return out
}

func (x *exchange) runBatch(c *container, p *partition, at *site, ops []batchOperation, pk string) *reply {
	atomic := !strings.EqualFold(x.Header.Get("X-Ms-Cosmos-Batch-Atomic"), "false")
	goOn := isTrue(x.Header.Get("X-Ms-Cosmos-Batch-Continue-On-Error"))
	t := x.transaction(c, p, at)
	row := c.nextRow
	results := make([]outcome, len(ops))
	size := 0
	for i, op := range ops {
		o := t.one(op, pk)
		if o.it != nil {
			size += len(o.it.raw)
		}
		if o.status < 400 && size > maxBatchAnswer {
			o = refused(http.StatusRequestEntityTooLarge, 3402, formErrors, "Response size is too large", 0)
			i = len(ops) - 1
		}
		results[i] = o
		if o.status < 400 || !atomic && goOn {
			continue
		}
		if atomic {
			results = x.allFailed(ops, i, o)
			t.changes = nil
			c.nextRow = row
		} else {
			for j := i + 1; j < len(ops); j++ {
				results[j] = outcome{status: statusFailedDependency}
			}
		}
		break
	}
	if len(t.changes) > 0 {
		c.commit(p, at, t.changes)
	}
	return x.batchReply(c, p, at, results)
}

func (x *exchange) batchReply(c *container, p *partition, at *site, results []outcome) *reply {
	r := &reply{status: http.StatusOK, backend: true}
	body := []byte{'['}
	wrote := false
	for i, o := range results {
		if i > 0 {
			body = append(body, ',')
		}
		charge := max(o.charge, 0)
		r.charge += charge
		switch {
		case o.status >= 400:
			r.status = http.StatusMultiStatus
			if o.sub == 1001 {
				r.sub = 1001
			}
		case o.status == http.StatusNotModified:
			if !x.s.opts.Switches.BatchNotModified200 {
				r.status = http.StatusMultiStatus
			}
		case !o.read:
			wrote = true
		}
		body = append(body, `{"statusCode":`...)
		body = strconv.AppendInt(body, int64(o.status), 10)
		if o.sub != 0 {
			body = append(body, `,"subStatusCode":`...)
			body = strconv.AppendInt(body, int64(o.sub), 10)
		}
		body = append(body, `,"requestCharge":`...)
		body = strconv.AppendFloat(body, charge, 'f', -1, 64)
		if o.it != nil && o.status < 400 {
			body = append(body, `,"eTag":`...)
			body = jsonraw.AppendQuote(body, o.it.etagText())
			if o.status != http.StatusNotModified && (o.read || !x.minimal()) {
				body = c.appendItem(append(body, `,"resourceBody":`...), o.it)
			}
		}
		body = append(body, '}')
	}
	r.body = append(body, ']')
	if r.status == http.StatusMultiStatus && r.charge < 7.86 {
		r.charge = 7.86
	}
	c.spend(p, r.charge)
	x.at(r, c, p, at)
	if wrote {
		r.kinds |= isWrite
	}
	r.set("x-ms-item-count", itoa(int64(len(results))))
	if r.status == http.StatusOK {
		r.set("x-ms-alt-content-path", "dbs/"+c.db.id+"/colls/"+c.id)
	}
	return r
}
