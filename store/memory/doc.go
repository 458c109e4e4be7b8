// Package memory is the embedded backend: one collection of OpenWhisk documents
// in memory, with its views, change feed, time to live and attachments, and
// without a server; durable when it is given a directory.
//
// A [Store] answers like the other backends: it takes the views of package view
// and passes the whole of package storetest. What is particular to it:
//
//   - Revisions are "<generation>-<unique number>". The generation counts up
//     over updates, deletes and re-creations, so that upstream's comparison of
//     the number before the dash orders them; no revision is ever given out
//     twice, not for identical content either (row CRUD-D2 is different here).
//   - Version.Order is the commit sequence and Version.Lineage the identity of
//     the store. Reads, writes, the feed and replicas agree on both.
//   - Each view has an ordered index per path, so that the newest 30 of a
//     namespace, a count and a deep skip cost the same whatever else the
//     collection holds. A Query shows its view as it was at the start of the
//     loop and holds no lock while its rows are used.
//   - Documents expire by the clock of Options.Now, to the instant. Each write
//     removes a bounded number of those that have; none is ever seen.
//   - [Store.Apply] takes over what another store committed, with its version:
//     stores become replicas of each other, for demonstrations and tests of
//     several regions.
//
// # Durability
//
// With Options.Dir, and for attachments with [OpenAttachments], a write is
// acknowledged, and shown to any reader or feed, once the device has it. Reads
// still come from memory, which holds all documents. Opening reads the whole
// directory, holds every page and record against its checksums and counts, and
// only then writes; what is damaged or belongs to something else is an error.
// One process at a time holds a directory. After a commit that failed the store
// refuses writes until it is opened again.
//
// Waiting writers share commits: with 64 of them about 55 puts go into one,
// which costs two waits for the device.
//
// The engine is bbolt. Of the well-kept engines without C it is the one that
// does least beyond what is needed here, where indexes and reads are in memory:
//
//   - bbolt: one file, copy on write, valid after a crash at any point without
//     recovery; two waits per commit; kept by the etcd project. One module
//     besides golang.org/x/sys, 2 MB in a program. It has no checksums but on its
//     meta pages and no group commit; both are added here. Its file does not
//     shrink; freed pages are used again.
//   - Pebble: a log and sorted tables with checksums, group commit, a file system
//     to inject; kept by Cockroach Labs. 30 modules, 17 MB, and compaction in the
//     background that reads which are never made do not need.
//   - Badger: the same shape, with a value log that its user must collect; 14
//     modules, 10 MB.
//   - SQLite, translated to Go (modernc.org, ncruces): one wait per commit in its
//     log; 4 to 8 modules, 6 to 7 MB, half a minute of compilation, and a query
//     language that nothing here would use.
//
// Records are keyed by their position in the change feed, so that writes go to
// the end of the tree.
package memory
