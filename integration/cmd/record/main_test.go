package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
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

// TestDatabaseStays reports a database that could not be deleted, because it costs money.
func TestDatabaseStays(t *testing.T) {
	srv := cosmostest.NewServer(cosmostest.Options{})
	t.Cleanup(srv.Close)
	srv.Inject(cosmostest.Fault{Match: cosmostest.ForOperation(cosmostest.DeleteDatabase), Status: 503})
	_, err := account{srv.URL(), srv.Key()}.record(t.Context(), "whiskstore-record-test")
	if err == nil || !strings.Contains(err.Error(), "whiskstore-record-test") {
		t.Errorf("got %v want an error that names the database", err)
	}
}

// TestInterrupted deletes the database when the probes are given up.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	srv := cosmostest.NewServer(cosmostest.Options{Observe: func(e cosmostest.Exchange) {
		if e.Operation == cosmostest.CreateContainer {
			cancel()
		}
	}})
	t.Cleanup(srv.Close)
	if _, err := (account{srv.URL(), srv.Key()}).record(ctx, "whiskstore-record-test"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v want the cancellation", err)
	}
	if n := srv.Counters().Total(cosmostest.CounterKey{Operation: cosmostest.DeleteDatabase}).Status[http.StatusNoContent]; n != 1 {
		t.Errorf("deleted databases: got %d want 1", n)
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
