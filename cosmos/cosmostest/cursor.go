package cosmostest

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/cosql"
	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/jsonraw"
)

// position is the last row of a page: its ORDER BY keys, its item, and which of the item's rows it was.
type position struct {
	keys []cosql.Value
	rid  uint64
	seq  int
}

// segment is a range of keys that is still to be read, from just after a position; nil is its beginning. Ranges only
// become smaller, so a live partition lies in one segment or beyond the last.
type segment struct {
	min, max string
	last     *position
}

// cursor is what a continuation token holds: where the next page begins, and, when a range was split under an earlier
// token, what is left of its other parts. What lies beyond the last segment has not been read.
type cursor struct {
	segments []segment
	pages    int64 // so far
	rows     int64 // so far, over all ranges
}

// begin is the key from which on there is something to read.
func (cur cursor) begin() string {
	if len(cur.segments) == 0 {
		return ""
	}
	return cur.segments[0].min
}

// fits reports whether the positions are ones in the order of a statement. Folded rows are counted, not placed.
func (cur cursor) fits(b *cosql.Bound) bool {
	if b.IsAggregate() || b.Distinct {
		return true
	}
	for _, s := range cur.segments {
		if s.last != nil && len(s.last.keys) != len(b.OrderBy) {
			return false
		}
	}
	return true
}

// position returns from where a partition is to be read.
func (cur cursor) position(p *partition) *position {
	for _, s := range cur.segments {
		if p.min >= s.min && p.min < s.max {
			return s.last
		}
	}
	return nil
}

// after returns what is left of the segments beyond a partition.
func (cur cursor) after(p *partition) []segment {
	var out []segment
	for _, s := range cur.segments {
		if s.max <= p.max {
			continue
		}
		s.min = max(s.min, p.max)
		out = append(out, s)
	}
	return out
}

type cursorToken struct {
	Token *string `json:"token"`
	Range struct {
		Min string `json:"min"`
		Max string `json:"max"`
	} `json:"range"`
}

// text spells the token: an object on the first page, later an array with an object per segment.
func (cur cursor) text(c *container, opaque bool) string {
	tokens := make([]cursorToken, len(cur.segments))
	for i, seg := range cur.segments {
		s := cur.segmentText(c, seg)
		tokens[i].Token = &s
		tokens[i].Range.Min, tokens[i].Range.Max = seg.min, seg.max
	}
	var in any = tokens
	if cur.pages <= 1 && len(tokens) == 1 {
		in = tokens[0]
	}
	out, err := json.Marshal(in)
	if err != nil {
		return ""
	}
	if last := cur.segments[0].last; opaque && last != nil && len(last.keys) > 0 {
		return base64.StdEncoding.EncodeToString(out)
	}
	return string(out)
}

func (cur cursor) segmentText(c *container, seg segment) string {
	last := seg.last
	if last == nil {
		last = &position{}
	}
	s := "-RID:~" + ridText(itemRID(c.rid, last.rid)) + "#RT:" + itoa(cur.pages) + "#TRC:" + itoa(cur.rows)
	if last.seq != 0 || seg.last != nil && last.rid == 0 {
		s += "#SEQ:" + strconv.Itoa(last.seq)
	}
	if len(last.keys) > 0 {
		s += "#FPC:" + base64.RawURLEncoding.EncodeToString([]byte(keysText(last.keys)))
	}
	return s + "#ISV:2#IEO:65599#QCF:8"
}

// keysText writes keys as an array in which an undefined one is an empty object.
func keysText(keys []cosql.Value) string {
	out := []byte{'['}
	for i, k := range keys {
		if i > 0 {
			out = append(out, ',')
		}
		if k.Kind == cosql.Undefined {
			out = append(out, undefinedKey...)
			continue
		}
		out, _ = k.AppendJSON(out)
	}
	return string(append(out, ']'))
}

// parseCursor reads a token; an empty text is the beginning.
func parseCursor(text string) (cur cursor, ok bool) {
	if text == "" {
		return cur, true
	}
	if decoded, err := base64.StdEncoding.DecodeString(text); err == nil {
		text = string(decoded)
	}
	if strings.HasPrefix(text, "{") {
		text = "[" + text + "]"
	}
	var tokens []cursorToken
	if json.Unmarshal([]byte(text), &tokens) != nil || len(tokens) == 0 {
		return cur, false
	}
	for _, t := range tokens {
		if t.Token == nil {
			return cur, false
		}
		seg := segment{min: t.Range.Min, max: t.Range.Max}
		if !cur.parseSegment(*t.Token, &seg) {
			return cur, false
		}
		cur.segments = append(cur.segments, seg)
	}
	return cur, true
}

func (cur *cursor) parseSegment(token string, seg *segment) bool {
	var last position
	started := false
	for field := range strings.SplitSeq(token, "#") {
		name, value, _ := strings.Cut(field, ":")
		var err error
		switch name {
		case "-RID":
			var b []byte
			b, err = ridEncoding.DecodeString(strings.TrimPrefix(value, "~"))
			if len(b) != 16 {
				return false
			}
			last.rid = binary.LittleEndian.Uint64(b[8:])
			started = started || last.rid > 0
		case "RT":
			cur.pages, err = strconv.ParseInt(value, 10, 64)
		case "TRC":
			cur.rows, err = strconv.ParseInt(value, 10, 64)
		case "SEQ":
			last.seq, err = strconv.Atoi(value)
			started = true
		case "FPC":
			var raw []byte
			if raw, err = base64.RawURLEncoding.DecodeString(value); err == nil {
				last.keys, err = parseKeys(raw)
			}
		}
		if err != nil || cur.pages < 0 || cur.rows < 0 {
			return false
		}
	}
	if started {
		seg.last = &last
	}
	return true
}

func parseKeys(raw []byte) ([]cosql.Value, error) {
	text, err := jsonraw.Normalize(raw)
	if err != nil {
		return nil, err
	}
	var keys []cosql.Value
	jsonraw.Elements(text, func(v string) bool {
		if v == undefinedKey {
			keys = append(keys, cosql.Value{})
		} else {
			keys = append(keys, cosql.FromRaw(v))
		}
		return true
	})
	return keys, nil
}
