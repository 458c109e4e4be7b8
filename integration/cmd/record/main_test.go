package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
)

func side(t *testing.T, opts cosmostest.Options) account {
	t.Helper()
	srv := cosmostest.NewServer(opts)
	t.Cleanup(srv.Close)
	return account{srv.URL(), srv.Key()}
}

// TestCompareSame compares two fakes: nothing may differ but what is random.
func TestCompareSame(t *testing.T) {
	var out bytes.Buffer
	n, err := compare(t.Context(), &out, side(t, cosmostest.Options{}), side(t, cosmostest.Options{}), false)
	if err != nil || n != 0 {
		t.Errorf("got %d differences, %v want none:\n%s", n, err, &out)
	}
}

// TestCompareDifferent turns a switch on on one side and expects it to be named.
func TestCompareDifferent(t *testing.T) {
	var out bytes.Buffer
	n, err := compare(t.Context(), &out, side(t, cosmostest.Options{Switches: cosmostest.Switches{PatchConditionNoSubstatus: true, Owner1003: true}}), side(t, cosmostest.Options{}), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"DIFFERS 9.8 patch condition\n  substatus: account , fake 1110", "DIFFERS 4.2 missing container\n  substatus: account 1003, fake "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got %q want %q in it", &out, want)
		}
	}
	if n == 0 {
		t.Error("got no difference")
	}
}

// TestProbesAreAnswered finds probes that the fake answers with a failure of its own.
func TestProbesAreAnswered(t *testing.T) {
	a := side(t, cosmostest.Options{})
	all, err := a.record(t.Context(), "whiskstore-record-test")
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range probes() {
		if all[i].status >= 500 || all[i].status == 0 {
			t.Errorf("%s: got %d", p.name, all[i].status)
		}
	}
}
