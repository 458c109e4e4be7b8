// Package route makes one store out of two of the same collection: a write store
// in front of the primary and a read store in front of a local replica of it, as
// CouchDB replication and the regions of a Cosmos DB account provide them. Writes
// go to the one, reads to the other, and callers read their own writes.
//
// # What a Get shows
//
// New keeps a bounded table of the ids that were written through this store,
// each with the version of its newest known state. A Get of an id in the table
// accepts the read store's answer only if its Version compares as Same or Newer;
// then the id leaves the table, and later reads are local again. Every other
// answer (an older state, one whose order is Unknown, no document, a failure) is
// replaced by the write store's, whose version goes into the table in turn:
// reads through this store never go back in time, whoever wrote.
//
//   - A delete that left a tombstone is in the table with the tombstone's version,
//     and the read store is asked for tombstones to see whether it has arrived. A
//     document that is gone without one cannot be proved gone, because a replica
//     that has not seen it yet looks the same: its reads go to the primary for
//     Policy.MaxLag.
//   - A write that ended in doubt, and one that was refused because the document
//     is not as its caller believed (ErrConflict, ErrNotFound), sends the next read
//     to the primary: the caller sees what refused the write.
//   - When the table is full, the id that was written longest ago leaves it. If
//     that is less than Policy.MaxLag ago, every Get of an id that is not in the
//     table goes to the primary until it is, and is not remembered.
//
// So own writes are always read back: the Policy.Recent newest however far the
// replica lags, older ones as long as it lags by no more than Policy.MaxLag.
//
// A Get that asks for freshness (GetOptions.After) has Policy.Wait to be answered
// by the read store. If that is not fresh enough in this time, or cannot
// understand the token, the primary answers.
//
// Only the newest answers are reason to leave the replica; a replica that fails
// is not. Reads of ids that were not written lately fail with it.
//
// # What the two stores must have in common
//
// The write store's versions must be comparable with the read store's, which
// means one Lineage: a CouchDB replica is opened under its primary's. With
// different lineages nothing breaks, but no replica can ever prove that it shows
// a write, and written ids are read from the primary while they are in the table.
//
// Queries and counts are not checked against the table, see [Queries].
package route
