// Package simulate runs the real cache, tracker and wire codec in a simulated
// deployment: regions whose replicas lag, a change feed, bridges with
// checkpoints and take-over, a bus with partitions, and nodes that read and
// write. Everything happens on one event loop with virtual time, so a seed is a
// run, and everything that may go wrong does: loss, delay, repetition,
// reordering, partition, crash, suspension and clocks that differ.
//
// Run judges each hit against the commits that have happened. It fails on a hit
// that is staler than the state of its cache promises, on a writer that is not
// served its own write, and on anything stale once all is repaired; the result
// then holds the seed, a minimised history and its time line.
//
// The command is integration/cmd/simulate; it has the flags and nothing else.
package simulate
