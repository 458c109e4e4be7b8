package cache

import (
	"fmt"
	"strings"
)

// Rule is a set of rules of the coherence protocol (PROTOCOL.md). It exists to
// switch rules off where it must be shown what each of them is for: in the tests
// of this package and in the simulation. A cache with a rule off serves stale
// values.
type Rule uint64

// The rules, each named after the section of PROTOCOL.md that states it.
const (
	RuleLease           Rule = 1 << iota // R1: a load is stored only in its own generation
	RuleJoin                             // R2: a reader joins only the load of the current generation
	RuleFence                            // R3: a message leaves a fence
	RuleFenceEmpty                       // R3: also for a key that is not held
	RuleFenceKeep                        // R3: an unordered version joins the fences (off: the first one stays alone)
	RuleFenceReplace                     // R3: an unordered version joins the fences (off: the last one stays alone)
	RuleBlind                            // R3: an unversioned message makes the key blind
	RuleConfirm                          // R3: a confirmation does not clear a suspicion
	RuleAdmit                            // R4: nothing is stored that is not provably as new as each fence
	RuleWholeOperation                   // R4: a fence binds each operation during any moment of which it stood
	RuleLateRead                         // R4c: a load that is not stored, or ends during a write, is an observation
	RuleAbsence                          // R4d: an absence without a version is stored only where no fence stands
	RuleRevalidate                       // R1: revalidation is a load
	RuleWriteGeneration                  // R5b: a write ends the generation
	RuleWriteObserve                     // R5b: a write is an observation of its version
	RuleNewerHeld                        // R5d: a newer value in the line stays
	RuleForgot                           // R5: a write is not stored if knowledge was lost meanwhile
	RuleDoubt                            // R5e: a write in doubt is an unversioned message
	RuleLossVoid                         // R7: a loss voids the operations in flight
	RuleLossBlind                        // R7: a loss makes its scope blind, or has it read at a position
	RuleSuspect                          // R7: values held when a loss is noticed are not served
	RuleEpoch                            // R7: a new epoch of a known source without a hand-over is a loss
	RuleStart                            // R7: start-up is a loss, and so is the first sight of a source after it
	RuleSilence                          // R8: while a range is silent, only young values are served
	RuleAge                              // R9: every value expires, counted from the start of its load
	RuleEcho                             // R10: the cluster's own changes come back as verify messages
	RuleDerived                          // R11: derived entries answer to the documents they were made of
	RuleUnknown                          // R12: an unknown order is not guessed
	RuleGenerations                      // §3: generations are never reused
	RuleFloor                            // §3: when a fence must go, its scope is blind for as long
	ruleEnd
)

var ruleNames = []string{
	"R1", "R2", "R3", "R3-empty", "R3-keep", "R3-replace", "R3-unversioned", "R3-confirm",
	"R4", "R4-moment", "R4c", "R4d", "R1-revalidate", "R5b-generation", "R5b-observe", "R5d", "R5-forgot", "R5e",
	"R7-void", "R7-blind", "R7-suspect", "R7-epoch", "R7-start", "R8", "R9", "R10", "R11", "R12", "generations", "floor",
}

// ruleGroups are names for several rules at once.
var ruleGroups = map[string]Rule{
	"R5": RuleWriteGeneration | RuleWriteObserve | RuleNewerHeld | RuleForgot | RuleDoubt,
	"R7": RuleLossVoid | RuleLossBlind | RuleSuspect | RuleEpoch | RuleStart,
}

func (r Rule) has(x Rule) bool { return r&x != 0 }

// String lists the names of the rules in r, joined by "|"; "none" if it is empty.
func (r Rule) String() string {
	var names []string
	for i, name := range ruleNames {
		if r.has(1 << i) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, "|")
}

// Rules returns every rule, in the order of PROTOCOL.md.
func Rules() []Rule {
	var all []Rule
	for r := Rule(1); r < ruleEnd; r <<= 1 {
		all = append(all, r)
	}
	return all
}

// ParseRules reads names as String writes them: "R3" or "R3|R7". "R5" stands for
// all rules about writes, "R7" for all about losses.
func ParseRules(s string) (Rule, error) {
	var set Rule
	for name := range strings.SplitSeq(s, "|") {
		if g, ok := ruleGroups[name]; ok {
			set |= g
			continue
		}
		found := false
		for i, n := range ruleNames {
			if n == name {
				set |= 1 << i
				found = true
			}
		}
		if !found && name != "" && name != "none" {
			return 0, fmt.Errorf("cache: no rule %q; rules are %s, R5 and R7", name, strings.Join(ruleNames, ", "))
		}
	}
	return set, nil
}
