// Package cosmos keeps documents in Azure Cosmos DB, on azcosmos.
package cosmos
