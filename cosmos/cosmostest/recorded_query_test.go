package cosmostest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
)

// TestRecordedRefusals shows table 5.1 of cosmos-wire.md: X0, 1004 and X1, and what is served.
func TestRecordedRefusals(t *testing.T) {
	srv := shop(t, cosmostest.Options{})
	for i := range 3 {
		create(t, srv, "a", fmt.Sprintf(`{"id":"k%d","pk":"a","n":%d,"tags":["x","y"]}`, i, i))
	}
	const served, first, plain = "served", "1004", "X1"
	statements := []struct{ sql, crossed string }{
		{"SELECT * FROM c WHERE c.n IN (1, 2) AND c.id LIKE 'k%'", served},
		{"SELECT c.id, c.n FROM c", served},
		{"SELECT VALUE {\"a\": c.n, \"b\": [c.id]} FROM c", served},
		{"SELECT c.id, t FROM c JOIN t IN c.tags", served},
		{"SELECT * FROM c WHERE EXISTS(SELECT VALUE t FROM t IN c.tags WHERE t = 'x')", served},
		{"SELECT 1 AS one", served},
		{"SELECT VALUE COUNT(1) FROM c", first},
		{"SELECT VALUE SUM(c.n) FROM c", first},
		{"SELECT TOP 2 * FROM c", first},
		{"SELECT * FROM c ORDER BY c.n", first},
		{"SELECT * FROM c ORDER BY c.n, c.id DESC", first},
		{"SELECT * FROM c OFFSET 1 LIMIT 1", first},
		{"SELECT DISTINCT c.pk FROM c", first},
		{"SELECT COUNT(1) AS c FROM c", plain},
		{"SELECT c.pk, COUNT(1) AS n FROM c GROUP BY c.pk", plain},
	}
	for _, s := range statements {
		t.Run("5.1_"+s.sql, func(t *testing.T) {
			if strings.Contains(s.sql, "FROM") {
				a := expect(t, ask(t, srv, s.sql), 400)
				check(t, "X0", strings.Contains(a.Body, "Cross partition query is required but disabled."), true)
				check(t, "X0 substatus", a.sub(), "")
			}
			a := ask(t, srv, s.sql, crossed()...)
			switch s.crossed {
			case served:
				expect(t, a, 200)
			case first:
				expect(t, a, 400)
				check(t, "substatus", a.sub(), "1004")
				absent(t, a, "x-ms-request-charge", "x-ms-session-token", "lsn")
				var info string
				if err := json.Unmarshal([]byte(a.member(t, "additionalErrorInfo")), &info); err != nil || !strings.Contains(info, `"partitionedQueryExecutionInfoVersion":2`) {
					t.Errorf("plan: got %q, %v", info, err)
				}
			case plain:
				expect(t, a, 400)
				check(t, "substatus", a.sub(), "")
				check(t, "text", strings.Contains(a.Body, "Cross partition query only supports 'VALUE <AggregateFunc>' for aggregates."), true)
				check(t, "no plan", a.member(t, "additionalErrorInfo"), "")
			}
			expect(t, ask(t, srv, s.sql, pk("a")...), 200)
			expect(t, ask(t, srv, s.sql, ranged("0")...), 200)
		})
	}
	t.Run("5.1_pk_and_range", func(t *testing.T) {
		expect(t, ask(t, srv, "SELECT * FROM c", append(pk("a"), ranged("0")...)...), 400)
	})
	t.Run("5.1_unknown_range", func(t *testing.T) {
		check(t, "substatus", expect(t, ask(t, srv, "SELECT * FROM c", ranged("77")...), 410).sub(), "1002")
	})
	t.Run("5_text_body", func(t *testing.T) {
		a := do(t, srv.URL(), "POST", docs, "SELECT TOP 1 * FROM c", append(crossed(), "content-type", "application/sql")...)
		check(t, "substatus", expect(t, a, 400).sub(), "1004")
	})
	t.Run("5_strong_on_session", func(t *testing.T) {
		a := expect(t, ask(t, srv, "SELECT * FROM c", append(pk("a"), "x-ms-consistency-level", "Strong")...), 400)
		check(t, "text", strings.Contains(a.Body, "ConsistencyLevel Strong specified in the request is invalid when service is configured with consistency level Session"), true)
	})
}

// TestRecordedQueryErrors shows table 5.2.
func TestRecordedQueryErrors(t *testing.T) {
	srv := shop(t, cosmostest.Options{})
	for _, c := range []struct{ sql, want string }{
		{"SELECT FROM c", `{\"severity\":\"Error\",\"location\":{\"start\":7,\"end\":11},\"code\":\"SC1001\",\"message\":\"Syntax error, incorrect syntax near 'FROM'.\"}`},
		{"INSERT INTO c", "SC1001"}, {"SELECT * /* no */ FROM c", "SC1001"}, {"", "SC1002"},
		{"SELECT * FROM c;", "Syntax error, invalid token ';'"},
		{"SELECT ABC(1) FROM c", "'ABC' is not a recognized built-in function name."},
		{"SELECT 1 AS a, 2 AS a FROM c", "property name 'a' specified more than once."},
		{"SELECT * FROM c WHERE x.a = 1", "SC2001"}, {"SELECT * FROM c WHERE", "SC1002"}, {"SELECT * FROM c WHERE c.", "SC1002"}, {"SELECT * FROM c WHERE {", "SC1002"}, {"SELECT * FROM c OFFSET", "SC1002"}, {"SELECT TOP", "SC1002"}, {"SELECT c.a c.b FROM c", "SC1001"},
	} {
		t.Run("5.2_"+c.sql, func(t *testing.T) {
			a := expect(t, ask(t, srv, c.sql, crossed()...), 400)
			check(t, "substatus", a.sub(), "")
			if !strings.Contains(a.Body, c.want) {
				t.Errorf("got %s want %s", a.Body, c.want)
			}
		})
	}
	t.Run("5.2_division_by_zero", func(t *testing.T) {
		a := expect(t, ask(t, srv, "SELECT VALUE 1/0", crossed()...), 400)
		check(t, "substatus", a.sub(), "4001")
		check(t, "charge", a.Header.Get("x-ms-request-charge"), "2.25")
		present(t, a, "x-ms-session-token")
	})
	body := func(b string, header ...string) answer {
		return do(t, srv.URL(), "POST", docs, b, append(append(crossed(), "content-type", "application/query+json"), header...)...)
	}
	t.Run("5.2_parameters", func(t *testing.T) {
		a := expect(t, body(`{"query":"SELECT * FROM c WHERE c.a=@p","parameters":[{"name":"@p","value":1},{"name":"@p","value":2}]}`), 400)
		check(t, "duplicate", strings.Contains(a.Body, "Specified duplicate parameter name '@p'."), true)
		expect(t, body(`{"query":"SELECT * FROM c","parameters":[{"name":"p","value":1}]}`), 400)
		expect(t, body(`{"query":"SELECT * FROM c WHERE c.a = @p","parameters":[{"name":"@p"}]}`), 200)
		expect(t, body(`{"query":"SELECT * FROM c WHERE c.a = @q"}`), 200)
	})
	t.Run("5.2_page_size", func(t *testing.T) {
		a := expect(t, body(`{"query":"SELECT * FROM c"}`, "x-ms-max-item-count", "abc"), 400)
		check(t, "flag", a.Header.Get("x-ms-request-validation-failure"), "1")
		expect(t, body(`{"query":"SELECT * FROM c"}`, "x-ms-max-item-count", "0"), 200)
	})
	t.Run("5.2_continuation", func(t *testing.T) {
		a := expect(t, body(`{"query":"SELECT * FROM c"}`, "x-ms-continuation", "nonsense"), 400)
		check(t, "text", strings.Contains(a.Body, "Invalid Continuation Token"), true)
	})
	t.Run("5.2_accepted", func(t *testing.T) {
		expect(t, body(`{"query":"select * -- all\nfrom c"}`), 200)
	})
}

// TestRecordedQueryPlan shows table 5.3.
func TestRecordedQueryPlan(t *testing.T) {
	srv := shop(t, cosmostest.Options{})
	plan := func(sql, features string) answer {
		return ask(t, srv, sql, "x-ms-cosmos-is-query-plan-request", "True", "x-ms-cosmos-supported-query-features", features)
	}
	const all = "Aggregate, CompositeAggregate, Distinct, GroupBy, MultipleOrderBy, MultipleAggregates, OffsetAndLimit, OrderBy, Top, NonValueAggregate"
	for _, c := range []struct{ sql, rewritten, with string }{
		{"SELECT VALUE COUNT(1) FROM c", "SELECT VALUE [{\"item\": COUNT(1)}]\nFROM c", `"aggregates":["Count"]`},
		{"SELECT c.id FROM c ORDER BY c.n", "SELECT c._rid, [{\"item\": c.n}] AS orderByItems, {\"id\": c.id} AS payload\nFROM c\nWHERE ({documentdb-formattableorderbyquery-filter})\nORDER BY c.n", `"orderBy":["Ascending"]`},
		{"SELECT * FROM c OFFSET 2499 LIMIT 5", "SELECT *\nFROM c\nOFFSET 0 LIMIT 2504", `"offset":2499,"limit":5`},
		{"SELECT TOP 3 * FROM c", "", `"top":3`},
		{"SELECT DISTINCT c.a FROM c", "", `"distinctType":"Unordered"`},
		{"SELECT c.grp, COUNT(1) AS n FROM c GROUP BY c.grp", "SELECT [{\"item\": c.grp}] AS groupByItems, {\"grp\": c.grp, \"n\": {\"item\": COUNT(1)}} AS payload\nFROM c\nGROUP BY c.grp", `"groupByAliases":["grp","n"]`},
		{"SELECT c.a FROM c", "", `"orderBy":[]`},
	} {
		t.Run("5.3_"+c.sql, func(t *testing.T) {
			a := expect(t, plan(c.sql, all), 200)
			absent(t, a, "x-ms-request-charge", "x-ms-session-token", "x-ms-activity-id")
			var got struct {
				QueryInfo struct{ RewrittenQuery string }
			}
			if err := json.Unmarshal([]byte(a.Body), &got); err != nil {
				t.Fatal(err)
			}
			check(t, "rewritten", got.QueryInfo.RewrittenQuery, c.rewritten)
			check(t, c.with, strings.Contains(a.Body, c.with), true)
		})
	}
	t.Run("5.3_features_absent", func(t *testing.T) {
		a := expect(t, plan("SELECT VALUE COUNT(1) FROM c", ""), 400)
		check(t, "text", strings.Contains(a.Body, "Query contained Aggregate, which the calling client does not support"), true)
	})
}

// TestRecordedQueryBodies shows table 5.4 and 5.5.
func TestRecordedQueryBodies(t *testing.T) {
	srv := shop(t, cosmostest.Options{})
	create(t, srv, "a", `{"id":"1","pk":"a","a":2,"b":1}`)
	create(t, srv, "a", `{"id":"2","pk":"a","a":5,"c":null}`)
	create(t, srv, "a", `{"id":"3","pk":"a","b":9}`)
	paged := shop(t, cosmostest.Options{})
	for _, id := range []string{"1", "2", "3"} {
		create(t, paged, "a", `{"id":"`+id+`","pk":"a"}`)
	}
	for _, c := range []struct{ sql, want string }{
		{"SELECT VALUE COUNT(1) FROM c", `[3]`},
		{"SELECT c.b, c.a, c.c FROM c", `[{"b":1,"a":2},{"a":5,"c":null},{"b":9}]`},
		{"SELECT c.a + 1, c.b + 1 FROM c WHERE c.id = '1'", `[{"$1":3,"$2":2}]`},
		{"SELECT VALUE c.a FROM c", `[2,5]`},
		{"SELECT VALUE c.none FROM c", `[]`},
		{"SELECT VALUE [c.a, c.b] FROM c", `[[2,1],[5,null],[null,9]]`},
		{"SELECT VALUE 1/3", `[0.33333333333333331]`},
		{"SELECT * FROM c WHERE c.none = 1", `[]`},
		{"SELECT VALUE c.id FROM c ORDER BY c.a DESC", `["2","1"]`},
		{"SELECT TOP 1 VALUE COUNT(c) FROM c", `[3]`},
	} {
		t.Run("5.4_"+c.sql, func(t *testing.T) {
			a := expect(t, ask(t, srv, c.sql, pk("a")...), 200)
			check(t, "documents", a.member(t, "Documents"), c.want)
			check(t, "count", a.member(t, "_count"), a.Header.Get("x-ms-item-count"))
			present(t, a, "x-ms-session-token", "x-ms-cosmos-query-execution-info", "x-ms-cosmos-is-partition-key-delete-pending")
			absent(t, a, "etag", "x-ms-item-lsn")
		})
	}
	t.Run("2.2_numbers_in_queries", func(t *testing.T) {
		a := create(t, srv, "wide", `{"id":"w","pk":"wide","big":18446744073709551615,"exp":1e25,"max":9223372036854775807}`)
		check(t, "exponent of a create", a.member(t, "exp"), "1e+025")
		check(t, "exact", a.member(t, "big"), "18446744073709551615")
		q := expect(t, ask(t, srv, "SELECT c.big, c.exp, c.max FROM c", pk("wide")...), 200)
		check(t, "documents", q.member(t, "Documents"), `[{"big":1.8446744073709552e+19,"exp":1e+25,"max":9223372036854775807}]`)
	})
	t.Run("5.5_paging", func(t *testing.T) {
		first := expect(t, ask(t, paged, "SELECT * FROM c", append(crossed(), "x-ms-max-item-count", "2")...), 200)
		token := first.Header.Get("x-ms-continuation")
		check(t, "form", strings.HasPrefix(token, `{"token":"-RID:~`) && strings.Contains(token, `#RT:1#TRC:2#ISV:2#IEO:65599#QCF:8","range":{"min":"","max":"FF"}}`), true)
		second := expect(t, ask(t, paged, "SELECT * FROM c", append(crossed(), "x-ms-max-item-count", "1", "x-ms-continuation", token)...), 200)
		token = second.Header.Get("x-ms-continuation")
		check(t, "second form", strings.HasPrefix(token, `[{"token":"-RID:~`) && strings.Contains(token, "#RT:2#TRC:3#"), true)
		last := expect(t, ask(t, paged, "SELECT * FROM c", append(crossed(), "x-ms-max-item-count", "1", "x-ms-continuation", token)...), 200)
		check(t, "a page filled exactly is followed by an empty one", last.member(t, "Documents"), "[]")
		absent(t, last, "x-ms-continuation")
		present(t, last, "x-ms-session-token", "x-ms-item-count")
	})
}

// TestRecordedFeed shows the recorded rows of section 6.
func TestRecordedFeed(t *testing.T) {
	srv := shop(t, cosmostest.Options{})
	create(t, srv, "a", item1)
	a := expect(t, do(t, srv.URL(), "GET", docs, "", "A-IM", "Incremental Feed", "x-ms-documentdb-partitionkeyrangeid", "0"), 200)
	check(t, "etag", a.Header.Get("etag"), `"2"`)
	check(t, "token", a.Header.Get("x-ms-session-token"), "0:-1#2")
	check(t, "charge", a.Header.Get("x-ms-request-charge"), "1")
	check(t, "count", a.Header.Get("x-ms-item-count"), "1")
	check(t, "range", a.Header.Get("x-ms-documentdb-partitionkeyrangeid"), "0")
	check(t, "_lsn is last", strings.HasSuffix(a.Body, `,"_lsn":2}],"_count":1}`), true)
	absent(t, a, "x-ms-continuation")
	next := expect(t, do(t, srv.URL(), "GET", docs, "", "A-IM", "Incremental Feed", "If-None-Match", `"2"`), 304)
	check(t, "304 etag", next.Header.Get("etag"), `"2"`)
	check(t, "304 count", next.Header.Get("x-ms-item-count"), "0")
	expect(t, do(t, srv.URL(), "GET", docs, "", "A-IM", "Full-Fidelity Feed"), 400)
}
