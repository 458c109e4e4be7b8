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
// TABLE
package store
