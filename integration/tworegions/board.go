package tworegions

import "sync"

// board tells nodes which documents other nodes have written.
type board struct {
	mu  sync.Mutex
	ids []announced
}

type announced struct {
	by *node
	id string
}

// maxAnnounced bounds how many documents all nodes follow together.
const maxAnnounced = 1000

func (b *board) announce(by *node, id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.ids) < maxAnnounced {
		b.ids = append(b.ids, announced{by, id})
	} else {
		b.ids[by.rng.IntN(len(b.ids))] = announced{by, id}
	}
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
