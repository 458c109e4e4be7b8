package cosmostest

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/cosql"
	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/jsonraw"
)

const (
	textNeedCross = "Cross partition query is required but disabled. Please set x-ms-documentdb-query-enablecrosspartition to true, specify " +
		"x-ms-documentdb-partitionkey, or revise your query to avoid this exception."
	textFirstChance = "The provided cross partition query can not be directly served by the gateway. This is a first chance (internal) exception " +
		"that all newer clients will know how to handle gracefully. This exception is traced, but unless you see it bubble up as an exception " +
		"(which only happens on older SDK clients), then you can safely ignore this message."
	textValueAggregate = "Cross partition query only supports 'VALUE <AggregateFunc>' for aggregates."
	textBothKeys       = "Both Partition Key and Partition Key range are Specified. Please specify only one of them."
	textContinuation   = "Invalid Continuation Token"
)

// parseQuery compiles the statement of the body.
func (x *exchange) parseQuery() (*cosql.Bound, *reply) {
	var in struct {
		Query      *string `json:"query"`
		Parameters []struct {
			Name  string          `json:"name"`
			Value json.RawMessage `json:"value"`
		} `json:"parameters"`
	}
	if strings.HasPrefix(strings.ToLower(x.Header.Get("Content-Type")), "application/sql") {
		text := string(x.Body)
		in.Query = &text
	} else if json.Unmarshal(x.Body, &in) != nil || in.Query == nil {
		return nil, x.failure(http.StatusBadRequest, 0, formErrors, textPayload, -1)
	}
	q, err := cosql.Parse(*in.Query)
	if err != nil {
		return nil, x.syntaxError(err)
	}
	var names []string
	var values []cosql.Value
	for _, p := range in.Parameters {
		v := cosql.Value{}
		if len(p.Value) > 0 {
			raw, err := jsonraw.Normalize(p.Value)
			if err != nil {
				return nil, x.failure(http.StatusBadRequest, 0, formErrors, textPayload, -1)
			}
			v = cosql.FromRaw(raw)
		}
		names, values = append(names, p.Name), append(values, v)
	}
	params, err := cosql.ParameterMap(names, values)
	if err != nil {
		return nil, x.failure(http.StatusBadRequest, 0, formErrors, err.Error(), -1)
	}
	b, err := q.Bind(params)
	if err != nil {
		return nil, x.syntaxError(err)
	}
	return b, nil
}

func (x *exchange) syntaxError(err error) *reply {
	var se *cosql.SyntaxError
	if !errors.As(err, &se) {
		return x.failure(http.StatusBadRequest, 0, formErrors, err.Error(), -1)
	}
	detail := `{"errors":[{"severity":"Error","location":{"start":` + strconv.Itoa(se.Start) + `,"end":` + strconv.Itoa(se.End) +
		`},"code":` + jsonraw.Quote(se.Code) + `,"message":` + jsonraw.Quote(se.Message) + `}]}`
	return x.failure(http.StatusBadRequest, 0, formSyntax, detail, -1)
}

func (x *exchange) notRepresentable() *reply {
	detail := `{"errors":[{"severity":"Error","code":4001,"message":"The response content contains a numeric value that cannot be represented in JSON. ` +
		`Ensure that the query does not produce such values."}]}`
	return x.failure(http.StatusBadRequest, 4001, formSyntax, detail, 2.25)
}

// pageSize reads x-ms-max-item-count; -1 is no bound.
func (x *exchange) pageSize() (int, *reply) {
	v := x.Header.Get("X-Ms-Max-Item-Count")
	if v == "" || v == "0" {
		return 1000, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < -1 {
		r := x.badRequest("The input PageSize " + v + " is invalid. Ensure to pass a valid page size which must be a positive integer or -1 for a dynamic page size")
		r.set("x-ms-request-validation-failure", "1")
		return 0, r
	}
	return n, nil
}

// refusal is what the gateway does not serve: statements that would need the results of several ranges merged.
func (x *exchange) refusal(b *cosql.Bound) *reply {
	switch {
	case x.PartitionKey != "" && x.RangeID != "":
		return x.badRequest(textBothKeys)
	case x.PartitionKey != "" || x.RangeID != "" || len(b.From) == 0:
		return nil
	case !isTrue(x.Header.Get("X-Ms-Documentdb-Query-Enablecrosspartition")):
		return x.badRequest(textNeedCross)
	case b.NeedsPlainAggregate():
		return x.failure(http.StatusBadRequest, 0, formErrors, textValueAggregate, -1)
	case b.NeedsMerge():
		return x.firstChance(b)
	}
	return nil
}

// firstChance is the refusal that carries the plan.
func (x *exchange) firstChance(b *cosql.Bound) *reply {
	r := x.failure(http.StatusBadRequest, 1004, formGateway, textFirstChance, -1)
	r.body = append(r.body[:len(r.body)-1], `,"additionalErrorInfo":`...)
	r.body = append(jsonraw.AppendQuote(r.body, string(planJSON(b))), '}')
	return r
}

// planJSON spells a query plan.
func planJSON(b *cosql.Bound) []byte {
	type queryRange struct {
		Min  string `json:"min"`
		Max  string `json:"max"`
		MinI bool   `json:"isMinInclusive"`
		MaxI bool   `json:"isMaxInclusive"`
	}
	out, err := json.Marshal(struct {
		Version int          `json:"partitionedQueryExecutionInfoVersion"`
		Info    cosql.Plan   `json:"queryInfo"`
		Ranges  []queryRange `json:"queryRanges"`
		Hybrid  *struct{}    `json:"hybridSearchQueryInfo"`
	}{2, b.Plan(), []queryRange{{"", "FF", true, false}}, nil})
	if err != nil {
		return []byte("{}")
	}
	return out
}

// queryPlan serves a request for the plan alone.
func (x *exchange) queryPlan() *reply {
	b, bad := x.parseQuery()
	if bad != nil {
		return bad
	}
	supported := map[string]bool{}
	for f := range strings.SplitSeq(x.Header.Get("X-Ms-Cosmos-Supported-Query-Features"), ",") {
		supported[strings.TrimSpace(f)] = true
	}
	for _, f := range b.Features() {
		if !supported[f] {
			return x.badRequest("Query contains 1 or more unsupported features. Upgrade your SDK to a version that does support the requested features:\r\n" +
				"Query contained " + f + ", which the calling client does not support.")
		}
	}
	return &reply{status: http.StatusOK, body: planJSON(b), charge: -1}
}

// queryItems serves a page of a statement.
func (x *exchange) queryItems(c *container) *reply {
	b, bad := x.parseQuery()
	if bad != nil {
		return bad
	}
	limit, bad := x.pageSize()
	if bad != nil {
		return bad
	}
	if r := x.refusal(b); r != nil {
		return r
	}
	cur, ok := parseCursor(x.Header.Get("X-Ms-Continuation"))
	if !ok || !cur.fits(b) {
		return x.badRequest(textContinuation)
	}
	r := x.page(c, b, cur, limit)
	if r.status == http.StatusOK {
		r.set("x-ms-cosmos-query-execution-info", `{"reverseRidEnabled":false,"reverseIndexScan":false}`)
		r.set("x-ms-cosmos-is-partition-key-delete-pending", "false")
		if isTrue(x.Header.Get("X-Ms-Documentdb-Populatequerymetrics")) {
			r.set("x-ms-documentdb-query-metrics", "totalExecutionTimeInMs=0.41;queryCompileTimeInMs=0.05;queryLogicalPlanBuildTimeInMs=0.02;"+
				"queryPhysicalPlanBuildTimeInMs=0.03;queryOptimizationTimeInMs=0.00;VMExecutionTimeInMs=0.20;indexLookupTimeInMs=0.10;documentLoadTimeInMs=0.05;"+
				"systemFunctionExecuteTimeInMs=0.00;userFunctionExecuteTimeInMs=0.00;retrievedDocumentCount="+r.get("x-ms-item-count")+";retrievedDocumentSize="+
				strconv.Itoa(len(r.body))+";outputDocumentCount="+r.get("x-ms-item-count")+";outputDocumentSize="+strconv.Itoa(len(r.body))+
				";writeOutputTimeInMs=0.01;indexUtilizationRatio=1.00")
		}
	}
	return r
}

// listItems serves a page of all items.
func (x *exchange) listItems(c *container) *reply {
	limit, bad := x.pageSize()
	if bad != nil {
		return bad
	}
	cur, ok := parseCursor(x.Header.Get("X-Ms-Continuation"))
	if !ok {
		return x.badRequest(textContinuation)
	}
	q, err := cosql.Parse("SELECT * FROM c")
	if err != nil {
		return x.syntaxError(err)
	}
	b, err := q.Bind(nil)
	if err != nil {
		return x.syntaxError(err)
	}
	r := x.page(c, b, cur, limit)
	if r.status == http.StatusOK {
		r.charge = 1
	}
	return r
}
