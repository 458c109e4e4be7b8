// Package wire knows the bytes of cache invalidation messages, and is the only
// place that does.
//
// A message is one record of a topic: a value, which is upstream's JSON byte for
// byte, so that Scala controllers understand it, and headers, which they do not
// read. Whatever the coherence protocol adds (versions, sequences, epochs,
// positions, watermarks) travels in headers.
//
// What comes from the bus is untrusted. Decode bounds every length before it
// looks at the content, never panics, and returns an error of one of four kinds
// for what it cannot use; Source, Epoch and Seq are filled in as far as they can
// be read, so that the reader can tell which message it has missed.
package wire
