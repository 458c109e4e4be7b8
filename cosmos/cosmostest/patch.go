package cosmostest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/cosql"
	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/jsonraw"
)

type patchOperation struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	From  string          `json:"from"`
	Value json.RawMessage `json:"value"`
}

// maxPatch is the documented number of operations of one patch.
const maxPatch = 10

const patchDocs = " Learn more: https://aka.ms/cosmosdbpatchdocs"

// patch stages a partial update.
func (t *transaction) patch(id string, body []byte, pk string, pre preconditions) outcome {
	var in struct {
		Condition  string           `json:"condition"`
		Operations []patchOperation `json:"operations"`
	}
	if json.Unmarshal(body, &in) != nil || len(in.Operations) == 0 {
		return refused(http.StatusBadRequest, 0, formErrors, textPayload, 1.24)
	}
	if len(in.Operations) > maxPatch {
		return refused(http.StatusBadRequest, 0, formErrors, "The number of patch operations can't exceed '10'."+patchDocs, 1.24)
	}
	visible, _ := t.find(pk, id)
	if visible == nil {
		return refused(http.StatusNotFound, 0, formErrors, textOwner, 1)
	}
	if pre.mismatch(visible) {
		return pre.failed()
	}
	if in.Condition != "" {
		if o := t.condition(in.Condition, visible); o != nil {
			return *o
		}
	}
	raw := visible.raw
	for i, op := range in.Operations {
		next, problem := applyPatch(raw, op)
		if problem != "" {
			return refused(http.StatusBadRequest, 0, formErrors, fmt.Sprintf("For Operation(%d): %s%s", i+1, problem, patchDocs), 1.24)
		}
		raw = next
	}
	raw, newID, bad := t.x.checkBody(t.c, []byte(raw), pk)
	if bad != nil {
		return *bad
	}
	if newID != id {
		return refused(http.StatusBadRequest, 0, formErrors, textInput, 1.24)
	}
	it := t.version(raw, pk, id, visible)
	if t.violates(it) {
		return refused(http.StatusConflict, 0, formReplica, textConflict, 1.94)
	}
	t.put(it, visible)
	return outcome{status: http.StatusOK, it: it, charge: writeCharge(raw) + extraPatch}
}

// condition evaluates a patch's condition, which is a statement without its SELECT; nil is true.
func (t *transaction) condition(text string, it *item) *outcome {
	bad := func(o outcome) *outcome { return &o }
	q, err := cosql.Parse("SELECT * " + text)
	if err != nil {
		return bad(refused(http.StatusBadRequest, 0, formErrors, "The patch condition is invalid: "+err.Error()+"."+patchDocs, 1.24))
	}
	b, err := q.Bind(nil)
	if err != nil {
		return bad(refused(http.StatusBadRequest, 0, formErrors, "The patch condition is invalid: "+err.Error()+"."+patchDocs, 1.24))
	}
	if b.Matches(document{t.c, it}) {
		return nil
	}
	sub := 1110
	if t.x.s.opts.Switches.PatchConditionNoSubstatus {
		sub = 0
	}
	return bad(refused(http.StatusPreconditionFailed, sub, formErrors, "One of the specified pre-condition is not met. Learn more: https://aka.ms/CosmosDB/sql/errors/precondition-failed", 1.24))
}

// applyPatch applies one operation to an object; the problem is the service's sentence, without the number.
func applyPatch(raw string, op patchOperation) (next, problem string) {
	steps, problem := pointer(op.Path)
	if problem != "" {
		return "", problem
	}
	value := ""
	if op.Op != "remove" && op.Op != "move" {
		var err error
		if value, err = jsonraw.Normalize(op.Value); err != nil || len(op.Value) == 0 {
			return "", "The 'value' of the operation is missing or invalid."
		}
	}
	switch op.Op {
	case "add", "set", "replace", "remove":
		return editAt(raw, steps, op.Op, value)
	case "incr":
		return increment(raw, steps, value)
	case "move":
		return move(raw, op.From, steps)
	}
	return "", "The operation '" + op.Op + "' is not supported."
}

func pointer(path string) ([]string, string) {
	if !strings.HasPrefix(path, "/") || len(path) < 2 {
		return nil, "The path '" + path + "' is invalid."
	}
	steps := strings.Split(path[1:], "/")
	for i, s := range steps {
		steps[i] = strings.ReplaceAll(strings.ReplaceAll(s, "~1", "/"), "~0", "~")
	}
	switch steps[0] {
	case "_id", "_ts", "_etag", "_rid", "_self", "_attachments":
		return nil, "The path '" + path + "' is a system property and cannot be patched."
	}
	return steps, ""
}

func valueAt(raw string, steps []string) (string, bool) {
	for _, s := range steps {
		var ok bool
		if raw != "" && raw[0] == '[' {
			n, err := strconv.Atoi(s)
			if err != nil {
				return "", false
			}
			raw, ok = jsonraw.Index(raw, n)
		} else {
			raw, ok = jsonraw.Lookup(raw, s)
		}
		if !ok {
			return "", false
		}
	}
	return raw, true
}

func increment(raw string, steps []string, by string) (string, string) {
	have, ok := valueAt(raw, steps)
	if !ok {
		return editAt(raw, steps, "set", by)
	}
	a, b := cosql.FromRaw(have), cosql.FromRaw(by)
	if a.Kind != cosql.Number || b.Kind != cosql.Number {
		return "", "Increment operation is only supported on a number."
	}
	x, errX := strconv.ParseInt(have, 10, 64)
	y, errY := strconv.ParseInt(by, 10, 64)
	sum := string(jsonraw.AppendNumber(nil, a.Num+b.Num))
	if total := x + y; errX == nil && errY == nil && (total > x) == (y > 0) { // no overflow
		sum = itoa(total)
	}
	return editAt(raw, steps, "set", sum)
}

func move(raw, from string, to []string) (string, string) {
	steps, problem := pointer(from)
	if problem != "" {
		return "", problem
	}
	value, ok := valueAt(raw, steps)
	if !ok {
		return "", "Move Operation's 'from' path does not exist."
	}
	raw, problem = editAt(raw, steps, "remove", "")
	if problem != "" {
		return "", problem
	}
	return editAt(raw, to, "add", value)
}

// editAt rewrites one value inside a text.
func editAt(raw string, steps []string, op, value string) (string, string) {
	if raw == "" || raw[0] != '{' && raw[0] != '[' {
		return "", capitalWord(op) + " Operation can only create a child object of an existing node(array or object) and cannot create path recursively, no path found beyond: '" + steps[0] + "'."
	}
	if raw[0] == '[' {
		return editArray(raw, steps, op, value)
	}
	out, found, problem := []byte{'{'}, false, ""
	member := func(key, v string) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(jsonraw.AppendQuote(out, key), ':'), v...)
	}
	jsonraw.Members(raw, func(key, v string) bool {
		if key != steps[0] {
			member(key, v)
			return true
		}
		found = true
		switch {
		case len(steps) > 1:
			if v, problem = editAt(v, steps[1:], op, value); problem == "" {
				member(key, v)
			}
		case op != "remove":
			member(key, value)
		}
		return problem == ""
	})
	switch {
	case problem != "":
		return "", problem
	case !found && len(steps) > 1:
		return "", capitalWord(op) + " Operation can only create a child object of an existing node(array or object) and cannot create path recursively, no path found beyond: '" + steps[0] + "'."
	case !found && (op == "remove" || op == "replace"):
		return "", capitalWord(op) + " Operation cannot find the path '" + steps[0] + "'."
	case !found:
		member(steps[0], value)
	}
	return string(append(out, '}')), ""
}

func capitalWord(op string) string { return strings.ToUpper(op[:1]) + op[1:] }

func editArray(raw string, steps []string, op, value string) (string, string) {
	var all []string
	jsonraw.Elements(raw, func(v string) bool { all = append(all, v); return true })
	at, err := strconv.Atoi(steps[0])
	if steps[0] == "-" {
		at, err = len(all), nil
	}
	grows := len(steps) == 1 && op == "add"
	if err != nil || at < 0 || at > len(all) || at == len(all) && !grows {
		return "", capitalWord(op) + " Operation: the array index '" + steps[0] + "' is out of bounds."
	}
	switch {
	case len(steps) > 1:
		v, problem := editAt(all[at], steps[1:], op, value)
		if problem != "" {
			return "", problem
		}
		all[at] = v
	case op == "add":
		all = append(all[:at], append([]string{value}, all[at:]...)...)
	case op == "remove":
		all = append(all[:at], all[at+1:]...)
	default:
		all[at] = value
	}
	return "[" + strings.Join(all, ",") + "]", ""
}
