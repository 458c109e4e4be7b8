package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// observation is what counts of an answer.
type observation struct {
	status   int
	sub      string
	code     string
	sentence string   // of an error, masked
	charge   string   // printed only
	headers  []string // that the service sends, without those of the transport
	etagForm string
	token    string // masked form of the session token
	body     string // shape of the body: members in order of name, values masked
}

// watched are the headers whose presence clients may rely on.
func watched() []string {
	return []string{"etag", "lsn", "x-ms-activity-id", "x-ms-alt-content-path", "x-ms-continuation", "x-ms-cosmos-item-llsn", "x-ms-cosmos-llsn",
		"x-ms-documentdb-partitionkeyrangeid", "x-ms-documentdb-query-metrics", "x-ms-global-committed-lsn", "x-ms-item-count", "x-ms-item-lsn",
		"x-ms-offer-replace-pending", "x-ms-request-charge", "x-ms-request-validation-failure", "x-ms-resource-quota", "x-ms-resource-usage",
		"x-ms-retry-after-ms", "x-ms-session-token"}
}

func observe(p probe, resp *http.Response, body []byte) observation {
	o := observation{status: resp.StatusCode, sub: resp.Header.Get("x-ms-substatus"), charge: resp.Header.Get("x-ms-request-charge"),
		etagForm: mask(resp.Header.Get("etag")), token: mask(resp.Header.Get("x-ms-session-token"))}
	for _, name := range watched() {
		if resp.Header.Get(name) != "" {
			o.headers = append(o.headers, name)
		}
	}
	var parsed any
	if json.Unmarshal(body, &parsed) != nil {
		o.body = fmt.Sprintf("%d bytes that are no JSON", len(body))
		if len(body) == 0 {
			o.body = "empty"
		}
		return o
	}
	if m, ok := parsed.(map[string]any); ok && resp.StatusCode >= 400 {
		o.code = fmt.Sprint(m["code"])
		o.sentence = sentence(fmt.Sprint(m["message"]))
		delete(m, "message")
	}
	o.body = shape(parsed, p.values)
	return o
}

// sentence is the part of an error's text that is not diagnostics.
func sentence(text string) string {
	text, _, _ = strings.Cut(text, "\r\n")
	return mask(strings.TrimSuffix(text, ", "))
}

var (
	digits = regexp.MustCompile(`[0-9a-f]*[0-9][0-9a-f]*`)
	random = regexp.MustCompile(`whiskstore-record-[a-z0-9]+`)
)

// mask replaces what differs from run to run.
func mask(s string) string { return digits.ReplaceAllString(random.ReplaceAllString(s, "DB"), "N") }

// shape writes a value with the names of its members, and with its values only where they are asked for.
func shape(v any, values bool) string {
	switch v := v.(type) {
	case map[string]any:
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			// System properties have values of their own on each side.
			parts = append(parts, name+":"+shape(v[name], values && !strings.HasPrefix(name, "_")))
		}
		return "{" + strings.Join(parts, " ") + "}"
	case []any:
		if len(v) == 0 {
			return "[]"
		}
		if values {
			var parts []string
			for _, one := range v {
				parts = append(parts, shape(one, true))
			}
			return "[" + strings.Join(parts, " ") + "]"
		}
		return "[" + shape(v[0], false) + " ...]"
	}
	if values {
		return fmt.Sprint(v)
	}
	return fmt.Sprintf("%T", v)
}

// differences says how the answer of the fake differs from that of a real account.
func (o observation) differences(fake observation) []string {
	var out []string
	add := func(what string, a, b any) {
		if fmt.Sprint(a) != fmt.Sprint(b) {
			out = append(out, fmt.Sprintf("%s: account %v, fake %v", what, a, b))
		}
	}
	add("status", o.status, fake.status)
	add("substatus", o.sub, fake.sub)
	add("code", o.code, fake.code)
	add("sentence", o.sentence, fake.sentence)
	add("etag", o.etagForm, fake.etagForm)
	add("session token", o.token, fake.token)
	add("body", o.body, fake.body)
	for _, name := range o.headers {
		if !slices.Contains(fake.headers, name) {
			out = append(out, "header "+name+": only the account sends it")
		}
	}
	for _, name := range fake.headers {
		if !slices.Contains(o.headers, name) {
			out = append(out, "header "+name+": only the fake sends it")
		}
	}
	if len(out) > 0 && o.charge != fake.charge {
		out = append(out, fmt.Sprintf("(charge: account %s, fake %s)", o.charge, fake.charge))
	}
	return out
}
