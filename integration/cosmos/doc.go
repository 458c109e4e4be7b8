// Package cosmos runs the suites of package storetest over the Cosmos DB backend
// on servers that the environment names: any account by
// WHISKSTORE_COSMOS_ENDPOINT and WHISKSTORE_COSMOS_KEY, and
// @vercel/cosmosdb-server by WHISKSTORE_VERCEL_COSMOS_ENDPOINT. Each run works in
// a database of its own, which it deletes. On the in-process fake the same suites
// are the backend's own tests.
package cosmos
