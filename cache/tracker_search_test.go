package cache

import (
	"fmt"
	"testing"
)

// trackerSettings are the searches that every change of the tracker must pass.
var trackerSettings = []trackerSetting{
	{name: "sequences", what: "one bridge, two partitions; loss, repeats, a swap",
		commits: 2, partitions: 2, queue: 2, epochs: [3]uint8{1}, trackerBudget: trackerBudget{losses: 2, repeats: 1, swaps: 1}},
	{name: "epochs", what: "a take-over, with a checkpoint or without a lease, and a zombie; loss, repeats",
		commits: 2, partitions: 1, queue: 1, epochs: [3]uint8{2}, trackerBudget: trackerBudget{losses: 1, repeats: 1, zombies: 1, leases: 1}},
	{name: "old-lease", what: "two take-overs, the second one from the checkpoint of the first epoch or of the second",
		commits: 2, partitions: 1, queue: 1, epochs: [3]uint8{3}, trackerBudget: trackerBudget{losses: 1}},
	{name: "hand-over", what: "a take-over in two partitions; loss",
		commits: 2, partitions: 2, queue: 1, epochs: [3]uint8{2}, trackerBudget: trackerBudget{losses: 1}},
	{name: "split", what: "the range is split in two, whose bridges begin when they like; loss",
		commits: 2, partitions: 1, queue: 1, epochs: [3]uint8{1, 1, 1}, halves: true, split: true, trackerBudget: trackerBudget{losses: 1}},
	{name: "rebuilt", what: "the subscription is built anew, bridges are silent for long; a take-over and a zombie",
		commits: 2, partitions: 1, queue: 1, epochs: [3]uint8{2}, trackerBudget: trackerBudget{losses: 1, rebuilds: 1, silences: 1, zombies: 1}},
	{name: "found", what: "a partition is made, and found, on the way",
		commits: 2, partitions: 2, queue: 1, epochs: [3]uint8{1}, grows: true, trackerBudget: trackerBudget{losses: 1}},
	{name: "writer", what: "a writer of the cluster, that restarts once; a swap",
		commits: 2, partitions: 1, queue: 2, epochs: [3]uint8{1}, writer: 2, trackerBudget: trackerBudget{losses: 1, swaps: 1, silences: 1}},
	{name: "drops-own", what: "the same with bridges that leave the cluster's own changes out",
		commits: 2, partitions: 1, queue: 2, epochs: [3]uint8{1}, writer: 2, dropsOwn: true, trackerBudget: trackerBudget{losses: 1, swaps: 1, silences: 1}},
	{name: "take-over-split", what: "a take-over before a split; loss",
		commits: 2, partitions: 1, queue: 1, epochs: [3]uint8{2, 1, 1}, halves: true, split: true, trackerBudget: trackerBudget{losses: 1}},
	{name: "split-take-over", what: "a take-over of one of the bridges after a split; loss",
		commits: 2, partitions: 1, queue: 1, epochs: [3]uint8{1, 2, 1}, halves: true, split: true, trackerBudget: trackerBudget{losses: 1}},
	{name: "split-take-overs", what: "take-overs before and after a split; loss",
		commits: 1, partitions: 1, queue: 1, epochs: [3]uint8{2, 2, 1}, halves: true, split: true, trackerBudget: trackerBudget{losses: 1}},
	{name: "positions", what: "losses are repaired by reading at a position; a split",
		commits: 2, partitions: 1, queue: 1, epochs: [3]uint8{1, 1, 1}, halves: true, split: true, position: true, trackerBudget: trackerBudget{losses: 1}},
	{name: "positions-epochs", what: "the same with a take-over instead",
		commits: 2, partitions: 1, queue: 1, epochs: [3]uint8{2}, position: true, trackerBudget: trackerBudget{losses: 1, leases: 1, zombies: 1}},
	{name: "damaged", what: "messages arrive that cannot be used; a take-over",
		commits: 2, partitions: 1, queue: 1, epochs: [3]uint8{2}, trackerBudget: trackerBudget{losses: 1, damages: 2}},
	{name: "damaged-split", what: "the same with a split",
		commits: 2, partitions: 1, queue: 1, epochs: [3]uint8{1, 1, 1}, halves: true, split: true, trackerBudget: trackerBudget{damages: 1}},
}

// largeTrackerSettings are searched with -large-model.
var largeTrackerSettings = []trackerSetting{
	{name: "sequences-of-three", commits: 3, partitions: 2, queue: 2, epochs: [3]uint8{1},
		trackerBudget: trackerBudget{losses: 2, repeats: 1, swaps: 1}},
	{name: "epochs-in-two-partitions", commits: 2, partitions: 2, queue: 1, epochs: [3]uint8{2},
		trackerBudget: trackerBudget{losses: 1, zombies: 1, leases: 1, rebuilds: 1}},
	{name: "epochs-of-a-queue", commits: 2, partitions: 1, queue: 2, epochs: [3]uint8{3},
		trackerBudget: trackerBudget{losses: 1, repeats: 1, swaps: 1, zombies: 1, leases: 1}},
	{name: "zombies-of-a-split", commits: 1, partitions: 1, queue: 1, epochs: [3]uint8{2, 2, 1}, halves: true, split: true,
		trackerBudget: trackerBudget{losses: 1, zombies: 1}},
	{name: "split-take-over-in-two-partitions", commits: 1, partitions: 2, queue: 1, epochs: [3]uint8{1, 2, 1}, halves: true, split: true},
}

// TestTrackerSearch visits every state of every setting of the subscriber's model.
func TestTrackerSearch(t *testing.T) {
	sets := trackerSettings
	if *largeModel {
		sets = append(sets, largeTrackerSettings...)
	}
	for _, set := range sets {
		t.Run(set.name, func(t *testing.T) { checkSearch(t, false, func() result { return trackerProof{}.in(set) }) })
	}
}

// trackerProof is a rule that is off, or a defect, and what the search must find.
type trackerProof struct {
	rule    Rule
	defect  defect
	setting string
	breaks  string
	text    string
}

var trackerProofs = []trackerProof{
	{rule: RuleEpoch, setting: "epochs", breaks: "L", text: "new epochs are no losses"},
	{rule: RuleStart, setting: "rebuilt", breaks: "L", text: "start-up and first sights are no losses"},
	{rule: RuleSilence, setting: "sequences", breaks: "C", text: "silence is not judged"},
	{defect: defect{deafTo: "gap"}, setting: "sequences", breaks: "L", text: "gaps are no losses"},
	{defect: defect{deafTo: "first sight of a source"}, setting: "split", breaks: "L", text: "the first sight of a source is no loss"},
	{defect: defect{deafTo: "first sight of a source in a partition"}, setting: "sequences", breaks: "L", text: "the first sight of a source in another partition is no loss"},
	{defect: defect{deafTo: "new epoch without hand-over"}, setting: "epochs", breaks: "L", text: "a new epoch without a valid hand-over is no loss"},
	{defect: defect{trust: true}, setting: "epochs", breaks: "L", text: "any hand-over is believed"},
	{defect: defect{deafTo: "unusable record"}, setting: "damaged", breaks: "L", text: "a record that cannot be used is no loss"},
	{defect: defect{zombies: true}, setting: "epochs", breaks: "C", text: "a zombie's watermark vouches"},
	{defect: defect{cover: true}, setting: "split", breaks: "C", text: "one live range is taken for all"},
	{defect: defect{arrival: true}, setting: "sequences", breaks: "V", text: "a watermark vouches for the time of its arrival"},
	{defect: defect{deafTo: "partition discovered"}, setting: "found", breaks: "", text: "a partition that is found is no loss"},
}

// TestTrackerEachRule plants one defect after another: the search must find it.
func TestTrackerEachRule(t *testing.T) {
	for _, p := range trackerProofs {
		t.Run(p.text, func(t *testing.T) {
			skipUnderRace(t)
			r := p.search()
			t.Logf("%v", r)
			if r.broken != p.breaks {
				t.Errorf("broken %q, want %q", r.broken, p.breaks)
			}
		})
	}
}

func (p trackerProof) search() result {
	for _, set := range trackerSettings {
		if set.name == p.setting {
			return p.in(set)
		}
	}
	return result{}
}

// in searches a setting.
func (p trackerProof) in(set trackerSetting) result {
	return once(fmt.Sprint("tracker ", set.name, p.rule, p.defect), func() result {
		m := newTrackerModel(set, p.rule, p.defect)
		return breadthFirst(m.initial(), maxStates, m.expand)
	})
}
