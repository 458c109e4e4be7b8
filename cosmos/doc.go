// Package cosmos keeps a collection in Azure Cosmos DB for NoSQL, on azcosmos: a
// [store.ArtifactStore] with [Open], and its change feed with [Store.Feed].
//
// # Documents
//
// Items are those of OpenWhisk's Scala store, which may share the container: `/`
// in ids is stored as `|`, the partition key is `/id`, the etag is the revision,
// `_c` holds what Scala computes for its queries, `_clusterId` the cluster that
// wrote, and a tombstone is the document with `_deleted` and `ttl` (storage.md
// 3). Members that start with an underscore, `id` and `ttl` are not shown. A
// tombstone made here also holds `_deleteId`, which is different for each
// deletion and tells whose it was when an answer was lost.
//
// # Requests
//
// Get, create, update and both kinds of delete are one request, a creation over
// a tombstone three. Lists are one statement to every partition key range,
// merged as they stream in; a range that is split under a query makes the query
// begin again behind the row where it stood. Counts are added up over the
// ranges, without tombstones. Identities with their limits take two waves: one
// request for the subjects, one for each range that holds limits. At most 16
// requests of one query are in flight.
//
// # Freshness
//
// A store reads what it wrote, and what any store of the same container wrote
// that shares its [Accounts]: answers carry session tokens for each range, which
// are kept for the container and sent with every read. This holds at consistency
// Session and stronger. Where a region lags, reads wait for it within the limits
// of retry-options, or fail with ErrUnavailable. A session of the change feed,
// handed in as GetOptions.After, does the same across processes; a Version handed
// in is compared with what the read shows, and an older state is read once more
// in the write region.
//
// # Writes
//
// Whisks and subjects are written in one region, on accounts with several write
// regions too: there in the hub, the first that the account names, because two
// regions that accept one revision lose an update. After the hub has moved, a
// process writes on in the old one for 10 seconds at most, then not at all for 20,
// and then in the new one, so that all know before the first of them begins (see
// hub). What a process does that was started within that time is not covered. On
// accounts with one write region, a write that its region refuses follows the
// account document at once.
//
// A write whose answer is lost (408, 449, 5xx, a cut connection) is repeated with
// the same precondition, and a refusal then is settled by what is stored: our own
// write is success, anything else ErrInDoubt. Creations are repeated only where
// deletions leave tombstones (Config.SoftDeleteTTL), or in activations: elsewhere
// a repetition could undo somebody's deletion.
//
// # Limits
//
// Everything that waits or repeats ends with the context, and begins nothing more
// once retry-options.max-retry-wait-time has passed since the first failure; an
// attempt takes 65 seconds at most. What azcosmos repeats by itself is beside
// that: connections that are not made for four seconds, and requests to a region
// that left the account for up to two minutes. Bodies over [MaxBody] may not fit.
// Rows with equal order fields come by id only as far as each range returns them
// so.
//
// What azcosmos v1.5.0 does differently than one would think, and what is done
// about it here: it never shows the ids of ranges (see readRanges) nor the
// account document (see transport), looks for items of ReadManyItems in the wrong
// ranges (see hashKey), writes partition keys beyond U+FFFF as no JSON (see
// keyed), repeats writes after 503 on accounts with several write regions and
// after 403/3 (see writeError), reads the account every five minutes (see hub),
// and keeps no session tokens.
package cosmos
