package wire_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cache/wire"
	"github.com/whiskstore/whiskstore/store"
)

func TestValue(t *testing.T) {
	tests := []struct {
		name     string
		instance string
		key      wire.Key
		want     string
	}{
		{"BUS-D1_plain", "controller0", wire.Key{MainID: "guest/hello"}, `{"instanceId":"controller0","key":{"mainId":"guest/hello"}}`},
		{"BUS-D2_secondary", "controller0", wire.Key{MainID: "guest/hello", SecondaryID: "1-abc"},
			`{"instanceId":"controller0","key":{"mainId":"guest/hello","secondaryId":"1-abc"}}`},
		{"not_escaped", "c&<0>/é", wire.Key{MainID: "a/\u2028\x7f"}, "{\"instanceId\":\"c&<0>/é\",\"key\":{\"mainId\":\"a/\u2028\x7f\"}}"},
		{"escaped", "\"\\", wire.Key{MainID: "\b\f\n\r\t\x00\x1f"}, `{"instanceId":"\"\\","key":{"mainId":"\b\f\n\r\t\u0000\u001f"}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := wire.AppendValue(nil, tt.instance, tt.key)
			if string(got) != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			instance, key, err := wire.ParseValue(got)
			if err != nil || instance != tt.instance || key != tt.key {
				t.Errorf("parsed %q, %#v, %v; want %q, %#v", instance, key, err, tt.instance, tt.key)
			}
		})
	}
}

func TestParseValue(t *testing.T) {
	want := wire.Key{MainID: "guest/hello"}
	for _, tt := range []struct{ name, value string }{
		{"declaration_order", `{"key":{"mainId":"guest/hello"},"instanceId":"controller0"}`},
		{"white_space", "{ \"instanceId\" : \"controller0\",\n\"key\":{\"mainId\":\"guest/hello\"} }"},
		{"unknown_fields", `{"a":[1],"instanceId":"controller0","key":{"x":null,"mainId":"guest/hello"}}`},
		{"null_secondary", `{"instanceId":"controller0","key":{"mainId":"guest/hello","secondaryId":null}}`},
		{"other_case_is_unknown", `{"instanceId":"controller0","INSTANCEID":"x","key":{"mainId":"guest/hello","MainId":"x"}}`},
		{"escapes", `{"instanceId":"controller0","key":{"mainId":"guest\/h\u0065llo"}}`},
	} {
		t.Run("BUS-D3_"+tt.name, func(t *testing.T) {
			instance, key, err := wire.ParseValue([]byte(tt.value))
			if err != nil || instance != "controller0" || key != want {
				t.Errorf("got %q, %#v, %v; want controller0, %#v", instance, key, err, want)
			}
		})
	}
	for _, tt := range []struct {
		name  string
		value []byte
		want  error
	}{
		{"null", nil, wire.ErrNull},
		{"empty", []byte{}, wire.ErrMalformed},
		{"no_JSON", []byte(`{"instanceId":"controller0","key":{"mainId":"guest/hello"}`), wire.ErrMalformed},
		{"trailing", []byte(`{"instanceId":"controller0","key":{"mainId":"guest/hello"}}{}`), wire.ErrMalformed},
		{"JSON_null", []byte(`null`), wire.ErrMalformed},
		{"no_key", []byte(`{"instanceId":"controller0"}`), wire.ErrMalformed},
		{"no_instance", []byte(`{"key":{"mainId":"guest/hello"}}`), wire.ErrMalformed},
		{"no_main_id", []byte(`{"instanceId":"controller0","key":{}}`), wire.ErrMalformed},
		{"null_main_id", []byte(`{"instanceId":"controller0","key":{"mainId":null}}`), wire.ErrMalformed},
		{"wrong_type", []byte(`{"instanceId":1,"key":{"mainId":"guest/hello"}}`), wire.ErrMalformed},
		{"wrong_secondary", []byte(`{"instanceId":"c","key":{"mainId":"guest/hello","secondaryId":{}}}`), wire.ErrMalformed},
		{"too_large", []byte(strings.Repeat("x", wire.MaxValue+1)), wire.ErrTooLarge},
	} {
		t.Run("BUS-D6_"+tt.name, func(t *testing.T) {
			_, _, err := wire.ParseValue(tt.value)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestKeyText(t *testing.T) {
	t.Run("CACHE-D17", func(t *testing.T) {
		key := wire.Key{MainID: "uuid", SecondaryID: "secret"}
		for _, got := range []string{key.String(), fmt.Sprintf("%v %+v %#v %s", key, key, key, key)} {
			if strings.Contains(got, "secret") {
				t.Errorf("the text of a key shows its secondary id: %s", got)
			}
		}
	})
}

// messages are golden: testdata/golden.txt holds their bytes.
var messages = []wire.Message{
	{InstanceID: "controller0", Key: wire.Key{MainID: "guest/hello"}},
	{InstanceID: "controller0", Key: wire.Key{MainID: "guest/hello"}, Kind: wire.Write, Source: "controller0", Epoch: 0xfeed, Seq: 7,
		Version: store.Version{Rev: `"00-1"`, Order: 42, Lineage: "a=b"}, Position: "0:1#42", Range: &wire.Range{Of: "whisks"}},
	{InstanceID: "controller0", Key: wire.Key{MainID: "guest/hello"}, Kind: wire.Write, Source: "controller0", Epoch: 0xfeed, Seq: 8},
	{InstanceID: wire.BridgeInstance, Key: wire.Key{MainID: "guest/pkg/hello"}, Kind: wire.Change, Source: "east/whisks/0", Epoch: 3, Seq: 1,
		Version: store.Version{Rev: "2-abc", Order: 2, Lineage: "uuid:1"}, Deleted: true, Cluster: "west",
		Range: &wire.Range{Min: "", Max: "7F", Of: "whisks"}, Handover: &wire.Handover{Epoch: 2, Last: map[int32]uint64{0: 17, 3: 1}}},
	{InstanceID: wire.BridgeInstance, Key: wire.Key{MainID: "guest/hello"}, Kind: wire.Verify, Source: "east/whisks/0", Epoch: 3, Seq: 2,
		Version: store.Version{Rev: "e"}, Cluster: "east", Range: &wire.Range{Of: "whisks"}},
	{InstanceID: wire.BridgeInstance, Kind: wire.Watermark, Source: "east/whisks/0", Epoch: 3, Seq: 2,
		Vouched: time.UnixMilli(1700000000123), Range: &wire.Range{Min: "7F", Max: "FF", Of: "whisks"}},
}

func dump(r wire.Record) string {
	var b strings.Builder
	for _, h := range r.Headers {
		fmt.Fprintf(&b, "%s: %s\n", h.Key, h.Value)
	}
	fmt.Fprintf(&b, "%s\n", r.Value)
	return b.String()
}

// undump reads what dump wrote.
func undump(s string) wire.Record {
	lines := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	r := wire.Record{Value: []byte(lines[len(lines)-1])}
	for _, l := range lines[:len(lines)-1] {
		k, v, _ := strings.Cut(l, ": ")
		r.Headers = append(r.Headers, wire.Header{Key: k, Value: []byte(v)})
	}
	return r
}

func TestGoldenMessages(t *testing.T) {
	raw, err := os.ReadFile("testdata/golden.txt")
	if err != nil {
		t.Fatal(err)
	}
	golden := strings.Split(string(raw), "\n\n")
	if len(golden) != len(messages) {
		t.Fatalf("%d golden messages, want %d", len(golden), len(messages))
	}
	for i, m := range messages {
		want := strings.TrimSuffix(golden[i], "\n") + "\n"
		if got := dump(wire.Encode(m)); got != want {
			t.Errorf("message %d is written as\n%s\nwant\n%s", i, got, want)
		}
		if got, err := wire.Decode(undump(want)); err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("message %d is read as\n%+v, %v\nwant\n%+v", i, got, err, m)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	value := wire.AppendValue(nil, "c", wire.Key{MainID: "a/b"})
	ours := func(more ...string) wire.Record {
		h := append([]string{"format", "1", "kind", "write", "source", "s", "epoch", "5", "seq", "9"}, more...)
		r := wire.Record{Value: value}
		for i := 0; i < len(h); i += 2 {
			r.Headers = append(r.Headers, wire.Header{Key: "whiskstore-" + h[i], Value: []byte(h[i+1])})
		}
		return r
	}
	known := wire.Message{Source: "s", Epoch: 5, Seq: 9}
	null := ours()
	null.Value = nil
	many := wire.Record{Value: value, Headers: make([]wire.Header, wire.MaxHeaders+1)}
	bare := wire.Record{Value: value, Headers: []wire.Header{{Key: "whiskstore-seq", Value: []byte("9")}}}
	for _, tt := range []struct {
		name    string
		record  wire.Record
		want    error
		partial wire.Message
	}{
		{"null", null, wire.ErrNull, known},
		{"too_new", ours("format", "2"), wire.ErrTooNew, known},
		{"kind", ours("kind", "x"), wire.ErrMalformed, known},
		{"version", ours("version", "1:9:x"), wire.ErrMalformed, known},
		{"version_without_rev", ours("version", "1:1:x"), wire.ErrMalformed, known},
		{"handover", ours("handover", "1;x"), wire.ErrMalformed, known},
		{"handover_partition", ours("handover", "1;-1=2"), wire.ErrMalformed, known},
		{"vouched", ours("vouched", "soon"), wire.ErrMalformed, known},
		{"range", ours("kind", "change", "range", "5:x", "of", "whisks"), wire.ErrMalformed, known}, // not "all of whisks"
		{"range_without_of", ours("kind", "change", "range", "0:7F"), wire.ErrMalformed, known},
		{"of_without_range", ours("kind", "change", "of", "whisks"), wire.ErrMalformed, known},
		{"range_of_a_write", ours("of", "whisks", "version", "x"), wire.ErrMalformed, known},
		{"of_an_unknown_kind", ours("kind", "x", "of", "whisks"), wire.ErrMalformed, known},
		{"seq", ours("seq", "99999999999999999999"), wire.ErrMalformed, wire.Message{Source: "s", Epoch: 5}},
		{"epoch", ours("epoch", "99999999999999999999"), wire.ErrMalformed, wire.Message{Source: "s"}},
		{"header_size", ours("position", strings.Repeat("x", wire.MaxHeader+1)), wire.ErrTooLarge, known},
		{"headers", many, wire.ErrTooLarge, wire.Message{}},
		{"no_kind", bare, wire.ErrMalformed, wire.Message{}}, // a sequence of no epoch says nothing
		{"no_seq", ours("seq", "0"), wire.ErrMalformed, wire.Message{Source: "s", Epoch: 5}},
		{"verify_without_key", ours("kind", "verify"), wire.ErrMalformed, known},
	} {
		t.Run("BUS-D6_"+tt.name, func(t *testing.T) {
			got, err := wire.Decode(tt.record)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if !reflect.DeepEqual(got, tt.partial) {
				t.Errorf("got %+v, want %+v", got, tt.partial)
			}
		})
	}
}

// Scala controllers must find nothing under the keys of verify messages and
// watermarks, and read the value without complaint.
func TestHiddenKeys(t *testing.T) {
	for _, m := range messages[4:] {
		r := wire.Encode(m)
		var v struct{ Key struct{ MainID string } }
		if err := json.Unmarshal(r.Value, &v); err != nil || v.Key.MainID != "/" {
			t.Errorf("%v: value %s, %v; want the main id /", m.Kind, r.Value, err)
		}
	}
}

func FuzzParseValue(f *testing.F) {
	for _, m := range messages {
		f.Add(wire.Encode(m).Value)
	}
	f.Add([]byte(`{"instanceId":"a","key":{"mainId":"\ud800","secondaryId":"x"}}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		instance, key, err := wire.ParseValue(value)
		if err != nil {
			return
		}
		// The same value spelt differently takes the other way through the parser.
		again, key2, err := wire.ParseValue(append([]byte(" "), value...))
		if len(value) < wire.MaxValue && (err != nil || again != instance || key2 != key) {
			t.Errorf("%q is read as %q, %#v and as %q, %#v, %v", value, instance, key, again, key2, err)
		}
		written := wire.AppendValue(nil, instance, key)
		if !json.Valid(written) {
			t.Errorf("%q is no JSON", written)
		}
		if got, k, err := wire.ParseValue(written); len(written) <= wire.MaxValue && (err != nil || got != instance || k != key) {
			t.Errorf("%q written again is read as %q, %#v, %v", value, got, k, err)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, m := range messages {
		f.Add(dump(wire.Encode(m)))
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := wire.Decode(undump(s))
		if err != nil {
			return
		}
		if m.Kind == wire.Plain {
			// other headers mean nothing without a kind
			m = wire.Message{InstanceID: m.InstanceID, Key: m.Key}
		}
		again, err := wire.Decode(wire.Encode(m))
		if m.Kind != wire.Plain {
			m.Key.SecondaryID, again.Key.SecondaryID = "", ""
		}
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Errorf("read as\n%+v\nand written again as\n%+v, %v", m, again, err)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	r := wire.Encode(messages[1])
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wire.Decode(r); err != nil {
			b.Fatal(err)
		}
	}
}

// change is a message of a bridge with all that it has to have.
func change() wire.Message {
	return wire.Message{InstanceID: wire.BridgeInstance, Key: wire.Key{MainID: "a/b"}, Kind: wire.Change, Source: "s", Epoch: 5, Seq: 9,
		Version: store.Version{Rev: "1"}, Range: &wire.Range{Of: "whisks"}}
}

// TestLargestHandover: what can be written can be read.
func TestLargestHandover(t *testing.T) {
	m := change()
	m.Handover = &wire.Handover{Epoch: math.MaxUint64, Last: map[int32]uint64{}}
	for p := range int32(wire.MaxParts) {
		m.Handover.Last[p] = math.MaxUint64
	}
	got, err := wire.Decode(wire.Encode(m))
	if err != nil || len(got.Handover.Last) != wire.MaxParts {
		t.Errorf("a hand-over of %d partitions: %v", wire.MaxParts, err)
	}
}

// TestLongestID: no document has an id longer than the store takes.
func TestLongestID(t *testing.T) {
	for length, want := range map[int]error{store.MaxIDLength: nil, store.MaxIDLength + 1: wire.ErrTooLarge} {
		for _, kind := range []wire.Kind{wire.Plain, wire.Change, wire.Verify} {
			m := change()
			m.Kind, m.Key.MainID = kind, strings.Repeat("a", length)
			got, err := wire.Decode(wire.Encode(m))
			if !errors.Is(err, want) {
				t.Errorf("%v of an id of %d bytes: got %v, want %v", kind, length, err, want)
			}
			if kind != wire.Plain && (got.Source != "s" || got.Seq != 9) {
				t.Errorf("%v of an id of %d bytes: it is not known which message is missed: %+v", kind, length, got)
			}
		}
	}
}

// TestMissingHeaders: without the headers that say which message it is, a record
// cannot be used, and is of no epoch that its source may have.
func TestMissingHeaders(t *testing.T) {
	for name, text := range map[string]string{
		"whiskstore-source": "change message without whiskstore-source", "whiskstore-epoch": "change message without whiskstore-epoch",
		"whiskstore-seq": "change message without whiskstore-seq", "whiskstore-kind": "headers without whiskstore-kind",
	} {
		r := wire.Encode(change())
		r.Headers = slices.DeleteFunc(r.Headers, func(h wire.Header) bool { return h.Key == name })
		m, err := wire.Decode(r)
		if !errors.Is(err, wire.ErrMalformed) || !strings.Contains(err.Error(), text) {
			t.Errorf("without %s: got %v, want ErrMalformed with %q", name, err, text)
		}
		if m.Epoch == 0 && m.Seq != 0 {
			t.Errorf("without %s: sequence %d of no epoch", name, m.Seq)
		}
	}
}
