// Package storetest holds the suites that every backend and every stack of
// whiskstore passes: [TestStore] for documents and views, [TestAttachments],
// [TestChangeFeed], [TestLinearizability] for single documents under
// concurrency and lost replies, and [Replay], which runs one random log of
// operations over two stores and compares them.
//
// A test gives a constructor of a [Harness] and gets one subtest per promise.
// Subtests that show a row of the behaviour checklist carry its id
// (TestStore/CRUD-07_delete); the others are promises of package store. What a
// backend cannot do it says in [Features], and each skip names the feature or
// the hook that is missing. Where upstream's behaviour is deliberately not ours
// the subtest is called <row>_differs and asserts ours.
//
// The suites expect [store.Check] as the outermost layer of each store they
// get, as in every stack. They use fresh ids and namespaces throughout and
// delete what they put (row CRUD-I1), so that collections may be shared between
// harnesses and with other work; only what a harness calls a fresh collection
// need be empty.
//
// The suites are tested themselves: for each subtest there is at least one
// deliberately wrong store on which it, and nothing but what the table beside
// it names, fails.
package storetest
