// Package fault is the decorator for tests that makes a store fail: errors,
// latency, replies that are lost after the write was applied, and loops that are
// cut. It stands where the network would be, directly above the backend.
//
// A [Rule] says which calls fail and how, an [Injector] holds the rules and their
// counters. All chance comes from the seed that New requires: each rule draws from
// its own sequence, one number for each call that it matches, so that a run with
// the same calls in the same order fails in the same places, and adding a rule
// does not move the faults of another.
//
// What is injected keeps the contract: a Fail of a write has not written, a
// LoseReply ends in doubt, a Cut is the last pair of its loop. A test that wants a
// backend that breaks the contract writes one.
//
// No package but tests and the integration module imports it.
package fault
