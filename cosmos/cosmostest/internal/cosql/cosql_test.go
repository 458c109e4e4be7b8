package cosql_test

import (
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/cosql"
	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/jsonraw"
)

// doc is a document for tests.
type doc string

func (d doc) Member(name string) (string, bool) { return jsonraw.Lookup(string(d), name) }
func (d doc) JSON() string                      { return string(d) }

// value evaluates an expression on a document; undefined is an empty text.
func value(t *testing.T, expr string, d doc) string {
	t.Helper()
	q, err := cosql.Parse("SELECT VALUE " + expr + " FROM c")
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	b, err := q.Bind(map[string]cosql.Value{"@p": cosql.NumberValue(2)})
	if err != nil {
		t.Fatal(err)
	}
	out := ""
	if err := b.Rows(d, func(r cosql.Row) bool {
		text, err := r.Out.AppendJSON(nil)
		if err != nil {
			out = err.Error()
		}
		out += string(text)
		return true
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

const sample = doc(`{"id":"1","n":2,"s":"héllo","b":true,"z":null,"a":[1,2,{"k":"v"}],"o":{"x":{"y":5},"k v":1}}`)

func TestExpressions(t *testing.T) {
	for _, c := range []struct{ expr, want string }{
		{"c.n + 1", "3"}, {"c.n + c.s", ""}, {"c.none + 1", ""}, {"-c.n * 2 % 3", "-1"}, {"c.n = @p", "true"}, {"1 = '1'", "false"}, {"1 != '1'", "true"}, {"c.n != 2", "false"}, {"c.n <> 3", "true"}, {"c.none != 1", ""},
		{"c.none = 1", ""}, {"c.n < '3'", ""}, {"c.z < 1", ""}, {"c.none AND false", "false"}, {"c.none AND true", ""}, {"c.none OR true", "true"},
		{"NOT c.none", ""}, {"NOT c.b", "false"}, {"c.b OR c.n", "true"}, {"c.n BETWEEN 1 AND 3", "true"}, {"c.n NOT BETWEEN 1 AND 3", "false"},
		{"c.s LIKE 'h_l%'", "true"}, {"c.s NOT LIKE '%x%'", "true"}, {"'é' LIKE '%__'", "false"}, {"'' LIKE '%'", "true"}, {"'ab' LIKE '%b%'", "true"}, {"'axbxc' LIKE 'a%b%c'", "true"}, {"'axbxcd' LIKE 'a%b%c'", "false"}, {"'50%' LIKE '50!%' ESCAPE '!'", "true"}, {"'b' LIKE '[a-c]'", "true"},
		{"c.o.x.y", "5"}, {"c['o']['k v']", "1"}, {"c.a[2].k", `"v"`}, {"c.a[9]", ""}, {"c.o", `{"x":{"y":5},"k v":1}`},
		{"[c.n, c.none]", "[2,null]"}, {"{a: c.n, \"b\": c.none}", `{"a":2}`}, {"c.none ?? 'd'", `"d"`}, {"c.b ? 1 : 2", "1"}, {"'a' || 'b'", `"ab"`},
		{"IS_DEFINED(c.z)", "true"}, {"IS_DEFINED(c.none)", "false"}, {"IS_NULL(c.none)", "false"}, {"IS_OBJECT(c.o)", "true"}, {"IS_ARRAY(c.o)", "false"},
		{"LENGTH(c.s)", "5"}, {"SUBSTRING(c.s, 1, 3)", `"éll"`}, {"INDEX_OF(c.s, 'l')", "2"}, {"UPPER(c.s)", `"HÉLLO"`}, {"LEFT(c.s, 2) || RIGHT(c.s, 2)", `"hélo"`},
		{"ARRAY_CONTAINS(c.a, 2)", "true"}, {"ARRAY_CONTAINS(c.a, {\"k\": \"v\"})", "true"}, {"ARRAY_SLICE(c.a, 1, 1)", "[2]"}, {"ARRAY_SLICE(c.a, 1, 1e300)", `[2,{"k":"v"}]`}, {"ARRAY_SLICE(c.a, -1e300, 1)", "[1]"}, {"ARRAY_CONCAT([1], [2])", "[1,2]"},
		{"EXISTS(SELECT VALUE x FROM x IN c.a WHERE x = 2)", "true"}, {"ARRAY(SELECT VALUE x FROM x IN c.a WHERE IS_NUMBER(x))", "[1,2]"},
		{"(SELECT VALUE COUNT(1) FROM x IN c.a)", "3"}, {"c.n IN (1, 2)", "true"}, {"c.n NOT IN (1, 2)", "false"}, {"c.none IN (1)", ""},
		{"7 & 5 | 8", "13"}, {"1 << 3 >>> 1", "4"}, {"~0", "-1"}, {"1/3", "0.33333333333333331"}, {"0.1 + 0.2", "0.30000000000000004"},
		{"{\"a\": 1, \"b\": 2} = {\"b\": 2, \"a\": 1}", "true"}, {"[1, 2] = [2, 1]", "false"}, {"ToString(c.n)", `"2"`}, {"StringToNumber('1.5')", "1.5"},
		{"'it''s' || \"\\u0041\"", `"it'sA"`}, {"undefined", ""}, {"ROUND(-1.5)", "-2"}, {"POWER(2, 10)", "1024"},
	} {
		if got := value(t, c.expr, sample); got != c.want {
			t.Errorf("%s: got %s want %s", c.expr, got, c.want)
		}
	}
}

// TestLimits refuses statements that would exhaust the stack or whose text is longer than the account says.
func TestLimits(t *testing.T) {
	const many = 100_000
	for _, sql := range []string{
		"SELECT VALUE " + strings.Repeat("(", many) + "1" + strings.Repeat(")", many),
		"SELECT VALUE " + strings.Repeat("- ", many) + "1",
		"SELECT VALUE " + strings.Repeat("NOT ", many) + "true",
		"SELECT VALUE " + strings.Repeat("[", many) + strings.Repeat("]", many),
		"SELECT VALUE " + strings.Repeat("1?1:", many) + "1",
		"SELECT * FROM " + strings.Repeat("(SELECT * FROM ", 30_000) + "c" + strings.Repeat(")", 30_000),
		"SELECT VALUE '" + strings.Repeat("x", cosql.MaxText) + "'",
	} {
		if _, err := cosql.Parse(sql); err == nil {
			t.Errorf("%.40s: got no error", sql)
		}
	}
	if _, err := cosql.Parse("SELECT VALUE " + strings.Repeat("(", 50) + "1" + strings.Repeat(")", 50)); err != nil {
		t.Errorf("fifty parentheses: got %v", err)
	}
	long := "SELECT VALUE 1" + strings.Repeat("+1", many)
	q, err := cosql.Parse(long)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Bind(nil); err != nil {
		t.Error(err)
	}
}

// TestLikeIsNotExponential matches a pattern that backtracking alone would not finish in a lifetime.
func TestLikeIsNotExponential(t *testing.T) {
	expr := "'" + strings.Repeat("a", 200) + "' LIKE '" + strings.Repeat("%a", 100) + "b'"
	if got := value(t, expr, sample); got != "false" {
		t.Errorf("got %s want false", got)
	}
}

func TestLookups(t *testing.T) {
	for _, c := range []struct{ sql, want string }{
		{"SELECT * FROM c WHERE c.a = 1", "a"},
		{"SELECT * FROM root r WHERE r.entityType = 'action' AND (r.namespace = 'x' OR r._c.rootns = 'x')", "namespace _c/rootns"},
		{"SELECT * FROM c WHERE c.a = 1 OR c.b > 2", ""},
		{"SELECT * FROM c WHERE c.id IN ('1', '2')", "id"},
		{"SELECT r FROM root r JOIN n IN r.namespaces WHERE (r.subject = 'x' AND IS_DEFINED(r.key)) OR n.name = 'x'", "subject namespaces/[]/name"},
		{"SELECT * FROM c WHERE NOT (c.a = 1)", ""},
		{"SELECT * FROM c WHERE c.a = c.b", ""},
	} {
		q, err := cosql.Parse(c.sql)
		if err != nil {
			t.Fatal(err)
		}
		b, err := q.Bind(nil)
		if err != nil {
			t.Fatal(err)
		}
		var paths []string
		for _, l := range b.Lookups() {
			paths = append(paths, l.Path)
		}
		if got := strings.Join(paths, " "); got != c.want {
			t.Errorf("%s: got %q want %q", c.sql, got, c.want)
		}
	}
}

// FuzzParse looks for statements that crash the parser, the planner or the evaluator.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"SELECT TOP 3 c.a, {\"b\": [1, c.x[0]]} AS b FROM c JOIN t IN c.tags WHERE c.n BETWEEN 1 AND @p AND NOT IS_DEFINED(c._deleted) ORDER BY c.n DESC OFFSET 1 LIMIT 2",
		"SELECT c.g, COUNT(1) AS n FROM c GROUP BY c.g", "SELECT DISTINCT VALUE c.a ?? 'x' FROM c", "SELECT * FROM (SELECT VALUE c FROM c) AS d", "SELECT VALUE EXISTS(SELECT 1 FROM c)",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		q, err := cosql.Parse(sql)
		if err != nil {
			return
		}
		b, err := q.Bind(map[string]cosql.Value{"@p": cosql.NumberValue(2)})
		if err != nil {
			return
		}
		b.Plan()
		b.Lookups()
		if path, _, ok := b.OrderPath(); ok {
			b.BoundsOf(path)
		}
		n := 0
		_ = b.Rows(sample, func(cosql.Row) bool { n++; return n < 100 }) // a result that JSON cannot hold is an error
		if b.IsAggregate() {
			a := b.NewAggregation()
			if a.Add(sample) == nil {
				_, _ = a.Values() // likewise
			}
		}
	})
}
