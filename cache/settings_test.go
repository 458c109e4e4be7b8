package cache

const many = unlimited

// settings are the searches that every change of the state machine must pass.
var settings = []setting{
	{name: "reader", what: "two commits elsewhere; loss, repeats, a feed that rewinds",
		loads: 2, newest: 3, monotonic: true, budget: budget{remote: 2, losses: many, repeats: many, rewinds: 1, evicts: many}},
	{name: "replicas", what: "reads of several replicas, anywhere between the slowest and the primary",
		loads: 2, newest: 3, jumping: true, monotonic: true, budget: budget{remote: 2, repeats: many, evicts: many}},
	{name: "writer", what: "a local put and a local delete, a commit elsewhere, loss",
		loads: 2, newest: 3, budget: budget{remote: 1, writes: 1, deletes: 1, losses: many, repeats: many, evicts: many}},
	{name: "overlap", what: "two local puts at once and a commit elsewhere; reads of several replicas",
		loads: 1, newest: 3, overlap: true, jumping: true, monotonic: true, budget: budget{remote: 1, writes: 2, evicts: many}},
	{name: "doubt", what: "writes that time out, commit late or never, or are refused",
		loads: 2, newest: 3, budget: budget{remote: 1, writes: 1, deletes: 1, doubts: 1, refusals: 1, evicts: many}},
	{name: "scala", what: "a peer that sends unversioned messages",
		loads: 2, newest: 3, scala: true, budget: budget{remote: 2, writes: 1, repeats: many, evicts: many}},
	{name: "peer", what: "a peer of the cluster that commits and dies before it sends",
		loads: 2, newest: 3, budget: budget{remote: 1, writes: 1, peerDies: 1, losses: many, evicts: many}},
	{name: "takeover", what: "the bridge dies with messages unsent and another takes over",
		loads: 2, newest: 3, budget: budget{remote: 2, takeover: many, repeats: many, rewinds: 1, evicts: many}},
	{name: "start", what: "start-up while changes are under way, restarts at any moment",
		loads: 2, newest: 3, firstStart: true, budget: budget{remote: 2, writes: 1, evicts: many, restarts: many}},
	{name: "nothing", what: "nothing exists at first; deletes elsewhere leave tombstones",
		loads: 2, newest: 3, absentFirst: true, budget: budget{remote: 2, remoteX: 1, writes: 1, repeats: many, evicts: many}},
	{name: "physical", what: "deletes that leave no tombstone and no version",
		loads: 2, newest: 3, unversioned: true, budget: budget{remote: 2, writes: 1, deletes: 1, evicts: many}},
	{name: "second", what: "v2 and v3 have one order: nobody can tell which is newer",
		loads: 2, newest: 3, equalOrder: true, budget: budget{remote: 2, writes: 1, repeats: many, evicts: many}},
	{name: "second-writer", what: "the same with two local puts at once",
		loads: 1, newest: 3, overlap: true, equalOrder: true, budget: budget{remote: 1, writes: 2, repeats: many, evicts: many}},
	{name: "position", what: "losses are repaired by reading at a position",
		loads: 2, newest: 3, position: true, budget: budget{remote: 2, writes: 1, losses: many, repeats: many, evicts: many}},
	{name: "floor", what: "the fence table overflows",
		loads: 2, newest: 3, budget: budget{remote: 2, writes: 1, repeats: 1, evicts: many, sheds: many}},
	{name: "all-of-two", what: "two readers, one writer, one deleter, a commit elsewhere, two versions; everything may happen as often as it likes",
		loads: 2, newest: 2, budget: budget{
			remote: 1, remoteX: 1, writes: 1, deletes: 1, losses: many, takeover: many, repeats: many, evicts: many, sheds: many, jumps: many, restarts: many,
		}},
	{name: "clocks", what: "the age clock jumps",
		loads: 2, newest: 3, budget: budget{remote: 2, writes: 1, losses: many, evicts: many, jumps: many}},
}

// largeSettings take minutes and gigabytes and are searched with -large-model.
var largeSettings = []setting{
	{name: "all-of-one-load", what: "one load that all readers join, three versions; everything may happen as often as it likes",
		loads: 1, newest: 3, budget: budget{
			remote: 1, writes: 1, deletes: 1, losses: many, repeats: many, evicts: many, sheds: many, jumps: many, restarts: many,
		}},
	{name: "all", what: "two readers, one writer, one deleter, a commit elsewhere, three versions; at most three messages, each lost or repeated once, in any order; eviction, expiry, overflow, restarts, clock jumps",
		loads: 2, newest: 3, budget: budget{
			remote: 1, writes: 1, deletes: 1, losses: many, repeats: many, evicts: many, sheds: many, jumps: many, restarts: many,
		}},
}
