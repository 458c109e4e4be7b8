// Package cache keeps documents of an ArtifactStore in memory and stays coherent
// with writers in other processes and regions.
//
// # Promise
//
// Nothing is stored that is older, or possibly older, than a change that was
// announced within the lag budget; at rest everything that may be served is the
// newest state; a writer reads its own writes; no lookup waits for, or fails
// because of, a state of the cache; a node that hears nothing serves nothing
// staler than a bound. PROTOCOL.md states this precisely, with the assumptions,
// the rules, and for each rule the shortest run that goes wrong without it. That
// page is generated from a search over the very functions that run here.
//
// # What there is
//
// Cache[V] holds values of one type by document id, and Middleware puts one of
// documents into a chain; Actions holds whole actions with their code on top of it,
// Identities what credentials and namespaces stand for. A Tracker tells them of the
// records that Subscribe reads from a topic, an Announcer sends this node's writes.
// All are bounded in entries, and in bytes where values have a size; each has its
// own bounds and ages, those of upstream where it has some.
//
// # How it is built
//
// The protocol is a state machine without locks, clock or I/O: one event applied
// to one line gives the next line and what to do. Everything else in the package
// carries its decisions out.
package cache
