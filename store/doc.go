// Package store is the contract between OpenWhisk's control plane and the
// databases it can live on: Cosmos DB, CouchDB and an embedded store.
//
// One [ArtifactStore] is one collection of documents (whisks, activations or
// subjects), one [AttachmentStore] keeps the attachments of a collection, and a
// [ChangeFeed] tells what happened to it. Backends implement the three;
// decorators wrap the first in the order that [Chain] writes down. Whatever the
// backend, a stack answers alike: package storetest is the proof of it.
//
// The package imports the standard library only and starts no goroutine.
//
// # What each operation costs
//
// Each line was tried with a program that counts requests before the contract
// was fixed. The trips are round trips to Cosmos DB, CouchDB and memory in this
// order: p is one per page and partition key range, r one per range, k one per
// matched row. Requests repeated after throttling or a lost reply come on top,
// and so does, once per container and process, what azcosmos reads about it (the
// account: 1, the container and its ranges: 3).
//
//	operation             Cosmos DB                   CouchDB                        memory  trips   version
//	Put, create           POST docs                   PUT doc                        commit  1 1 0   W
//	  a live one exists   + GET doc: Conflict         409: Conflict                  lookup  2 1 0
//	  over a tombstone    + GET doc, PUT If-Match     PUT doc: goes on from it       commit  3 1 0   W
//	  expired meanwhile   + 404: POST again                                          commit  4 - 0   W
//	Put, update           PUT doc, If-Match           PUT doc, _rev in the body      commit  1 1 0   W
//	  stale, tombstone    412: Conflict               409: Conflict                  lookup  1 1 0
//	  absent              404: Conflict               409 or 400: Conflict [a]       lookup  1 1 0
//	Get                   GET doc                     GET doc                        lookup  1 1 0   R
//	  absent, tombstone   404; 200 with _deleted      404 missing; 404 deleted       lookup  1 1 0
//	  Tombstones          GET doc                     GET doc?open_revs=all          lookup  1 1 0   R
//	  After.Session       GET doc, session token      primary; never a replica [b]   nothing 1 1 0   R
//	  After.Version       GET doc, session token [c]  replica, then primary          nothing 1 2 0   R
//	Delete, tombstone     PATCH If-Match, set [d]     PUT doc, _deleted              commit  1 1 0   W
//	Delete, physical      DELETE, If-Match            PUT doc, _deleted              commit  1 1 0   D
//	  refused, absent     404: NotFound               409 or 400, GET: NotFound [a]  lookup  1 2 0
//	  refused, stale      412, GET: Conflict          409, GET: Conflict             lookup  2 2 0
//	  refused, tombstone  412, GET: NotFound          409, GET 404: NotFound         lookup  2 2 0
//	Query
//	  actions, rules      TOP n ORDER BY r.updated    GET _view                      index   p 1 0   Q
//	  triggers, packages    the same                  GET _view                      index   p 1 0   Q
//	  packages-public       the same                  GET _view                      index   p 1 0   Q
//	  activations (both)  TOP n ORDER BY r.start      GET _view                      index   p 1 0   Q
//	  blockedNamespaces   WHERE, no order             GET _view                      scan    p 1 0   Q
//	  identities          JOIN n, 1 read a row [e]    GET _view?include_docs         index   p+k 1 0 Q
//	Count                 VALUE COUNT(1)              GET _view?reduce=true          index   r 1 0
//	  identities          rows are counted            rows are counted [f]           index   p 1 0
//	  blockedNamespaces   rows are counted            reduce: _sum                   scan    p 1 0
//	Feed.Start            GET docs, If-None-Match: *  GET _changes?since=now; 0      nothing 1 1 0
//	Feed.Next             GET docs, A-IM; Wait polls  GET _changes; longpoll         log     1 1 0   F
//	Attach                none of its own: S3         not natively [g]: S3           commit  - - 0
//
// The remarks in brackets:
//
//   - [a] CouchDB answers an update of a document that it never had with 409 or,
//     depending on what the shard saw before, with 201, which cannot be told from
//     success. So it can keep ErrConflict (Put) and ErrNotFound (Delete) for an absent
//     document only when the revision is malformed (400) or was given out for it. The
//     verb DELETE does check, but cannot carry a cluster id into the tombstone.
//   - [b] An update sequence means nothing to another database, so a replica cannot say
//     whether it has caught up with one, and answers to writes hold none.
//   - [c] No session token can be made from a version. The answer's x-ms-item-lsn is
//     compared; an older one is read once more from the write region.
//   - [d] /_deleted, /ttl and /_clusterId in one PATCH. Removing a member that is not
//     there is refused (400), so without a cluster id the PATCH sets "" and readers take
//     "" for none. A random mark goes with them, so that of two deletions of one revision
//     whose answers are lost only one takes the tombstone for its own.
//   - [e] The join over the namespaces returns a subject once per matching namespace,
//     and a legacy subject once per namespace: rows are made unique by id. The limits
//     are a point read per row, or one ReadManyItems for all.
//   - [f] The view has no reduce function.
//   - [g] PUT doc/name needs and changes the revision of the document, makes a document
//     where there is none, and the next plain PUT of the document drops the attachment.
//
// Where a Version comes from, by the letter of the last column:
//
//	            Rev                        Order                  Lineage
//	W  Cosmos   ETag of the answer         none [h]               the container's _rid
//	   CouchDB  rev of the answer          its generation         the database's [i]
//	   memory   its own, never used twice  commit sequence        the store's identity
//	R  Cosmos   _etag of the item          x-ms-item-lsn          first 8 bytes of the item's _rid
//	   CouchDB  _rev of the document       its generation         the database's, none with _conflicts
//	   memory   as W                       as W                   as W
//	D  Cosmos   none: the answer to a physical delete names no state
//	   CouchDB  as W: it always leaves a tombstone
//	   memory   none
//	Q  Cosmos   _etag, when selected       none                   none
//	   CouchDB  _rev of doc, when it is    none                   none
//	            included and not joined
//	   memory   of the row's document      none                   none
//	F  Cosmos   _etag of the item          _lsn of the item       _rid of the page
//	   CouchDB  the winning leaf's         its generation         the database's, none with several leaves
//	   memory   as W                       as W                   as W
//
// Two remarks:
//
//   - [h] The answer to a write has the partition's LSN (lsn, x-ms-session-token), which is
//     at least the write's own: good for a Session, not for an Order.
//   - [i] CouchDB shows no UUID of a database: GET / has the server's, GET db has a start
//     time that is always "0" on older servers. The backend keeps an identity of its own in
//     a _local document, which replication leaves out. An update of a losing leaf succeeds
//     without a word, so conflicts are known only from a read with conflicts=true or a feed
//     with style=all_docs.
//
// Measured with azcosmos v1.5.0 on @vercel/cosmosdb-server 1.0.1: the requests, trips and
// statuses of the Cosmos column but for the list below; that etags are opaque (bare UUIDs
// there, quoted text on the service); that an item's _rid begins with the container's; that
// a PATCH is refused with 412 by If-Match and by a condition, and with 404 when the item is
// absent; that items without the ORDER BY member are left out.
//
// Taken from recordings of a hosted account, because that server cannot show it: LSN headers
// and session tokens; 404 for a missing item (500 there); a PATCH below /_ (400 there, and
// the service reserves _id, _ts, _etag and _rid only); time to live; the change feed after
// its first page and from now (always 304 there); several ranges; that ORDER BY, TOP and
// COUNT are refused without a range header; limits on ids (none there).
//
// Measured with kivik v4.5.2 on express-pouchdb 4.2.0 over PouchDB 7.3.1: the requests, trips
// and statuses of the CouchDB column. kivik cannot send open_revs=all; the request was made
// without it. Taken from measurements of CouchDB 3.5.0: the 201 of [a] (409 there), that
// reduce=true on a map-only view is refused (ignored there), equal revisions for equal
// bodies, ICU order.
//
// # What backends cannot keep
//
//   - An order among rows with equal keys. CouchDB orders them by id, and by id downwards when
//     descending; Cosmos promises nothing.
//   - One state of the collection across the pages of a Query on Cosmos. A document whose
//     order member is changed between two pages appeared twice ascending and not at all
//     descending. A CouchDB view and memory answer from one state.
//   - Refusing a Put or Delete that names a tombstone's revision. It matches on both
//     services in the one round trip there is, and revives the document or renews the
//     tombstone; a PATCH could exclude it by a condition, a PUT cannot. Only readers of
//     tombstones and callers of Delete have such a revision.
//   - A revision unlike that of every other document. On CouchDB equal bodies with equal
//     histories have equal revisions; so has a document purged and created again.
//   - The cause after a lost reply to a physical Delete: 404 on the repetition proves that
//     the document is gone, not who removed it. A body that was stored is found again only
//     by comparing JSON values: services reorder members and rewrite numbers.
//   - Absence after Delete on CouchDB when the document has conflicts: the next leaf shows.
//   - Bodies byte for byte. 1.0 is 1 on Cosmos; integers beyond 2^53 are rounded on both
//     test servers; members move.
//   - Rows of documents whose order member is missing or no number. Cosmos leaves out those
//     without one, but counts them, unless the condition asks for a number; CouchDB gives
//     them the key null, which only [ns] to [ns, Top] reaches. Package view has none of them.
//   - Expires and PutOptions.TTL on CouchDB, unless the backend keeps them in a member of its
//     own beside clusterId. Both names are then lost to bodies, which Check lets pass.
//   - Ids that begin with an underscore on CouchDB (400), legal names of namespaces.
//   - A feed token from the future as ErrInvalid: neither service says so. Cosmos's answer
//     holds the current LSN to compare with; a CouchDB sequence cannot be compared.
package store
