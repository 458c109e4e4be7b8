// Package integration is the module of everything that needs more than package
// store's own dependencies: scenarios, benchmarks, tests against real servers,
// and the rules that hold for the whole project.
//
// Documents holds one real document of every kind that OpenWhisk stores.
package integration

import "embed"

// Documents are upstream's documents as CouchDB returns them, `_id` included,
// below "testdata".
//
//go:embed testdata/*.json
var Documents embed.FS
