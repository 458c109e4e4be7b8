package cosmostest

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/cosql"
	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/jsonraw"
)

// database is guarded by the server's mutex, but for offer, which is fixed, and budget.
type database struct {
	id         string
	rid        []byte
	etag       string
	ts         int64
	lsn        int64
	containers map[string]*container
	order      []*container
	nextRID    uint32
	shared     *atomic.Int64 // LSN sequence of its containers when it has throughput of its own
	offer      *offer
	budget     bucket // of what its containers share
}

func (db *database) self() string { return "dbs/" + ridText(db.rid) + "/" }

func (db *database) json() []byte {
	out := append([]byte(`{"id":`), jsonraw.Quote(db.id)...)
	out = append(out, `,"_rid":"`+ridText(db.rid)+`","_self":"`+db.self()+`","_etag":`...)
	out = jsonraw.AppendQuote(out, db.etag)
	return append(out, `,"_colls":"colls/","_users":"users/","_ts":`+itoa(db.ts)+`}`...)
}

// findDatabase finds a database by id or _rid; the caller holds s.mu.
func (s *Server) findDatabase(name string) *database {
	if db := s.databases[name]; db != nil {
		return db
	}
	for _, db := range s.order {
		if ridText(db.rid) == name {
			return db
		}
	}
	return nil
}

func (s *Server) findContainer(db, coll string) *container {
	s.mu.RLock()
	defer s.mu.RUnlock()
	d := s.findDatabase(db)
	if d == nil {
		return nil
	}
	return d.find(coll)
}

func (db *database) find(name string) *container {
	if c := db.containers[name]; c != nil {
		return c
	}
	for _, c := range db.order {
		if ridText(c.rid) == name {
			return c
		}
	}
	return nil
}

// stringMember returns a member of an object, empty when it is absent or no string.
func stringMember(raw, name string) string {
	v, ok := jsonraw.Lookup(raw, name)
	if !ok || v[0] != '"' {
		return ""
	}
	return jsonraw.Unquote(v)
}

// nameError returns what is wrong with the id of a database or container.
func (x *exchange) nameError(id string) *reply {
	switch {
	case id == "":
		return x.failure(http.StatusBadRequest, 0, formErrors, "The input content is invalid because the required properties - 'id; ' - are missing", 1.24)
	case strings.ContainsAny(id, `/\?#`) || strings.HasSuffix(id, " ") || len(id) > 255:
		return x.failure(http.StatusBadRequest, 0, formErrors, "The input name presented contains invalid character.", 1.24)
	}
	return nil
}

func (x *exchange) createDatabase() *reply {
	raw, err := jsonraw.Normalize(x.Body)
	if err != nil || raw[0] != '{' {
		return x.badMaster(textPayload)
	}
	id := stringMember(raw, "id")
	if r := x.nameError(id); r != nil {
		return x.master(r)
	}
	throughput, bad := x.throughputHeaders()
	if bad != nil {
		return bad
	}
	s := x.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.databases[id] != nil {
		return x.master(x.failure(http.StatusConflict, 0, formErrors, textNameConflict, 1.24))
	}
	s.nextRID++
	now := s.now()
	db := &database{id: id, rid: databaseRID(s.nextRID), ts: now.Unix(), lsn: s.master.Add(1), containers: map[string]*container{}}
	db.etag = etagText(s.nextETag(0), db.ts)
	if throughput != nil {
		db.shared = &atomic.Int64{}
		db.shared.Store(1)
		db.offer = s.newOffer(db.self(), ridText(db.rid), throughput)
	}
	s.databases[id] = db
	s.order = append(s.order, db)
	r := x.master(&reply{status: http.StatusCreated, body: db.json(), charge: 1, kinds: isWrite})
	r.set("etag", db.etag)
	x.itemLSN(r, db.lsn)
	r.set("x-ms-resource-usage", "databases=1;")
	r.set("x-ms-resource-quota", "databases=1000;")
	return r
}

func (x *exchange) itemLSN(r *reply, lsn int64) {
	r.set("x-ms-item-lsn", itoa(lsn))
	r.set("x-ms-cosmos-item-llsn", itoa(lsn))
}

func (x *exchange) readDatabase() *reply {
	x.s.mu.RLock()
	defer x.s.mu.RUnlock()
	db := x.s.findDatabase(x.Database)
	if db == nil {
		return x.ownerNotFound()
	}
	r := x.master(&reply{status: http.StatusOK, body: db.json(), charge: 2})
	r.set("etag", db.etag)
	x.itemLSN(r, db.lsn)
	return r
}

func (x *exchange) deleteDatabase() *reply {
	s := x.s
	s.mu.Lock()
	defer s.mu.Unlock()
	db := s.findDatabase(x.Database)
	if db == nil {
		return x.ownerNotFound()
	}
	if !x.preconditionHolds(db.etag) {
		return x.master(x.failure(http.StatusPreconditionFailed, 0, formReplica, textPrecondition, 1.24))
	}
	for _, c := range db.order {
		s.dropOffer(c.offer)
	}
	s.dropOffer(db.offer)
	delete(s.databases, db.id)
	s.order = slices.DeleteFunc(s.order, func(d *database) bool { return d == db })
	s.master.Add(1)
	return x.master(&reply{status: http.StatusNoContent, charge: 4.95, kinds: isWrite})
}

// preconditionHolds evaluates If-Match.
func (x *exchange) preconditionHolds(etag string) bool {
	want := x.Header.Get("If-Match")
	return want == "" || want == "*" || want == etag
}

func (x *exchange) listDatabases() *reply {
	x.s.mu.RLock()
	var docs []string
	for _, db := range x.s.order {
		docs = append(docs, string(db.json()))
	}
	x.s.mu.RUnlock()
	return x.feedOf("", "Databases", docs)
}

// rawDoc is a resource as a query sees it.
type rawDoc string

func (d rawDoc) Member(name string) (string, bool) { return jsonraw.Lookup(string(d), name) }
func (d rawDoc) JSON() string                      { return string(d) }

// feedOf answers a list or a query over databases, containers or offers. They are few, so there is one page.
func (x *exchange) feedOf(rid, member string, docs []string) *reply {
	if x.isQuery() {
		b, bad := x.parseQuery()
		if bad != nil {
			return bad
		}
		var rows []string
		for _, d := range docs {
			err := b.Rows(rawDoc(d), func(row cosql.Row) bool {
				out, _ := row.Out.AppendJSON(nil)
				rows = append(rows, string(out))
				return true
			})
			if err != nil {
				return x.notRepresentable()
			}
		}
		docs = rows
	}
	body := []byte(`{"_rid":"` + rid + `","` + member + `":[` + strings.Join(docs, ",") + `],"_count":` + itoa(int64(len(docs))) + `}`)
	r := x.master(&reply{status: http.StatusOK, body: body, charge: 2})
	r.set("x-ms-item-count", itoa(int64(len(docs))))
	return r
}
