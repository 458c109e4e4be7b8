package storetest

import "testing"

// tb is what the suites run on: a *testing.T, or in the tests of this package a
// recorder that collects the names of failed subtests.
type tb interface {
	testing.TB
	Run(name string, f func(tb)) bool
}

type testingT struct{ *testing.T }

func (t testingT) Run(name string, f func(tb)) bool {
	return t.T.Run(name, func(t *testing.T) { f(testingT{t}) })
}
