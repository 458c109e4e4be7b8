package cosmostest

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/jsonraw"
)

func (x *exchange) createContainer() *reply {
	raw, err := jsonraw.Normalize(x.Body)
	if err != nil {
		return x.badMaster(textPayload)
	}
	throughput, bad := x.throughputHeaders()
	if bad != nil {
		return bad
	}
	s := x.s
	s.mu.Lock()
	defer s.mu.Unlock()
	db := s.findDatabase(x.Database)
	if db == nil {
		return x.ownerNotFound()
	}
	id, props, problem := s.parseProperties(raw, db.shared != nil && throughput == nil)
	if r := x.nameError(id); r != nil {
		return x.master(r)
	}
	if problem != "" {
		return x.badMaster(problem)
	}
	if db.containers[id] != nil {
		return x.master(x.failure(http.StatusConflict, 0, formErrors, textNameConflict, 0))
	}
	db.nextRID++
	c := &container{server: s, db: db, id: id, rid: containerRID(db.rid, db.nextRID), props: props, ts: s.now().Unix(), lsn: s.master.Add(1)}
	c.self = db.self() + "colls/" + ridText(c.rid) + "/"
	c.etag = etagText(s.nextETag(0), c.ts)
	ranges := 1
	if throughput != nil {
		c.offer = s.newOffer(c.self, ridText(c.rid), throughput)
		ranges = int((throughput.perSecond() + 9999) / 10000)
	} else {
		c.shared = db.shared
	}
	if s.opts.Ranges > 0 {
		ranges = s.opts.Ranges
	}
	c.makePartitions(ranges)
	db.containers[id] = c
	db.order = append(db.order, c)
	r := x.containerReply(c, http.StatusCreated, 1)
	r.kinds |= isWrite
	return r
}

// containerReply answers with a container's document. The caller does not hold c.mu, or c is not shared yet.
func (x *exchange) containerReply(c *container, status int, charge float64) *reply {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := x.master(&reply{status: status, body: c.json(), charge: charge})
	r.rangeID = c.parts[0].id
	r.set("etag", c.etag)
	x.itemLSN(r, c.lsn)
	r.set("x-ms-cosmos-max-content-length", "2097152")
	r.set("collection-partition-index", "0")
	r.set("collection-service-index", "0")
	r.set("x-ms-share-throughput", "false")
	if c.shared != nil {
		r.set("x-ms-share-throughput", "true")
	}
	if isTrue(x.Header.Get("X-Ms-Documentdb-Populatequotainfo")) {
		usage := usageOf(x.region.primary, c.parts)
		r.set("x-ms-resource-usage", usage)
		r.set("x-ms-resource-quota", quotaText)
		r.set("x-ms-documentdb-collection-index-transformation-progress", "100")
	}
	return r
}

func (x *exchange) readContainer() *reply {
	c := x.s.findContainer(x.Database, x.Container)
	if c == nil {
		return x.ownerNotFound()
	}
	return x.containerReply(c, http.StatusOK, 2)
}

func (x *exchange) replaceContainer() *reply {
	c := x.s.findContainer(x.Database, x.Container)
	if c == nil {
		return x.ownerNotFound()
	}
	raw, err := jsonraw.Normalize(x.Body)
	if err != nil {
		return x.badMaster(textPayload)
	}
	id, props, problem := x.s.parseProperties(raw, false)
	if problem != "" {
		return x.badMaster(problem)
	}
	if id != c.id {
		return x.badMaster("The id of the document differs from that of the addressed collection.")
	}
	c.mu.Lock()
	switch {
	case !x.preconditionHolds(c.etag):
		c.mu.Unlock()
		return x.master(x.failure(http.StatusPreconditionFailed, 0, formReplica, textPrecondition, 1.24))
	case props.unique != c.props.unique:
		c.mu.Unlock()
		return x.master(x.failure(http.StatusForbidden, 0, formErrors, "The unique index cannot be modified. To change the unique index, remove the collection and re-create a new one.", 1.24))
	case !slices.EqualFunc(props.paths, c.props.paths, slices.Equal):
		c.mu.Unlock()
		return x.badMaster("Partition key paths cannot be changed.")
	}
	props.key, props.version, props.multi = c.props.key, c.props.version, c.props.multi
	// The new default applies to items that say nothing themselves, counted from their last write.
	c.props = props
	c.retime()
	c.ts = x.s.now().Unix()
	c.etag = etagText(x.s.nextETag(0), c.ts)
	c.lsn = x.s.master.Add(1)
	c.mu.Unlock()
	r := x.containerReply(c, http.StatusOK, 9.9)
	r.kinds |= isWrite
	return r
}

// retime gives every item the expiry that the container's default TTL now implies.
func (c *container) retime() {
	for _, p := range c.parts {
		for _, r := range p.replicas {
			var changed []*item
			r.byRID.Scan(func(it *item) bool {
				if c.expiry(it.raw, it.ts) != it.expires {
					changed = append(changed, it)
				}
				return true
			})
			for _, it := range changed {
				next := *it
				next.expires = c.expiry(it.raw, it.ts)
				r.set(c, it, &next)
			}
		}
	}
}

func (x *exchange) listContainers() *reply {
	x.s.mu.RLock()
	db := x.s.findDatabase(x.Database)
	if db == nil {
		x.s.mu.RUnlock()
		return x.ownerNotFound()
	}
	var docs []string
	for _, c := range db.order {
		c.mu.Lock()
		docs = append(docs, string(c.json()))
		c.mu.Unlock()
	}
	rid := ridText(db.rid)
	x.s.mu.RUnlock()
	return x.feedOf(rid, "DocumentCollections", docs)
}

func (x *exchange) deleteContainer() *reply {
	s := x.s
	s.mu.Lock()
	defer s.mu.Unlock()
	db := s.findDatabase(x.Database)
	if db == nil {
		return x.ownerNotFound()
	}
	c := db.find(x.Container)
	if c == nil {
		return x.ownerNotFound()
	}
	c.mu.Lock()
	holds := x.preconditionHolds(c.etag)
	c.mu.Unlock()
	if !holds {
		return x.master(x.failure(http.StatusPreconditionFailed, 0, formReplica, textPrecondition, 1.24))
	}
	s.dropOffer(c.offer)
	delete(db.containers, c.id)
	db.order = slices.DeleteFunc(db.order, func(o *container) bool { return o == c })
	s.master.Add(1)
	return x.master(&reply{status: http.StatusNoContent, charge: 4.95, kinds: isWrite})
}

const quotaText = "documentSize=10240;documentsSize=10485760;documentsCount=-1;collectionSize=10485760;"

// usageOf spells x-ms-resource-usage for some partitions, sizes in KB. Expired items that are not purged yet count.
func usageOf(at *site, parts []*partition) string {
	var bytes, count int64
	for _, p := range parts {
		if r := p.replicas[at]; r != nil {
			bytes += r.bytes
			count += int64(r.byKey.Len())
		}
	}
	kb := (bytes + 1023) / 1024
	dst := strconv.AppendInt(append(make([]byte, 0, 96), "documentSize=0;documentsSize="...), kb, 10)
	dst = strconv.AppendInt(append(dst, ";documentsCount="...), count, 10)
	dst = strconv.AppendInt(append(dst, ";collectionSize="...), kb+kb/4, 10)
	return string(append(dst, ';'))
}
