package tworegions

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/whiskstore/whiskstore/store"
)

// subscribe creates the node's subject with limits, and a blocked one, and
// checks that identities show the first and hide the second.
func (n *node) subscribe(ctx context.Context) error {
	var subject, limits *template
	for i, t := range n.templates[store.Subjects] {
		switch {
		case strings.HasSuffix(t.id, "/limits"):
			limits = &n.templates[store.Subjects][i]
		case gjson.GetBytes(t.body, "namespaces").IsArray() && !gjson.GetBytes(t.body, "blocked").Bool():
			subject = &n.templates[store.Subjects][i]
		}
	}
	if subject == nil || limits == nil {
		return errors.New("no document of a subject with namespaces, or of limits")
	}
	doc, err := limits.instance(n.name, 0, time.Now())
	if err != nil {
		return err
	}
	if err := n.keep(ctx, doc); err != nil {
		return err
	}
	for _, name := range []string{n.name, n.blockedName()} {
		if doc, err = subject.instance(name, 0, time.Now()); err != nil {
			return err
		}
		doc.ID = subjectOf(name)
		if doc.Body, err = sjson.SetBytes(doc.Body, "subject", doc.ID); err != nil {
			return err
		}
		if doc.Body, err = n.renew(doc.Body); err != nil {
			return err
		}
		if name == n.blockedName() {
			if doc.Body, err = sjson.SetBytes(doc.Body, "blocked", true); err != nil {
				return err
			}
		}
		if err := n.keep(ctx, doc); err != nil {
			return err
		}
	}
	return nil
}

// newUUID returns a random UUID of version 4.
func (n *node) newUUID() string {
	hi, lo := n.rng.Uint64(), n.rng.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", hi>>32, hi>>16&0xffff, hi&0xfff, lo>>48&0x3fff|0x8000, lo&0xffffffffffff)
}

func (n *node) blockedName() string { return n.name + "-blocked" }

// subjectOf is who owns a namespace.
func subjectOf(namespace string) string { return namespace + subjectSuffix }

const (
	subjectSuffix = "@whisk"
	invocations   = "invocationsPerMinute"
)

// renew gives all namespaces of a subject new credentials.
func (n *node) renew(body []byte) (_ []byte, err error) {
	for i := range gjson.GetBytes(body, "namespaces.#").Int() {
		if body, err = sjson.SetBytes(body, fmt.Sprintf("namespaces.%d.uuid", i), n.newUUID()); err != nil {
			return nil, err
		}
	}
	return body, nil
}

// changeSubject changes one of the documents that identities are made of: the
// node's limits, its credentials, or whether its second namespace is blocked.
func (n *node) changeSubject(ctx context.Context) (err error) {
	n.counts.updates.Add(1)
	var e *expected
	change := func(id string, change func([]byte) ([]byte, error)) {
		e = n.docs[id]
		e.old = e.doc.Version.Rev
		e.doc.Body, err = change(append([]byte(nil), e.doc.Body...))
		e.writes++
	}
	switch n.rng.IntN(3) {
	case 0:
		change(n.name+"/limits", func(body []byte) ([]byte, error) {
			return sjson.SetBytes(body, invocations, gjson.GetBytes(body, invocations).Int()+1)
		})
	case 1:
		change(subjectOf(n.name), n.renew)
	default:
		change(subjectOf(n.blockedName()), func(body []byte) ([]byte, error) {
			if !gjson.GetBytes(body, "blocked").Bool() {
				return sjson.SetBytes(body, "blocked", true)
			}
			if body, err = sjson.DeleteBytes(body, "blocked"); err != nil {
				return nil, err
			}
			return n.renew(body)
		})
	}
	if err != nil {
		return err
	}
	return n.put(ctx, e)
}

// keep writes a document of subjects, unless an earlier run did.
func (n *node) keep(ctx context.Context, doc store.Document) error {
	if n.docs[doc.ID] != nil {
		return nil
	}
	e := &expected{collection: store.Subjects, doc: doc, writes: 1}
	n.docs[doc.ID] = e
	n.counts.creates.Add(1)
	return n.put(ctx, e)
}

// judge compares what region r shows of the node's documents with the model, at
// rest.
func (n *node) judge(ctx context.Context, r *region, readers map[string]store.ArtifactStore) error {
	for id, e := range n.docs {
		got, err := readers[e.collection].Get(ctx, id, &store.GetOptions{Tombstones: true})
		if err != nil {
			inv := ReadYourWrites
			if e.deleted {
				inv = DeletedStays
			}
			n.ledger.check(inv, false, "%s lacks %s of %s: %v", r.name, id, n.name, err)
			continue
		}
		if e.deleted {
			if n.ledger.check(DeletedStays, got.Meta.Deleted, "%s shows %s, which %s deleted", r.name, id, n.name) {
				n.checkTombstone(e, got)
			}
			continue
		}
		inv := ReadYourWrites
		if e.writes > 1 && e.old == "" {
			inv = RecreationWins
		}
		n.ledger.check(inv, !got.Meta.Deleted && got.Version.Rev == e.doc.Version.Rev && string(got.Body) == string(e.doc.Body),
			"%s shows %s of %s at %s, last written %s", r.name, id, n.name, got.Version.Rev, e.doc.Version.Rev)
		n.ledger.check(ClusterIDs, got.Meta.ClusterID == n.region.name, "%s of %s names cluster %q in %s", id, n.name, got.Meta.ClusterID, r.name)
		n.ledger.check(TombstoneTTLs, got.Meta.Expires.IsZero(), "live document %s expires at %v in %s", id, got.Meta.Expires, r.name)
	}
	if err := n.checkListsIn(ctx, r, readers[store.Whisks]); err != nil {
		return err
	}
	return n.checkIdentities(ctx, r, readers[store.Subjects])
}

func (n *node) checkIdentities(ctx context.Context, r *region, subjects store.ArtifactStore) error {
	find := func(key store.Key) (rows []store.Row, err error) {
		for row, err := range subjects.Query(ctx, &store.Query{Table: identitiesView, StartKey: key, EndKey: key, Limit: 2, IncludeDocs: true}) {
			if err != nil {
				return nil, err
			}
			rows = append(rows, row)
		}
		return rows, nil
	}
	e := n.docs[subjectOf(n.name)]
	limits := n.docs[n.name+"/limits"]
	if e == nil || limits == nil {
		return fmt.Errorf("node %s has no subject or limits document", n.name)
	}
	for _, ns := range gjson.GetBytes(e.doc.Body, "namespaces").Array() {
		if ns.Get("name").String() != n.name {
			continue
		}
		for _, key := range []store.Key{{n.name}, {ns.Get("uuid").String(), ns.Get("key").String()}} {
			rows, err := find(key)
			if err != nil {
				return err
			}
			n.ledger.check(Identities, len(rows) == 1 && rows[0].ID == subjectOf(n.name) && rows[0].Doc != nil && string(rows[0].Doc.Body) == string(limits.doc.Body),
				"%s finds %d identities of %s, or not with its limits", r.name, len(rows), n.name)
		}
	}
	rows, err := find(store.Key{n.blockedName()})
	if err != nil {
		return err
	}
	blocked := gjson.GetBytes(n.docs[subjectOf(n.blockedName())].doc.Body, "blocked").Bool()
	n.ledger.check(Identities, blocked == (len(rows) == 0), "%s finds %d identities of %s, of which blocked is %t", r.name, len(rows), n.blockedName(), blocked)
	return nil
}
