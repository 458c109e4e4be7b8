package storetest

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// mutant is a deliberately wrong store and the rows of a suite that must fail
// on it: these and no others.
type mutant struct {
	defect string
	fails  []string
	spoil  spoiled
}

// TestMutants holds that each wrong store fails exactly the rows beside it, and
// that every subtest of every suite has a wrong store that fails it: one for
// which nothing can fail shows nothing.
func TestMutants(t *testing.T) {
	for name, suite := range map[string]struct {
		run     func(tb, NewHarness)
		mutants [][]mutant
	}{
		"store": {testStore, [][]mutant{
			writeMutants, readMutants, contractMutants, inputMutants, tombstoneMutants, queryMutants, loopMutants, subjectMutants,
			besideMutants, attachedMutants,
		}},
		"attachments": {testAttachments, [][]mutant{attachmentMutants}},
		"feed":        {testChangeFeed, [][]mutant{feedMutants, feedCallMutants}},
	} {
		t.Run(name, func(t *testing.T) {
			unshown := map[string]bool{}
			for sub := range record(t, suite.run, overMemory(spoiled{})) {
				unshown[row(sub)] = true
			}
			for _, m := range slices.Concat(suite.mutants...) {
				leave := "ATT-04_large" // takes longer than all others, and is about attachments
				if m.spoil.attachments != nil {
					leave = ""
				}
				want := slices.Sorted(slices.Values(m.fails))
				outcomes := recordWithout(t, leave, suite.run, overMemory(m.spoil))
				got := failures(outcomes)
				for tries := 1; tries < 5 && len(got) == 0; tries++ { // a busy processor can hide a defect in waiting
					outcomes = recordWithout(t, leave, suite.run, overMemory(m.spoil))
					got = failures(outcomes)
				}
				if !slices.Equal(got, want) {
					t.Errorf("a store that %s: got failures of %q, want %q\n%s", m.defect, got, want, logs(outcomes))
				}
				for _, r := range got {
					delete(unshown, r)
				}
			}
			for _, r := range slices.Sorted(maps.Keys(unshown)) {
				t.Errorf("%s: no wrong store fails it", r)
			}
		})
	}
}

// logs returns what the failed subtests said, one line each.
func logs(outcomes map[string]outcome) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(outcomes)) {
		if o := outcomes[name]; o.failed {
			line := strings.ReplaceAll(strings.Join(o.log, " / "), "\n", " ")
			b.WriteString("    " + name + ": " + line[:min(len(line), 300)] + "\n")
		}
	}
	return b.String()
}
