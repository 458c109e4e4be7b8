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

// cursor is what a continuation token holds.
type cursor struct {
	min, max string    // of the range in which the next page begins
	last     *position // nil is its beginning
	pages    int64     // so far
	rows     int64     // so far, over all ranges

	// base is the item after which the ranges up to baseMax begin, when a range was split under a token.
	base    uint64
	baseMax string
}

type cursorToken struct {
	Token *string `json:"token"`
	Range struct {
		Min string `json:"min"`
		Max string `json:"max"`
	} `json:"range"`
}

// text spells the token. A later page's token is the same object in an array.
func (cur cursor) text(c *container, opaque bool) string {
	var t cursorToken
	t.Range.Min, t.Range.Max = cur.min, cur.max
	s := "-RID:~" + ridText(itemRID(c.rid, 0))
	if cur.last != nil {
		s = "-RID:~" + ridText(itemRID(c.rid, cur.last.rid))
	}
	s += "#RT:" + itoa(cur.pages) + "#TRC:" + itoa(cur.rows)
	if cur.last != nil && cur.last.seq > 0 {
		s += "#SEQ:" + strconv.Itoa(cur.last.seq)
	}
	if cur.last != nil && len(cur.last.keys) > 0 {
		s += "#FPC:" + base64.RawURLEncoding.EncodeToString([]byte(keysText(cur.last.keys)))
	}
	if cur.base > 0 {
		s += "#BASE:" + strconv.FormatUint(cur.base, 10) + "#UPTO:" + cur.baseMax
	}
	s += "#ISV:2#IEO:65599#QCF:8"
	t.Token = &s
	out, err := json.Marshal(t)
	if err != nil {
		return ""
	}
	if cur.pages > 1 {
		out = append(append([]byte{'['}, out...), ']')
	}
	if opaque && cur.last != nil && len(cur.last.keys) > 0 {
		return base64.StdEncoding.EncodeToString(out)
	}
	return string(out)
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
func parseCursor(text string) (cursor, bool) {
	cur := cursor{min: "", max: "FF"}
	if text == "" {
		return cur, true
	}
	if decoded, err := base64.StdEncoding.DecodeString(text); err == nil {
		text = string(decoded)
	}
	text = strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
	var t cursorToken
	if json.Unmarshal([]byte(text), &t) != nil || t.Token == nil {
		return cur, false
	}
	cur.min, cur.max = t.Range.Min, t.Range.Max
	var last position
	found := false
	for field := range strings.SplitSeq(*t.Token, "#") {
		name, value, _ := strings.Cut(field, ":")
		var err error
		switch name {
		case "-RID", "+RID":
			var b []byte
			b, err = base64.StdEncoding.DecodeString(strings.ReplaceAll(strings.TrimPrefix(value, "~"), "-", "/"))
			if len(b) != 16 {
				return cur, false
			}
			last.rid = binary.LittleEndian.Uint64(b[8:])
			found = last.rid > 0
		case "RT":
			cur.pages, err = strconv.ParseInt(value, 10, 64)
		case "TRC":
			cur.rows, err = strconv.ParseInt(value, 10, 64)
		case "SEQ":
			last.seq, err = strconv.Atoi(value)
		case "BASE":
			cur.base, err = strconv.ParseUint(value, 10, 64)
		case "UPTO":
			cur.baseMax = value
		case "FPC":
			var raw []byte
			if raw, err = base64.RawURLEncoding.DecodeString(value); err == nil {
				last.keys, err = parseKeys(raw)
			}
		}
		if err != nil {
			return cur, false
		}
	}
	if found || cur.rows > 0 {
		cur.last = &last
	}
	return cur, true
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
