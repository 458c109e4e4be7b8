package cache

// proof says where a rule shows what it is for: the search of setting with the
// rule off must break the invariant named.
type proof struct {
	rule    Rule
	with    Rule   // switched off as well: the rule is one of two that close the hole
	setting string // of the search; "timed" and "derived" are the two other models
	breaks  string
	races   string
	text    string
}

var proofs = []proof{
	{rule: RuleLease, setting: "reader", breaks: "I2", races: "S6",
		text: "A load remembers the generation in which it began, its start and the losses noticed by then. Its value enters only through `admit`. A load that fails or whose generation is over changes nothing but what R4c says."},
	{rule: RuleRevalidate, setting: "reader", breaks: "I2", races: "S2",
		text: "Revalidation is a load. \"Not modified\" means that it read the version it asked with, nothing more."},
	{rule: RuleJoin, setting: "writer", breaks: "I4",
		text: "A reader joins the load of the current generation only. Readers of a void load are given its result, uncached."},
	{rule: RuleFence, setting: "reader", breaks: "I2", races: "S1, S2",
		text: "A versioned message of any kind is `observe`: it leaves a fence for the lag budget. Repeats and late messages need no special case."},
	{rule: RuleFenceEmpty, setting: "reader", breaks: "I2", races: "S1, S2",
		text: "That holds for a key that is not held as well: its line then consists of a fence."},
	{rule: RuleFenceKeep, setting: "second-writer", breaks: "I4",
		text: "A version whose order to the fence is unknown joins it; keeping only the first is wrong."},
	{rule: RuleFenceReplace, setting: "second-writer", breaks: "I4",
		text: "Keeping only the last is wrong too. A set that would hold more than two versions becomes a blind time."},
	{rule: RuleBlind, with: RuleEcho, setting: "scala", breaks: "I2", races: "S2, S17",
		text: "A message without a version is `forget`: the value goes, operations in flight are void, and nothing is admitted for the lag budget."},
	{rule: RuleConfirm, setting: "reader", breaks: "I2", races: "S8",
		text: "A message that confirms the value held does not clear a suspicion: it speaks of another change than the lost one."},
	{rule: RuleAdmit, setting: "reader", breaks: "I1", races: "S1, S2",
		text: "A value is stored only if it is provably as new as every fence. One that is not admitted is returned uncached and counted by reason."},
	{rule: RuleWholeOperation, setting: "reader", breaks: "I2", races: "S1, S3, S5",
		text: "A fence or blind time binds every operation during any moment of which it stood. Those of a line end by beginning a new generation; those of a scope are compared with the operation's start."},
	{rule: RuleLateRead, setting: "overlap", breaks: "I5h",
		text: "A load that is not admitted, or that ends while a write is in flight, is an observation of the version it read."},
	{rule: RuleAbsence, setting: "nothing", breaks: "I1", races: "S1",
		text: "An absence without a version is admitted only where no fence and no blind time stood, and any message removes it."},
	{rule: RuleWriteGeneration, setting: "writer", breaks: "I4", races: "S3",
		text: "A write that succeeded begins a new generation."},
	{rule: RuleWriteObserve, setting: "second-writer", breaks: "I4", races: "S3, S4",
		text: "It is an observation of its version, and then an admission of its value."},
	{rule: RuleNewerHeld, with: RuleLateRead, setting: "overlap", breaks: "I5h", races: "S3",
		text: "A newer value that is already in the line stays. Fences that the value held is provably as new as give way to one of its own version, which stands for the lag budget from then on."},
	{rule: RuleForgot, setting: "writer", breaks: "I2", races: "S3, S5",
		text: "A write during which the line lost knowledge (an unversioned message, a loss, the end of a fence, the eviction of its value) is not stored."},
	{rule: RuleDoubt, with: RuleEcho, setting: "doubt", breaks: "I2", races: "S17",
		text: "A write in doubt is `forget`, and an unversioned message to the others. After a refusal with Conflict or NotFound the value is dropped and the next read goes round lagging replicas; other refusals change nothing."},
	{rule: RuleLossVoid, setting: "position", breaks: "I2", races: "S8, S9, S10",
		text: "A loss voids every operation in flight in its scope."},
	{rule: RuleLossBlind, setting: "reader", breaks: "I2", races: "S8, S9, S10",
		text: "It makes the scope blind for the lag budget; or, where the closing message carries a position, loads read at that position for as long."},
	{rule: RuleSuspect, setting: "reader", breaks: "I2", races: "S8, S9, S10",
		text: "Values held when a loss is noticed are suspect: kept for revalidation, not served."},
	{rule: RuleEpoch, setting: "takeover", breaks: "I2", races: "S14",
		text: "A new epoch of a durable source that was heard before is a loss, unless its hand-over shows that everything before it was seen."},
	{rule: RuleStart, setting: "start", breaks: "I2", races: "S10",
		text: "Start-up of a subscriber is a loss. So is the first sight of a durable source, in each partition: what it sent before may concern a commit that a replica shows only after the blind time of the start."},
	{rule: RuleSilence, setting: "timed", breaks: "I6", races: "S10, S15",
		text: "While a range of a durable source was not vouched for within max-silence, or the ranges heard do not cover the key space, only values younger than max-staleness are served."},
	{rule: RuleAge, setting: "timed", breaks: "I6", races: "the sliding clock",
		text: "Every value expires at max-age, counted from the start of the load or write that brought it. Access never prolongs it."},
	{rule: RuleEcho, setting: "peer", breaks: "I2", races: "S7, S16, S17",
		text: "The cluster's own changes come back through the feed as verify messages, which are messages like any other; only the counter differs."},
	{rule: RuleDerived, setting: "derived", breaks: "I2", races: "S18",
		text: "An entry made of several documents answers to each of them: fences and generations belong to the documents. It lists what it was made of with versions, absences included, and an index leads from each document to the keys derived from it. A negative entry is valid only while no message about any document of the collection has come."},
	{rule: RuleUnknown, setting: "second", breaks: "I1",
		text: "`Compare` answers older, same, newer or unknown and never guesses; unknown never admits."},
	{rule: RuleGenerations, setting: "floor", breaks: "I2",
		text: "Generations come from a counter that is never reused, so an operation fits no later guard of its key."},
	{rule: RuleFloor, setting: "floor", breaks: "I2", races: "S5",
		text: "When a guard must go while a fence stands in it, the scope is blind until that fence would have ended. Nothing is silently forgotten."},
}
