package tworegions

import "sync/atomic"

// counts is what one node did.
type counts struct {
	creates, updates, deletes, recreations, activations atomic.Int64
	reads, lists, conflicts, contended                  atomic.Int64
}

// NodeStats is what one node did.
type NodeStats struct {
	Node        string `json:"node"`
	Region      string `json:"region"`
	Creates     int64  `json:"creates"`
	Updates     int64  `json:"updates"`
	Deletes     int64  `json:"deletes"`
	Recreations int64  `json:"recreations"`
	Activations int64  `json:"activations"`
	Reads       int64  `json:"reads"`
	Lists       int64  `json:"lists"`
	Conflicts   int64  `json:"conflicts"`
	Contended   int64  `json:"contended"`
}

func (c *counts) snapshot(node, region string) NodeStats {
	return NodeStats{
		Node: node, Region: region,
		Creates: c.creates.Load(), Updates: c.updates.Load(), Deletes: c.deletes.Load(), Recreations: c.recreations.Load(),
		Activations: c.activations.Load(), Reads: c.reads.Load(), Lists: c.lists.Load(),
		Conflicts: c.conflicts.Load(), Contended: c.contended.Load(),
	}
}

// Operations is the number of operations of all kinds.
func (s NodeStats) Operations() int64 {
	return s.Creates + s.Updates + s.Deletes + s.Recreations + s.Activations + s.Reads + s.Lists + s.Conflicts + s.Contended
}
