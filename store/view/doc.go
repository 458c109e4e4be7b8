// Package view is OpenWhisk's views as pure functions: what a CouchDB design
// document computes there, computed here, for every backend that has no view
// engine. It does no I/O and holds no state; all of it is safe for concurrent
// use.
//
// A backend resolves a query with [NewPlan], finds the documents (in an index of
// [Entries], or by a query of its own made from the Plan's fields) and hands them
// in order to [Plan.Run], which skips, limits, shapes and joins. [Computed] is
// what a writer stores in `_c` on Cosmos.
//
// # Tables
//
// Rows of list views are ordered by the order field, then by id.
//
//	table                                      documents                                           order
//	whisks.v2.1.0/actions                      entityType action                                   updated
//	whisks.v2.1.0/packages                     entityType package                                  updated
//	whisks.v2.1.0/packages-public              the same, publish true, binding {} or no object     updated
//	whisks.v2.1.0/rules                        entityType rule                                     updated
//	whisks.v2.1.0/triggers                     entityType trigger                                  updated
//	whisks.v2.1.0/activations                  activations of a namespace                          start
//	whisks-filters.v2.1.1/activations          activations of an action, by <namespace>/<filter>   start
//	subjects.v2.0.0/identities                 subjects that are not blocked
//	subjects/identities                        the same
//	namespaceThrottlings/blockedNamespaces     limits of zero, blocked subjects
//
// An entity is listed under its own namespace ("guest/utils") and under the root
// namespace ("guest"). The filter of an activation is its name, or
// "<package>/<name>" when its annotation `path` has three segments. Every other
// table is ErrUnsupported, activations/byDate among them. The shapes of keys
// stand at [store.Query].
//
// # Rows
//
//	view                keys                  value
//	actions             [ns] or [ns,updated]  common, limits, exec reduced to {"binary":..}, false where unknown
//	packages            [ns] or [ns,updated]  common, binding, false where empty
//	packages-public     [ns] or [ns,updated]  common, binding false
//	rules, triggers     [ns] or [ns,updated]  common
//	activations         [ns] or [ns,start]    namespace, name, version, publish, annotations, activationId, start, cause;
//	                                          end and duration once ended; statusCode
//	identities          [name] or [uuid,key]  {"_id":"<ns>/limits","namespace":..,"uuid":..,"key":..}
//	blockedNamespaces   a name                1
//
// Common is namespace, name, version, publish, annotations, updated. ns is what
// was asked for, not the document's namespace. Members that the document lacks
// are missing in the value. The row of an identity carries the limits document
// `<ns>/limits` as its document.
//
// # Choices
//
// Where upstream's stores differ from one another, this package is with Cosmos
// and the embedded store: rules carry common members (CouchDB: the number 1),
// statusCode appears before an activation has ended too, the annotation
// `binding` does not count. A document whose order field is missing or not a
// number is in no list view. Where upstream fails a whole query or a write over
// one odd document (D5 to D7 of storage.md 8.5), nothing fails here: see
// [Computed], [Entries] and [Plan.Run].
package view
