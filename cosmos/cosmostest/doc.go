// Package cosmostest is a test server for clients of Azure Cosmos DB: an account behind the REST gateway, in process,
// in the manner of net/http/httptest. It answers as the hosted gateway does as far as that was recorded or documented,
// so that the official Go client cannot tell: accounts with one or several regions, databases, containers, offers,
// items with etags, TTL, PATCH and batches, SQL queries with the gateway's refusals and paging tokens, partition key
// ranges and splits, the incremental change feed, session tokens, throughput and the service's failures.
//
//	srv := cosmostest.NewServer(cosmostest.Options{Ranges: 4})
//	defer srv.Close()
//	client, err := srv.Client(nil) // or any client with srv.URL() and srv.Key()
//
// As a stand-alone server: go run ./integration/cmd/cosmosfake -listen 127.0.0.1:8081.
//
// # Control
//
// [Options] set what an account is. While it runs:
//
//   - Physical partitions: [Server.Ranges], [Server.Split]. A request that names a split range gets 410/1002.
//   - Regions: [Server.RegionURL], [Server.Failover], [Server.SetMultiWrite], [Server.SetReplicationDelay],
//     [Server.PauseReplication], [Server.TakeDown], [Server.AddRegion], [Server.RemoveRegion]. Every region has its own
//     endpoint; the global endpoint is the write region. A write goes to the other regions in order, after the delay.
//   - Time: [Server.Advance] moves the clock by which items expire, writes replicate and throughput refills.
//   - Throughput: [Server.SetThroughput] and [Options.EnforceThroughput]: 429 with the delay that the budget implies.
//   - Faults: [Server.Inject] with a predicate: a status before or after the request is carried out, a cut connection
//     before or after, a cut body, a delay.
//   - Counters: [Server.Counters] by region, operation, database and container: requests, request units, bytes and
//     statuses; [Options.Observe] sees each exchange.
//
// Methods that name a region, container or range panic when there is none of that name, because that is a mistake in
// the test.
//
// # What is a guess
//
// Where nobody recorded an answer of the service, a field of [Switches] chooses between the plausible ones, and
// [AllSwitches] lists what each does. A client is expected to work under every single switch.
//
// # What it does not do
//
// Stored procedures, triggers and user-defined functions are not run; there are no users and permissions, no full text
// or vector search, and no full-fidelity change feed. Ranges do not merge, and a change of throughput splits none:
// [Server.Split] does. 408, 449, 500 and 503 come from [Server.Inject] only, because nothing here times out or collides.
// PATCH leaves a new member among the item's own, where the service writes it behind _attachments. There is no TLS.
// Nothing is kept when the server closes. Statements are evaluated on stored JSON text; equalities and a single ORDER BY
// key use an index that the first such query makes. Request charges are fitted to the recorded ones and are not exact.
//
// # Performance
//
// A page of a query reads an index, or at most [Options.ScanItems] items in the order of their creation, of one logical
// partition when the request names it; then it ends with a continuation, possibly empty. Aggregates, DISTINCT, GROUP BY,
// OFFSET and an order that no index has need every row of the partition, or of the logical partition. Answers are made
// from a copy-on-write snapshot, so a query does not hold writers up.
//
// The server speaks HTTP/1.1 by itself: net/http's server cost more per request than the answers do.
package cosmostest
