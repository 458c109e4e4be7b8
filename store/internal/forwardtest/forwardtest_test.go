package forwardtest_test

import (
	"testing"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/internal/forwardtest"
)

func TestRunOverTheEchoItself(t *testing.T) {
	forwardtest.Run(t, func(next store.ArtifactStore) store.ArtifactStore { return next }, forwardtest.Want{})
}

func TestDifferencesNamesTheField(t *testing.T) {
	var got, want store.Query
	forwardtest.Fill(&got)
	forwardtest.Fill(&want)
	want.OnUnreadable = got.OnUnreadable
	if d := forwardtest.Differences(&got, &want); d != "" {
		t.Errorf("two that are alike: got %q, want none", d)
	}
	got.Skip = 7
	if d, w := forwardtest.Differences(&got, &want), ".Skip: got 7, want 1"; d != w {
		t.Errorf("got %q, want %q", d, w)
	}
	if d := forwardtest.Differences((*store.GetOptions)(nil), &store.GetOptions{}); d == "" {
		t.Errorf("nil and a struct: got no difference, want one")
	}
}
