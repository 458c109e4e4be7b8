package storetest

import (
	"testing"
)

func TestLinearizabilityOfMemory(t *testing.T) {
	TestLinearizability(t, overMemory(spoiled{}), &LinearizabilityOptions{Seed: 6})
	TestLinearizability(t, overMemory(spoiled{features: func(f *Features) { f.ReplicaReads = true }}), nil)
}
