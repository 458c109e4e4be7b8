package tworegions

import (
	"math/rand/v2"
	"sync"
)

// board tells nodes which documents other nodes have written.
type board struct {
	mu   sync.Mutex
	ids  []announced
	gone map[string]bool // deleted ones
}

type announced struct {
	by *node
	id string
}

// maxAnnounced bounds how many documents all nodes follow together.
const maxAnnounced = 1000

// popular is how many documents most reads go to.
const popular = 48

func (b *board) announce(by *node, id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.ids) < maxAnnounced {
		b.ids = append(b.ids, announced{by, id})
	} else {
		b.ids[by.rng.IntN(len(b.ids))] = announced{by, id}
	}
}

// deleted tells that a document was deleted, or created again.
func (b *board) deleted(id string, gone bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !gone {
		delete(b.gone, id)
		return
	}
	if b.gone == nil {
		b.gone = map[string]bool{}
	}
	b.gone[id] = true
}

// any returns a document of any node, mostly a popular one, seldom a deleted one.
func (b *board) any(rng *rand.Rand) (id string, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.ids) == 0 {
		return "", false
	}
	among := b.ids
	if rng.IntN(4) > 0 {
		among = among[:min(popular, len(among))]
	}
	for range 4 {
		if id = pick(rng, among).id; !b.gone[id] {
			break
		}
	}
	return id, true
}

// foreign returns a document that another node than n wrote, if one comes up.
func (b *board) foreign(n *node) (id string, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range 4 {
		if len(b.ids) == 0 {
			return "", false
		}
		if a := pick(n.rng, b.ids); a.by != n {
			return a.id, true
		}
	}
	return "", false
}
