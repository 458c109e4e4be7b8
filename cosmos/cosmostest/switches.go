package cosmostest

// Switches choose an answer where no recording of the hosted service exists (cosmos-wire.md section 9). The zero value
// is the answer with the best evidence; a field that is true is the other plausible one. A client is expected to work
// under each of them alone: [AllSwitches] lists them for a table test.
type Switches struct {
	ShortErrors               bool // row 1
	OpaqueOrderTokens         bool // row 2
	EmptyPages                bool // row 2
	NoTrailingToken           bool // row 2
	OrderByKeepsUndefined     bool // row 2
	FeedETagLastItem          bool // row 3
	FeedNotModifiedSameETag   bool // row 3
	FeedFromNowEmptyPage      bool // row 3
	FeedSinceExclusive        bool // row 3
	RangesWithParents         bool // row 4
	RangesCharge              bool // row 4
	RangesPlainETag           bool // row 4
	WriteForbiddenCode        bool // row 5
	SimpleRegionTokens        bool // row 5
	TentativeWritesOptional   bool // row 5
	AccountIDGlobal           bool // row 5
	BareServerErrors          bool // row 6
	Owner1003                 bool // row 6
	Gone1007                  bool // row 6
	MinimalIgnored            bool // row 7
	MinimalWithoutToken       bool // row 7
	PatchConditionNoSubstatus bool // row 8
	IfNoneMatchStarOnWrite    bool // row 8
	ReplaceRefusesRename      bool // row 8
	BatchThrottled207         bool // row 9
	BatchNotModified200       bool // row 9
	LimitOnStoredSize         bool // row 10
	QuestionMarkIDs           bool // row 10
	OfferReplacePending       bool // row 11
	ExpiredDate401            bool // row 12
	NoSessionWait             bool // row 13
	TokenIgnoredAfterSplit    bool // row 13
	TTLEdgeInclusive          bool // row 14
	KeyVersionAdded           bool // row 15
	KeyPrefixServed           bool // row 15
}

// Switch is one entry of [AllSwitches].
type Switch struct {
	// Name is the field of [Switches].
	Name string
	// Row is the row of cosmos-wire.md section 9 that the switch belongs to.
	Row int
	// Default and Alternative say what the server does with the switch off and on.
	Default, Alternative string
	// Set turns the switch on.
	Set func(*Switches)
}

// AllSwitches lists every switch.
func AllSwitches() []Switch {
	return []Switch{
		{"ShortErrors", 1, "errors carry the diagnostics text recorded with 2018-12-31", "errors carry the sentence only", func(s *Switches) { s.ShortErrors = true }},
		{"OpaqueOrderTokens", 2, "ORDER BY tokens are JSON like the recorded ones", "they are an opaque Base64 text", func(s *Switches) { s.OpaqueOrderTokens = true }},
		{"EmptyPages", 2, "a query's page holds what it can", "the first page of every query over items is empty and carries a token", func(s *Switches) { s.EmptyPages = true }},
		{"NoTrailingToken", 2, "a page filled exactly carries a token even when nothing follows", "with a range header it does not", func(s *Switches) { s.NoTrailingToken = true }},
		{"OrderByKeepsUndefined", 2, "ORDER BY leaves out items without the property", "it returns them first", func(s *Switches) { s.OrderByKeepsUndefined = true }},
		{"FeedETagLastItem", 3, "the etag of a drained feed is the partition's LSN", "it is the LSN of the last item returned", func(s *Switches) { s.FeedETagLastItem = true }},
		{"FeedNotModifiedSameETag", 3, "a 304 of the feed carries the current LSN", "it carries the etag that was sent", func(s *Switches) { s.FeedNotModifiedSameETag = true }},
		{"FeedFromNowEmptyPage", 3, "If-None-Match * answers 304 with an etag", "it answers 200 with no items and an etag", func(s *Switches) { s.FeedFromNowEmptyPage = true }},
		{"FeedSinceExclusive", 3, "If-Modified-Since includes changes of that second", "it starts after that second", func(s *Switches) { s.FeedSinceExclusive = true }},
		{"RangesWithParents", 4, "pkranges lists live ranges only", "it lists split parents together with their children", func(s *Switches) { s.RangesWithParents = true }},
		{"RangesCharge", 4, "pkranges has no charge", "it has a charge of 1", func(s *Switches) { s.RangesCharge = true }},
		{"RangesPlainETag", 4, "the etag of pkranges is quoted", "it is a bare number", func(s *Switches) { s.RangesPlainETag = true }},
		{"WriteForbiddenCode", 5, "the code of 403/3 is Forbidden", "it is WriteForbidden", func(s *Switches) { s.WriteForbiddenCode = true }},
		{"SimpleRegionTokens", 5, "session tokens of several regions have a vector", "they have the form of one region", func(s *Switches) { s.SimpleRegionTokens = true }},
		{"TentativeWritesOptional", 5, "a write in a satellite region needs x-ms-cosmos-allow-tentative-writes", "it does not", func(s *Switches) { s.TentativeWritesOptional = true }},
		{"AccountIDGlobal", 5, "the account document's id names the region at a regional endpoint", "it is the account's name everywhere", func(s *Switches) { s.AccountIDGlobal = true }},
		{"BareServerErrors", 6, "408, 410, 449, 500 and 503 have a JSON body", "their body is empty", func(s *Switches) { s.BareServerErrors = true }},
		{"Owner1003", 6, "404 for a missing container has no substatus", "it has substatus 1003", func(s *Switches) { s.Owner1003 = true }},
		{"Gone1007", 6, "a request to a split range answers 410/1002", "the first one after the split answers 410/1007", func(s *Switches) { s.Gone1007 = true }},
		{"MinimalIgnored", 7, "Prefer: return=minimal leaves the body out", "the whole item is returned", func(s *Switches) { s.MinimalIgnored = true }},
		{"MinimalWithoutToken", 7, "a minimal answer has all headers", "it has no session token", func(s *Switches) { s.MinimalWithoutToken = true }},
		{"PatchConditionNoSubstatus", 8, "a false patch condition is 412/1110", "it is 412 without substatus", func(s *Switches) { s.PatchConditionNoSubstatus = true }},
		{"IfNoneMatchStarOnWrite", 8, "If-None-Match * on a create or upsert is ignored", "on an existing item it is 412", func(s *Switches) { s.IfNoneMatchStarOnWrite = true }},
		{"ReplaceRefusesRename", 8, "PUT with another id in the body renames", "it is 400", func(s *Switches) { s.ReplaceRefusesRename = true }},
		{"BatchThrottled207", 9, "a throttled batch is 429", "it is 207 with one 429 and 424s", func(s *Switches) { s.BatchThrottled207 = true }},
		{"BatchNotModified200", 9, "a batch with a 304 in it is 207", "it is 200", func(s *Switches) { s.BatchNotModified200 = true }},
		{"LimitOnStoredSize", 10, "the 2 MiB limit counts the request's body", "it counts the stored item with its system properties", func(s *Switches) { s.LimitOnStoredSize = true }},
		{"QuestionMarkIDs", 10, "/ \\ ? # in an item's id are refused", "only / and \\ are", func(s *Switches) { s.QuestionMarkIDs = true }},
		{"OfferReplacePending", 11, "PUT of an offer answers without x-ms-offer-replace-pending", "it answers with the header set to true", func(s *Switches) { s.OfferReplacePending = true }},
		{"ExpiredDate401", 12, "a date too old is 403", "it is 401", func(s *Switches) { s.ExpiredDate401 = true }},
		{"NoSessionWait", 13, "a read whose session is not there yet waits a little", "it is 404/1002 at once", func(s *Switches) { s.NoSessionWait = true }},
		{"TokenIgnoredAfterSplit", 13, "a split parent's session token binds its children", "it is ignored there", func(s *Switches) { s.TokenIgnoredAfterSplit = true }},
		{"TTLEdgeInclusive", 14, "an item is gone from second _ts + ttl", "it is still there in that second", func(s *Switches) { s.TTLEdgeInclusive = true }},
		{"KeyPrefixServed", 15, "a query that names the first components of a hierarchical key only is 400/1001", "it is served from all keys that begin so", func(s *Switches) { s.KeyPrefixServed = true }},
		{"KeyVersionAdded", 15, "a container created without partitionKey.version has version 1 and echoes none", "the service adds version 2", func(s *Switches) { s.KeyVersionAdded = true }},
	}
}
