package cache

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/whiskstore/whiskstore/cache/wire"
	"github.com/whiskstore/whiskstore/store"
)

// Line is what a Tracker tells of messages: Cache and Table are lines.
type Line interface {
	Observe(key string, v store.Version) Effect
	Forget(key string) Effect
	Lose(Loss)
	SetHealth(Health)
}

// Defaults of TrackerOptions. A message that is lost with the watermarks after it
// is missed for max-silence and as much as two clocks may differ, there and back:
// together they stay below DefaultLag, so that a node which calls itself coherent
// serves nothing staler than the lag budget.
const (
	DefaultMaxSilence = 5 * time.Second
	DefaultSkew       = 2 * time.Second
)

// TrackerOptions are the options of NewTracker.
type TrackerOptions struct {
	// InstanceID, Source and Epoch are those of this node's own messages, which
	// are recognised by them and change nothing (row BUS-D5).
	InstanceID string
	Source     string
	Epoch      wire.Epoch

	// Lines by collection. Messages that do not name theirs go to all of them.
	Lines map[string][]Line

	// LocalOnly says that no bridge is configured: then nothing is repaired, and
	// only age bounds how stale values are.
	LocalOnly bool

	// Position says that loads can read at a position.
	Position bool

	// DropsOwn says that the bridge is configured to leave out this cluster's own
	// changes. Gaps of writers are then losses.
	DropsOwn bool

	MaxSilence time.Duration // without a watermark's claim a range is silent; below the lag budget, see DefaultMaxSilence
	Skew       time.Duration // the most that two machines' clocks differ

	Logger  *slog.Logger // nil is silent
	Without Rule         // for proofs only
}

// TrackerStats counts what a Tracker was told.
type TrackerStats struct {
	Handled    [5]uint64 // by wire.Kind
	Own        uint64
	Repeats    uint64
	Zombies    uint64 // of an older epoch than the source's current one
	WriterGaps uint64 // left to the feed
	Confirmed  uint64 // verify messages that found a value at least as new
	Repaired   uint64 // and those that removed one, of any line
	NotHeld    uint64
	Losses     map[string]uint64 // by reason
	Skipped    map[string]uint64 // unusable records by reason
}

// Tracker is what a subscriber knows of the sources on the bus: their sequences,
// epochs and watermarks. It turns records into messages to lines, and gaps into
// losses. It has no goroutine and reads no clock; it is safe for concurrent use.
type Tracker struct {
	opts TrackerOptions

	mu         sync.Mutex
	sources    map[string]*source
	partitions map[int32]bool
	health     map[string]Health // by collection, as last set
	conflict   string            // a source name that two processes use
	conflictAt time.Time         // when that was last seen
	stats      TrackerStats
}

// source is one sender of messages.
type source struct {
	durable bool // a bridge's: it sends watermarks for ever
	epoch   wire.Epoch
	last    map[int32]uint64    // partition -> last sequence of epoch
	older   map[wire.Epoch]bool // epochs before
	begun   bool                // the epoch's beginning was seen or handed over
	rng     wire.Range          // what a durable source covers
	wider   *wire.Range         // what its messages so far were about, where that is more
	vouched map[int32]time.Time // partition -> newest claim of the epoch
	since   time.Time           // when the epoch was first seen
	heard   time.Time           // when anything of it came
}

// first reports whether the epoch is the one in which the source was first seen.
func (s *source) first() bool { return len(s.older) == 0 }

const (
	maxOlderEpochs = 8      // remembered per source
	maxSources     = 10_000 // more is a loss, and all are forgotten
)

// NewTracker makes a tracker; Start comes before anything is served.
func NewTracker(opts TrackerOptions) *Tracker {
	def(&opts.MaxSilence, DefaultMaxSilence)
	def(&opts.Skew, DefaultSkew)
	def(&opts.Source, opts.InstanceID) // as AnnouncerOptions
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return &Tracker{
		opts:       opts,
		sources:    map[string]*source{},
		partitions: map[int32]bool{},
		health:     map[string]Health{},
		stats:      TrackerStats{Losses: map[string]uint64{}, Skipped: map[string]uint64{}},
	}
}

// Start begins, or begins anew after the subscription was rebuilt: a loss (R7),
// because messages may have been sent before the end offsets were captured.
func (t *Tracker) Start(partitions []int32, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.partitions)
	for _, p := range partitions {
		t.partitions[p] = true
	}
	clear(t.sources)
	if !t.opts.Without.has(RuleStart) {
		t.lose("start", nil, "")
	}
	t.judge(now)
}

// Discovered books a partition that was found after Start, which will be read
// from its beginning: whatever was sent to it meanwhile may be late.
func (t *Tracker) Discovered(partition int32, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.partitions[partition] {
		t.partitions[partition] = true
		t.lose("partition discovered", nil, "")
	}
}

// Lost books a loss that the subscription itself noticed: an offset out of range,
// a topic that was made anew.
func (t *Tracker) Lost(reason string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lose(reason, nil, "")
}

// lose books a loss of messages about the range; nil is about anything.
func (t *Tracker) lose(reason string, r *wire.Range, position store.Session) {
	t.stats.Losses[reason]++
	loss, of := Loss{}, "everything"
	if r != nil {
		loss.Min, loss.Max, of = r.Min, r.Max, r.Of
	}
	if t.opts.Position && t.opts.Lines[of] != nil { // a position in another collection repairs nothing
		loss.Position = position
	}
	t.tell(r, func(l Line) { l.Lose(loss) })
	t.opts.Logger.Warn("cache: messages may have been lost", "reason", reason, "of", of, "min", loss.Min, "max", loss.Max)
}

// tell does something with each line of a range's collection: with all lines for
// nil and for a collection that has none, whose name may be another's mistake.
func (t *Tracker) tell(r *wire.Range, do func(Line)) {
	if r != nil {
		if lines, ok := t.opts.Lines[r.Of]; ok {
			for _, l := range lines {
				do(l)
			}
			return
		}
	}
	for _, lines := range t.opts.Lines {
		for _, l := range lines {
			do(l)
		}
	}
}

// Handle handles one record of a partition. What cannot be used is counted and
// passed (row BUS-D6); if its sequence can be read it counts as seen, and as a
// loss.
func (t *Tracker) Handle(partition int32, r wire.Record, now time.Time) {
	m, err := wire.Decode(r)
	t.Decoded(partition, m, err, now)
}

// Decoded is the second half of Handle, after wire.Decode. It leaves m alone, so
// one that several trackers are told of need be decoded only once.
func (t *Tracker) Decoded(partition int32, m wire.Message, err error, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.skip(partition, m, err, now)
		return
	}
	t.stats.Handled[m.Kind]++
	if m.Kind == wire.Plain {
		if m.InstanceID == t.opts.InstanceID {
			t.stats.Own++
			return
		}
		t.message(m)
		return
	}
	if m.Source == t.opts.Source && m.Epoch == t.opts.Epoch {
		t.stats.Own++
		return
	}
	t.sequence(partition, m, now)
	if m.Kind != wire.Watermark {
		t.message(m)
	}
}

func (t *Tracker) skip(partition int32, m wire.Message, err error, now time.Time) {
	t.stats.Skipped[errorName(err)]++
	t.opts.Logger.Warn("cache: record skipped", "partition", partition, "error", err)
	if m.Source == "" || m.Seq == 0 {
		return
	}
	t.sequence(partition, m, now)
	t.lose("unusable record", t.sources[m.Source].concerns(), "")
}

// message passes a message to the lines that it concerns.
func (t *Tracker) message(m wire.Message) {
	effect := NotHeld
	t.tell(m.Range, func(l Line) { effect = max(effect, l.Observe(m.Key.MainID, m.Version)) })
	switch {
	case m.Kind != wire.Verify:
	case effect == Confirmed:
		t.stats.Confirmed++
	case effect == Repaired:
		t.stats.Repaired++
	default:
		t.stats.NotHeld++
	}
}

// sequence books the place of m among its source's messages.
func (t *Tracker) sequence(partition int32, m wire.Message, now time.Time) {
	s := t.sources[m.Source]
	if s == nil {
		if len(t.sources) >= maxSources {
			clear(t.sources)
			t.lose("too many sources", nil, "")
		}
		s = &source{epoch: m.Epoch, last: map[int32]uint64{}, older: map[wire.Epoch]bool{}, vouched: map[int32]time.Time{}, since: now, heard: now}
		t.sources[m.Source] = s
		s.cover(covered(m))
		t.firstSight(s, partition, m, now)
	}
	switch {
	case m.Epoch == s.epoch:
		s.cover(covered(m))
	case s.older[m.Epoch] || s.durable && m.Epoch < s.epoch:
		t.zombie(s, m, now)
		return
	default:
		s.cover(covered(m))
		t.newEpoch(s, partition, m, now)
	}
	s.heard = now // what is heard of older epochs is no sign of life
	t.follow(s, partition, m, now)
	if m.Kind != wire.Watermark {
		return
	}
	claim := m.Vouched
	if claim.After(now) {
		claim = now // nobody vouches for the future
	}
	if claim.After(s.vouched[partition]) {
		s.vouched[partition] = claim
	}
}

// covered is the range that a message says its source covers: a bridge's. Writes
// only name their collection.
func covered(m wire.Message) *wire.Range {
	if m.Kind == wire.Write {
		return nil
	}
	return m.Range
}

// cover books the range that a message of the source names. A source keeps its
// range, as a rule: where it does not, what it lost may be about either, and what
// it vouched for was the other one.
func (s *source) cover(r *wire.Range) {
	if r == nil {
		return
	}
	if s.durable && s.rng != *r {
		clear(s.vouched)
		if s.wider == nil {
			s.wider = &wire.Range{Of: r.Of}
		}
		if s.rng.Of != r.Of {
			s.wider.Of = ""
		}
	}
	s.durable, s.rng = true, *r
}

// concerns is the range that lost messages of the source may have been about,
// nil for any.
func (s *source) concerns() *wire.Range {
	switch {
	case s == nil || !s.durable || s.wider != nil && s.wider.Of == "":
		return nil
	case s.wider != nil:
		return s.wider
	}
	return &s.rng
}

// repairs is a position that reflects all that lost messages before m may have been
// about: m's, unless the source was about more than its range.
func (s *source) repairs(m wire.Message) store.Session {
	if s.wider != nil {
		return ""
	}
	return m.Position
}

// firstSight is the first message ever of a source. For a durable one that is a
// loss, in the blind time after the start too: what it sent between the start
// and now may not have come, and may concern a commit that a replica shows only
// after that blind time has ended. The blind time therefore begins again.
func (t *Tracker) firstSight(s *source, partition int32, m wire.Message, now time.Time) {
	s.last[partition] = before(m)
	if s.durable && !t.opts.Without.has(RuleStart) {
		t.lose("first sight of a source", s.concerns(), s.repairs(m))
	}
}

// before is the sequence that m follows.
func before(m wire.Message) uint64 {
	if m.Kind == wire.Watermark {
		return m.Seq
	}
	return max(m.Seq, 1) - 1
}

// newEpoch is the first message of a source's next life. For a durable source it
// is a loss, unless the hand-over shows that this node has every record up to it.
func (t *Tracker) newEpoch(s *source, partition int32, m wire.Message, now time.Time) {
	handed := m.Handover != nil && m.Handover.Epoch == s.epoch
	if handed {
		for p, last := range m.Handover.Last {
			handed = handed && s.last[p] >= last
		}
	}
	if len(s.older) >= maxOlderEpochs {
		clear(s.older)
	}
	s.older[s.epoch] = true
	s.epoch, s.last, s.vouched, s.since = m.Epoch, map[int32]uint64{}, map[int32]time.Time{}, now
	s.begun = handed || t.opts.Without.has(RuleEpoch)
	if s.begun {
		return
	}
	s.last[partition] = before(m)
	if s.durable {
		t.lose("new epoch without hand-over", s.concerns(), s.repairs(m))
	}
}

// zombie is a message of an epoch that is over: an ordinary message, never a
// loss, and its watermark vouches for nothing. A writer whose old epoch goes on
// when late records have long arrived is two processes under one name (S11).
func (t *Tracker) zombie(s *source, m wire.Message, now time.Time) {
	t.stats.Zombies++
	if s.durable || now.Sub(s.since) <= t.opts.MaxSilence {
		return
	}
	if t.conflict == "" {
		t.opts.Logger.Error("cache: two processes send under one name; instance ids must be unique on the bus", "source", m.Source)
	}
	t.conflict, t.conflictAt = m.Source, now
}

// follow compares the sequence of m with the one expected.
func (t *Tracker) follow(s *source, partition int32, m wire.Message, now time.Time) {
	last, seen := s.last[partition]
	prior := before(m)
	switch {
	case !seen && !s.begun && s.durable && !(s.first() && t.opts.Without.has(RuleStart)):
		// What came before in this partition nobody knows.
		t.lose("first sight of a source in a partition", s.concerns(), s.repairs(m))
	case !seen && !s.begun:
	case m.Kind != wire.Watermark && m.Seq <= last:
		t.stats.Repeats++
		return
	case prior <= last:
	case s.durable || t.opts.DropsOwn:
		t.lose("gap", s.concerns(), s.repairs(m))
	default:
		t.stats.WriterGaps++
	}
	s.last[partition] = max(last, m.Seq)
}

// Stats returns the counters.
func (t *Tracker) Stats() TrackerStats {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.stats
	s.Losses, s.Skipped = map[string]uint64{}, map[string]uint64{}
	for k, v := range t.stats.Losses {
		s.Losses[k] = v
	}
	for k, v := range t.stats.Skipped {
		s.Skipped[k] = v
	}
	return s
}

// errorName is the kind of a wire error.
func errorName(err error) string {
	for kind, name := range map[error]string{
		wire.ErrNull: "null", wire.ErrTooLarge: "too large", wire.ErrTooNew: "too new",
	} {
		if errors.Is(err, kind) {
			return name
		}
	}
	return "malformed"
}
