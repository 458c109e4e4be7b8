// Package cosql is the query language of the test gateway: it parses a statement, evaluates it on one document at a
// time with the service's rules for undefined values, tells which equalities and bounds an index may use, and gives
// the plan that the gateway hands to a client that has to merge ranges itself.
//
// It knows nothing of containers, pages or tokens. Everything but [Aggregation] is safe for concurrent use.
package cosql
