// Package config makes a finished stack out of a configuration: upstream's keys
// from a YAML file and from the environment, checked, resolved for each
// collection, and opened. It is the only library package that knows backends.
//
//	whisk:
//	  spi:
//	    ArtifactStoreProvider: memory   # the one value that chooses the backend
//	  db:
//	    cluster-id: eu
//	    soft-delete-ttl: 7 d
//	    max-inline-size: 16 k
//	    collections:
//	      WhiskActivation:
//	        time-to-live: 30 d
//	  memory-store:
//	    directory: /var/lib/whiskstore
//
// Keys are upstream's where it has them, with their defaults; the README lists
// all. They are case-sensitive, and may be written as one dotted key. Durations
// and sizes are in HOCON's syntax, see [Duration] and [Size].
//
// # What goes before what
//
// An environment variable goes before the file, the file before the default.
// Then, for each collection, the block of the collection goes before the common
// one, key by key (rows COS-12 to COS-15), and for what the database's own block
// and whisk.db both have, such as cluster-id, the database's own.
//
// # The environment
//
// CONFIG_whisk_db_maxInlineSize is whisk.db.max-inline-size: upstream's
// transformation, in which an empty value leaves what is there, and a value that
// begins with "$" and names a variable is that variable's. Spellings that the
// transformation gets wrong and upstream silently ignores (softDeleteTTL, aes128)
// mean here what they say, and are reported. A list is written with commas, or
// an element at a time as in …_preferredLocations_0.
//
// # Identities
//
// Requests to Cosmos DB are signed with the account's key or, by
// whisk.cosmosdb.credential, with tokens of an identity, which azidentity gets.
// That is 6 modules and a sixth of a program's size; the build tag noazidentity
// leaves it out.
//
// # What is refused
//
// Every key in the file, and every variable below a block that this package
// owns, has to be known; the error names the nearest known key. Other CONFIG_
// variables are other components'. Upstream's keys that mean nothing here, such
// as connection-policy.connection-mode, are accepted and reported once.
//
// Commands that have keys of their own add blocks to the file, and flags that go
// before everything else, by [LoadOptions]; they are as strict.
//
// [Load] judges each key by itself and reports all errors at once; [Open] judges
// what keys mean together. Files in HOCON are not read.
package config
