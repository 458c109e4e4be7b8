// Package judge compares package store/view with two servers that nobody here
// wrote: CouchDB's own map functions, run by express-pouchdb, and Cosmos DB's
// SQL, run by @vercel/cosmosdb-server. Both come from npm; .ci/judges.sh starts
// them, installing them first where needed:
//
//	.ci/judges.sh go test ./integration/judge/...
//
// The same tests run against an Apache CouchDB when WHISKSTORE_COUCHDB_URL names
// one. They touch only databases that they create and remove.
//
// What the package holds is what such a comparison needs: upstream's design
// documents and a seeded corpus of documents with every shape, well formed and
// odd, that the views tell apart. Where the judges and package view rightly
// differ, the tests say so by name, and fail when a named difference is no
// longer seen.
package judge
