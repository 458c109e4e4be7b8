// Package memory is the embedded backend: one collection of OpenWhisk documents
// in memory, with its views, change feed, time to live and attachments, and
// without a server.
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
package memory
