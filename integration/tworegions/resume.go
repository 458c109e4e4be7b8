package tworegions

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/whiskstore/whiskstore/store"
)

// Resumed is what a run found of an earlier one in its directory.
type Resumed struct {
	Run       int `json:"run"`       // this run's number
	Documents int `json:"documents"` // acknowledged documents and tombstones that are there
	InFlight  int `json:"inFlight"`  // writes that were applied, but not acknowledged when the run before ended
}

// place is a document of the deployment.
type place struct{ collection, id string }

// past is what the journal says.
type past struct {
	start     entry           // of the run before
	contended int64           // acknowledged updates of the contended document since then
	last      map[place]entry // the last acknowledged state of each document
	made      map[string]int  // by node
}

func recall(entries []entry) past {
	p := past{last: map[place]entry{}, made: map[string]int{}}
	for _, e := range entries {
		switch {
		case e.Run > 0:
			p.start, p.contended = e, 0
		case e.Contended:
			p.contended++
		default:
			p.last[place{e.Collection, e.ID}] = e
			p.made[e.Node] = max(p.made[e.Node], e.Made)
		}
	}
	return p
}

// resume takes over what an earlier run left in the directory: it holds the
// stores to the journal, gives the nodes their models back, and begins a new
// journal.
func (s *scenario) resume(ctx context.Context) error {
	if s.cfg.Dir == "" {
		return nil
	}
	entries, err := readJournal(s.cfg.Dir)
	if err != nil {
		return err
	}
	kept := []entry{{Run: 1, Nodes: len(s.nodes)}}
	if entries != nil {
		p := recall(entries)
		s.resumed = &Resumed{Run: p.start.Run + 1}
		kept[0].Run = s.resumed.Run
		found, err := s.verify(ctx, p)
		if err != nil {
			return err
		}
		kept[0].Count = s.counted
		kept = append(kept, found...)
	}
	if s.journal, err = newJournal(s.cfg.Dir, kept); err != nil {
		return err
	}
	for i, n := range s.nodes {
		n.journal = s.journal
		n.rng = rand.New(rand.NewPCG(s.cfg.Seed, uint64(kept[0].Run)<<16|uint64(i)))
	}
	return nil
}

// verify compares the stores in which nodes wrote with what was acknowledged.
// A node has one write under way at a time, so one document of each may be a
// step ahead of the journal. It returns the entries of what is there.
func (s *scenario) verify(ctx context.Context, p past) (found []entry, err error) {
	states, err := s.written(ctx)
	if err != nil {
		return nil, err
	}
	nodes := map[string]*node{}
	for _, n := range s.nodes {
		nodes[n.name] = n
		n.made = p.made[n.name] + 1 // the write under way may have been a creation
	}
	inFlight := map[string]int{}
	adopt := func(e entry, doc *store.Document) {
		found = append(found, e)
		vanishes := e.Deleted && time.Now().Add(s.cfg.Duration+time.Minute).After(e.Expires[0])
		if n := nodes[e.Node]; n != nil && !vanishes {
			n.adopt(e, doc)
		}
	}
	for at, e := range p.last {
		state, ok := states[at]
		delete(states, at)
		if !ok && e.Deleted && time.Now().After(e.Expires[0]) {
			continue
		}
		same := ok && state.Version.Compare(e.version()) == store.Same && state.Deleted == e.Deleted && (e.Deleted || digest(state.Doc.Body) == e.Body)
		ahead := ok && state.Version.Compare(e.version()) == store.Newer
		if !s.ledger.check(Acknowledged, same || ahead, "%s was acknowledged at %s (deleted %t), it is at %s (deleted %t)", e.ID, e.Rev, e.Deleted, state.Version.Rev, state.Deleted) {
			continue
		}
		if ahead {
			inFlight[e.Node]++
			e = advance(e, state)
		} else {
			s.resumed.Documents++
		}
		adopt(e, state.Doc)
	}
	// What is left was being created.
	for at, state := range states {
		if at.id == contendedID {
			s.counted = gjson.GetBytes(state.Doc.Body, contendedCount).Int()
			continue
		}
		name, _, _ := strings.Cut(at.id, "/")
		name = strings.TrimSuffix(strings.TrimSuffix(name, subjectSuffix), "-blocked")
		inFlight[name]++
		adopt(advance(entry{Node: name, Collection: at.collection, ID: at.id}, state), state.Doc)
	}
	for name, n := range inFlight {
		s.resumed.InFlight += n
		s.ledger.check(Acknowledged, n <= 1, "%d writes of node %s were applied without being acknowledged", n, name)
	}
	least := p.start.Count + p.contended
	s.ledger.check(Acknowledged, s.counted >= least && s.counted <= least+int64(p.start.Nodes),
		"%d updates of the contended document were acknowledged, it counts %d", least, s.counted)
	return found, nil
}

// advance is e brought to the state that a write under way left.
func advance(e entry, state store.Change) entry {
	v := state.Version
	e.Rev, e.Order, e.Lineage, e.Deleted = v.Rev, v.Order, v.Lineage, state.Deleted
	e.Body, e.Old, e.Writes, e.Expires = digest(state.Doc.Body), "", e.Writes+1, [2]time.Time{}
	if until := state.Doc.Meta.Expires; state.Deleted {
		e.Expires = [2]time.Time{until.Add(-time.Second), until.Add(time.Second)}
	}
	return e
}

// written returns all documents where they are written: whisks and subjects in
// the first region, activations in the region that stamped them.
func (s *scenario) written(ctx context.Context) (map[place]store.Change, error) {
	states := map[place]store.Change{}
	for i, r := range s.regions {
		for _, c := range collections() {
			if i > 0 && c != store.Activations {
				continue
			}
			all, err := dump(ctx, r.stores[c].changes())
			if err != nil {
				return nil, fmt.Errorf("region %s: %w", r.name, err)
			}
			for id, state := range all {
				if c != store.Activations || state.ClusterID == r.name {
					states[place{c, id}] = state
				}
			}
		}
	}
	return states, nil
}

// adopt makes a document of an earlier run the node's.
func (n *node) adopt(e entry, doc *store.Document) {
	x := &expected{collection: e.Collection, doc: *doc, writes: e.Writes, old: e.Old, deleted: e.Deleted, expires: e.Expires}
	x.doc.Meta = store.Meta{}
	x.doc.Version = e.version()
	n.docs[e.ID] = x
	if e.Collection != store.Whisks {
		return
	}
	if x.deleted {
		n.dead = append(n.dead, x)
		return
	}
	n.live = append(n.live, x)
	n.board.announce(n, e.ID)
}
