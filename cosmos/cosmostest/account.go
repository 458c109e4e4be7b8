package cosmostest

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/cosql"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

type location struct {
	Name     string `json:"name"`
	Endpoint string `json:"databaseAccountEndpoint"`
}

type accountDocument struct {
	Self          string         `json:"_self"`
	ID            string         `json:"id"`
	RID           string         `json:"_rid"`
	Media         string         `json:"media"`
	Addresses     string         `json:"addresses"`
	DBs           string         `json:"_dbs"`
	Writable      []location     `json:"writableLocations"`
	Readable      []location     `json:"readableLocations"`
	MultiWrite    bool           `json:"enableMultipleWriteLocations"`
	Backup        bool           `json:"continuousBackupEnabled"`
	Synchronous   bool           `json:"enableNRegionSynchronousCommit"`
	PerPartition  bool           `json:"enablePerPartitionFailoverBehavior"`
	NoHedging     bool           `json:"disableCrossRegionalHedging"`
	UserPolicy    replicaPolicy  `json:"userReplicationPolicy"`
	Consistency   map[string]any `json:"userConsistencyPolicy"`
	SystemPolicy  setSizes       `json:"systemReplicationPolicy"`
	ReadPolicy    map[string]int `json:"readPolicy"`
	QuerySettings string         `json:"queryEngineConfiguration"`
}

type setSizes struct {
	Min int `json:"minReplicaSetSize"`
	Max int `json:"maxReplicasetSize"`
}

type replicaPolicy struct {
	Async bool `json:"asyncReplication"`
	setSizes
}

func (x *exchange) readAccount() *reply {
	s, top := x.s, x.s.top.Load()
	id := s.opts.Account
	if !x.global && !s.opts.Switches.AccountIDGlobal {
		id += "-" + foldRegion(x.region.name)
	}
	d := accountDocument{ID: id, RID: s.opts.Account + ".documents.azure.com", Media: "//media/", Addresses: "//addresses/", DBs: "//dbs/",
		MultiWrite: top.multi, UserPolicy: replicaPolicy{setSizes: setSizes{3, 4}}, SystemPolicy: setSizes{3, 4},
		Consistency:   map[string]any{"defaultConsistencyLevel": s.opts.Consistency},
		ReadPolicy:    map[string]int{"primaryReadCoefficient": 1, "secondaryReadCoefficient": 1},
		QuerySettings: `{"maxSqlQueryInputLength":` + strconv.Itoa(cosql.MaxText) + `,"maxJoinsPerSqlQuery":10,"maxLogicalAndPerSqlQuery":2000,"maxLogicalOrPerSqlQuery":2000,"maxInExpressionItemsCount":16000}`}
	for i, r := range top.regions {
		l := location{r.name, r.endpoint.url(x.req.Host)}
		d.Readable = append(d.Readable, l)
		if i == 0 || top.multi {
			d.Writable = append(d.Writable, l)
		}
	}
	body, err := json.Marshal(d)
	if err != nil {
		return x.failure(http.StatusInternalServerError, 0, formBare, "Unknown server error occurred when processing this request.", -1)
	}
	r := &reply{status: http.StatusOK, body: body, charge: -1}
	for _, name := range []string{"max-media-storage-usage-mb", "media-storage-usage-mb", "databaseaccount-consumed-mb",
		"databaseaccount-provisioned-mb", "databaseaccount-reserved-mb"} {
		r.set("x-ms-"+name, "0")
	}
	r.set("content-location", "http://"+x.req.Host+"/")
	r.set("cache-control", "no-store, no-cache")
	r.set("pragma", "no-cache")
	return r
}
