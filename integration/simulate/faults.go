package simulate

import "strings"

// fault is something that may go wrong.
type fault uint8

const (
	lossOfAll     fault = iota // a message reaches no node
	loss                       // a message does not reach a node
	lossWhenLossy              // the same, while a node's connection is bad
	disorder
	disorderWhenLossy
	repeat
	repeatWhenLossy
	damage
	jump      // a read is answered by a replica that is further than the others
	behind    // or by one that is not as far
	silentEnd // a process dies between commit and announcement
	inDoubt
	refusal
	loadFails
	crash
	suspend
	deaf
	blink   // deaf for a moment
	held    // records wait
	stutter // records come again, late
	lossy
	blip // lossy for a moment
	cutOff
	clockStep
	rebuild
	bridgeDies
	bridgeUnsaved
	bridgeZombie
	leaseLost
	scala
	slowOps // operations longer than fences stand
	faults
)

var faultNames = [faults]string{
	"loss for all", "loss", "loss in bad times", "disorder", "disorder in bad times", "repeats", "repeats in bad times", "damage", "reads of replicas that are ahead", "reads of replicas that are behind", "death before announcement",
	"writes in doubt", "refused writes", "failing loads", "crash", "suspension", "partition of a node", "short partition of a node", "held-up records", "late repeats", "bad connection", "bad connection for a moment", "partition of a region",
	"clock step", "rebuilt subscription", "death of a bridge", "death of a bridge before its checkpoint", "zombie bridge", "lost lease",
	"unversioned writers", "slow operations",
}

func (f fault) String() string { return faultNames[f] }

// odds of the faults that concern one message or one operation. The others are
// stimuli of their own.
var odds = [faults]float64{
	lossOfAll: 0.00002, loss: 0.00005, lossWhenLossy: 0.4, disorder: 0.0001, disorderWhenLossy: 0.1, repeat: 0.02, repeatWhenLossy: 0.3, damage: 0.00001,
	jump: 0.2, behind: 0.2, silentEnd: 0.02, inDoubt: 0.01, refusal: 0.01, loadFails: 0.002, scala: 0.02, slowOps: 0.01,
}

// faultSet is a set of faults.
type faultSet uint32

const everyFault faultSet = 1<<faults - 1

func (s faultSet) has(f fault) bool { return s>>f&1 != 0 }

func (s faultSet) String() string {
	var names []string
	for f := range faults {
		if s.has(f) {
			names = append(names, f.String())
		}
	}
	return strings.Join(names, ", ")
}

// odds is the probability of a fault now.
func (w *world) odds(f fault) float64 {
	if w.calm || !w.faults.has(f) {
		return 0
	}
	return odds[f]
}
