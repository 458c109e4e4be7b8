package cosmostest

import (
	"net/http"
)

// create stages a create or upsert.
func (t *transaction) create(body []byte, pk string, upsert bool, pre preconditions) outcome {
	raw, id, bad := t.x.checkBody(t.c, body, pk)
	if bad != nil {
		return *bad
	}
	visible, stored := t.find(pk, id)
	if visible != nil && pre.noneMatch == "*" && t.x.s.opts.Switches.IfNoneMatchStarOnWrite {
		return pre.failed()
	}
	if visible != nil && !upsert {
		return refused(http.StatusConflict, 0, formReplica, textConflict, 1.48)
	}
	if visible != nil && pre.mismatch(visible) {
		return pre.failed()
	}
	it := t.version(raw, pk, id, visible)
	if t.violates(it) {
		return refused(http.StatusConflict, 0, formReplica, textConflict, 1.94)
	}
	t.put(it, stored)
	if visible != nil {
		return outcome{status: http.StatusOK, it: it, charge: writeCharge(raw) + extraUpsert}
	}
	return outcome{status: http.StatusCreated, it: it, charge: writeCharge(raw)}
}

func (t *transaction) missing(charge float64) outcome {
	return refused(http.StatusNotFound, 0, formReplica, textNotFound, charge)
}

func (t *transaction) read(id, pk string, pre preconditions) outcome {
	visible, _ := t.find(pk, id)
	switch {
	case visible == nil:
		return t.missing(1)
	case pre.noneMatch != "" && pre.noneMatch == visible.etagText():
		return outcome{status: http.StatusNotModified, it: visible, charge: 1, read: true}
	}
	return outcome{status: http.StatusOK, it: visible, charge: readCharge(visible.raw), read: true}
}

func (t *transaction) replace(id string, body []byte, pk string, pre preconditions) outcome {
	raw, newID, bad := t.x.checkBody(t.c, body, pk)
	if bad != nil {
		return *bad
	}
	visible, _ := t.find(pk, id)
	if visible == nil {
		return t.missing(1)
	}
	if pre.mismatch(visible) {
		return pre.failed()
	}
	if newID != id {
		if t.x.s.opts.Switches.ReplaceRefusesRename {
			return refused(http.StatusBadRequest, 0, formErrors, textInput, 1.24)
		}
		if other, _ := t.find(pk, newID); other != nil {
			return refused(http.StatusConflict, 0, formReplica, textConflict, 1.48)
		}
		t.staged[id] = nil
	}
	it := t.version(raw, pk, newID, visible)
	if t.violates(it) {
		return refused(http.StatusConflict, 0, formReplica, textConflict, 1.94)
	}
	t.put(it, visible)
	return outcome{status: http.StatusOK, it: it, charge: writeCharge(raw) + extraReplace}
}

func (t *transaction) remove(id, pk string, pre preconditions) outcome {
	visible, _ := t.find(pk, id)
	if visible == nil {
		return t.missing(1)
	}
	if pre.mismatch(visible) {
		return pre.failed()
	}
	t.delete(visible)
	return outcome{status: http.StatusNoContent, charge: writeCharge(visible.raw)}
}

func (x *exchange) preconditions() preconditions {
	return preconditions{match: x.Header.Get("If-Match"), noneMatch: x.Header.Get("If-None-Match")}
}

// itemWrite runs one write: it routes by partition key, checks the throughput, and commits what the operation staged.
func (x *exchange) itemWrite(c *container, operation func(t *transaction, pk string) outcome) *reply {
	c.mu.Lock()
	defer c.mu.Unlock()
	components, bad := x.keyHeader(c)
	if bad != nil {
		return x.at(bad, c, c.parts[0], x.region.primary)
	}
	p := c.route(components)
	at := x.region.primary
	if r := x.checkRegion(); r != nil {
		return r // the write region moved while the request waited
	}
	if r := x.throttle(c, p); r != nil {
		return r
	}
	t := x.transaction(c, p, at)
	before := usageOf(at, []*partition{p})
	o := operation(t, keyText(components))
	if len(t.changes) > 0 {
		c.commit(p, at, t.changes)
	}
	c.spend(p, o.charge)
	r := x.itemReply(c, p, at, o)
	if r.status < 300 {
		r.set("x-ms-resource-usage", before)
	}
	return r
}

// at fills in what a backend answer says about the partition that gave it. The caller holds c.mu.
func (x *exchange) at(r *reply, c *container, p *partition, at *site) *reply {
	top := x.s.top.Load()
	if p.replicas[at] == nil {
		return x.checkRegion() // the region was removed while the request waited
	}
	r.lsn = p.currentLSN(at, top.multi)
	r.token = p.token(top, at)
	r.rangeID = p.id
	r.set("x-ms-cosmos-internal-partition-id", p.guid)
	r.set("x-ms-cosmos-physical-partition-id", p.guid)
	return r
}

// itemReply turns an outcome into an answer. The caller holds c.mu.
func (x *exchange) itemReply(c *container, p *partition, at *site, o outcome) *reply {
	if o.status >= 400 {
		r := x.failure(o.status, o.sub, o.form, o.text, max(o.charge, 0))
		if o.noHeaders {
			r.charge = -1
			r.backend = false
			r.set("x-ms-request-validation-failure", "1")
			return r
		}
		return x.at(r, c, p, at)
	}
	r := x.at(&reply{status: o.status, charge: o.charge, backend: true}, c, p, at)
	if !o.read {
		r.kinds |= isWrite
	}
	r.set("x-ms-alt-content-path", "dbs/"+c.db.id+"/colls/"+c.id)
	r.set("x-ms-content-path", ridText(c.rid))
	if o.status != http.StatusNotModified {
		r.set("x-ms-resource-quota", quotaText)
		r.set("x-ms-resource-usage", usageOf(at, []*partition{p}))
	}
	if o.it == nil {
		return r
	}
	r.set("etag", o.it.etagText())
	switch {
	case o.status == http.StatusNotModified:
		return r
	case o.read:
		x.itemLSN(r, o.it.lsn)
	case x.minimal():
		if x.s.opts.Switches.MinimalWithoutToken {
			r.token = ""
		}
		return r
	}
	r.body = c.appendItem(nil, o.it)
	return r
}

// minimal reports whether a write is to be answered without the item.
func (x *exchange) minimal() bool {
	if x.s.opts.Switches.MinimalIgnored {
		return false
	}
	return x.Header.Get("Prefer") == "return=minimal" || x.Header.Get("X-Ms-Cosmos-Populate-Content-Response-On-Write") == "false"
}

func (x *exchange) createItem(c *container) *reply {
	return x.itemWrite(c, func(t *transaction, pk string) outcome {
		return t.create(x.Body, pk, x.Operation == UpsertItem, x.preconditions())
	})
}

func (x *exchange) replaceItem(c *container) *reply {
	return x.itemWrite(c, func(t *transaction, pk string) outcome { return t.replace(x.ID, x.Body, pk, x.preconditions()) })
}

func (x *exchange) deleteItem(c *container) *reply {
	return x.itemWrite(c, func(t *transaction, pk string) outcome { return t.remove(x.ID, pk, x.preconditions()) })
}

func (x *exchange) patchItem(c *container) *reply {
	return x.itemWrite(c, func(t *transaction, pk string) outcome { return t.patch(x.ID, x.Body, pk, x.preconditions()) })
}

func (x *exchange) readItem(c *container) *reply {
	c.mu.Lock()
	defer c.mu.Unlock()
	components, bad := x.keyHeader(c)
	if bad != nil {
		return x.at(bad, c, c.parts[0], x.region.primary)
	}
	p, at, bad := x.readSite(c, func() (*partition, *reply) { return c.route(components), nil })
	if bad != nil {
		return bad
	}
	if r := x.throttle(c, p); r != nil {
		return r
	}
	t := &transaction{x: x, c: c, p: p, at: at, r: p.replicas[at], now: x.s.now()}
	o := t.read(x.ID, keyText(components), x.preconditions())
	c.spend(p, o.charge)
	return x.itemReply(c, p, at, o)
}
