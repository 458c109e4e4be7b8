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
// replaced by the write store's, whose version goes into the table in turn: reads
// through this store do not go back in time, whoever wrote, if the replica itself
// does not and the table does not overflow.
//
//   - A state whose order is Unknown is accepted when the known one is older than
//     Policy.MaxLag, because the replica cannot show an older one then.
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
// So own writes are always read back: the Policy.Recent newest, where versions
// carry an order, however far the replica lags, and all others as long as it lags
// by no more than Policy.MaxLag.
//
// A Get that asks for freshness (GetOptions.After) has Policy.Wait to be answered
// by the read store. If that is not fresh enough in this time, or cannot
// understand the token, the primary answers.
//
// A replica that fails is no reason to leave it: reads of ids that were not
// written lately fail with it.
//
// # What the two stores should have in common
//
// Versions of the two are comparable only within one Lineage: a CouchDB replica
// is best opened under its primary's. With different lineages every order is
// Unknown: nothing breaks, but a written id is read from the primary for
// Policy.MaxLag, however fast the replica is.
//
// Queries and counts are not checked against the table, see [Queries].
package route
