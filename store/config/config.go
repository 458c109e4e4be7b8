package config

import (
	"reflect"

	"github.com/whiskstore/whiskstore/store/entity"
)

// Config is a whole configuration: what Load read, over the defaults; Load(nil)
// returns the defaults. The struct tags are its schema; the README's table is
// made of them. A key that is tagged idle is upstream's and means nothing here.
type Config struct {
	SPI              SPI              `config:"spi"`
	DB               DB               `config:"db"`
	MemoryStore      MemoryStore      `config:"memory-store"`
	CosmosDB         CosmosDB         `config:"cosmosdb"`
	CouchDB          CouchDB          `config:"couchdb"`
	S3               S3               `config:"s3"`
	ActivationStore  ActivationStore  `config:"activation-store"`
	ParameterStorage ParameterStorage `config:"parameter-storage"`

	read reading
}

// Changed returns the keys that were set to something else than their default,
// sorted.
func (c *Config) Changed() []string {
	var keys []string
	for _, path := range sortedKeys(c.read.settings) {
		s, ok := c.read.schema.byPath[path].fallback()
		if !ok || !reflect.DeepEqual(s.value, c.read.settings[path].value) {
			keys = append(keys, path)
		}
	}
	return keys
}

// SPI is whisk.spi: which implementations are used.
type SPI struct {
	ArtifactStore   string `config:"ArtifactStoreProvider" doc:"The database: memory, cosmosdb or couchdb, or upstream's class name of one. Unset it is couchdb where whisk.couchdb is configured, as upstream has it, and memory where no database is."`
	AttachmentStore string `config:"AttachmentStoreProvider" doc:"Where attachments are kept: memory or s3, or upstream's class name of one. Unset it is memory beside the memory store, and none beside a database."`
	ActivationStore string `config:"ActivationStoreProvider" doc:"Upstream's ArtifactActivationStoreProvider, which keeps activations in the database. No other is known here."`
}

// PerCollection has a value for each collection, by upstream's class names.
type PerCollection[T any] struct {
	WhiskEntity     T `config:"WhiskEntity"`     // store.Whisks
	WhiskActivation T `config:"WhiskActivation"` // store.Activations
	WhiskAuth       T `config:"WhiskAuth"`       // store.Subjects
}

// DB is whisk.db: what holds for every database.
type DB struct {
	SubjectsDdoc          string `config:"subjects-ddoc" default:"subjects.v2.0.0" oneof:"subjects.v2.0.0" doc:"The design document of identities."`
	ActionsDdoc           string `config:"actions-ddoc" default:"whisks.v2.1.0" oneof:"whisks.v2.1.0" doc:"The design document of actions, packages, rules and triggers."`
	ActivationsDdoc       string `config:"activations-ddoc" default:"whisks.v2.1.0" oneof:"whisks.v2.1.0" doc:"The design document of activations by namespace."`
	ActivationsFilterDdoc string `config:"activations-filter-ddoc" default:"whisks-filters.v2.1.1" oneof:"whisks-filters.v2.1.1" doc:"The design document of activations by action."`
	MaxInlineSize         Size   `config:"max-inline-size" default:"16 k" doc:"The size from which an action's code goes to the attachment store; smaller code stays in the document. 0 inlines nothing but empty code."`
	Observe               bool   `config:"observe" default:"true" doc:"Whether stores report traces and metrics to the providers that they are given."`

	Writes
	Collections PerCollection[Writes] `config:"collections,overrides" doc:"Overrides for one collection."`
}

// Writes is how documents are written.
type Writes struct {
	ClusterID     string   `config:"cluster-id" doc:"Written into every document and tombstone. The clusters of a deployment have different ones. Unset writes none."`
	SoftDeleteTTL Duration `config:"soft-delete-ttl" doc:"How long a deleted document stays as a tombstone; it has to be longer than the longest outage of a bridge. Unset or 0 deletes at once."`
	TimeToLive    Duration `config:"time-to-live" doc:"How long documents live, for WhiskActivation only. Unset or 0 is for ever."`
}

// MemoryStore is whisk.memory-store: the embedded store.
type MemoryStore struct {
	Directory string `config:"directory" doc:"Where the embedded store keeps its files, one directory below for each collection and one for attachments. Unset keeps everything in memory only."`
}

// CosmosDB is whisk.cosmosdb. What a collection's block leaves out, it takes
// from the common block: Collections holds what is in effect.
type CosmosDB struct {
	CosmosAccount
	Collections PerCollection[CosmosAccount] `config:"collections,overrides" doc:"Overrides for one collection."`
}

// CosmosAccount is how one collection is reached on Cosmos DB. Its Writes are
// only what whisk.cosmosdb sets, which goes before whisk.db.
type CosmosAccount struct {
	Endpoint         URL           `config:"endpoint" doc:"The account's URL. Required."`
	Key              entity.Secret `config:"key" doc:"The account's key. Required where credential is key, and else not used."`
	Credential       string        `config:"credential" default:"key" oneof:"key default managed-identity workload-identity" doc:"What signs requests: key, or an identity of Microsoft Entra ID: managed-identity, workload-identity, or default, which tries what the environment offers. An identity needs a role for data on the account, and https; it creates no databases and containers."`
	ClientID         string        `config:"client-id" doc:"The client id of the identity. Unset it is the system-assigned managed identity, or the workload's by AZURE_CLIENT_ID."`
	DB               string        `config:"db" doc:"The database. Required."`
	Throughput       int           `config:"throughput" default:"1000" min:"0" doc:"Request units per second of a container that is created. 0 creates it without, for serverless accounts and databases with shared throughput."`
	ConsistencyLevel string        `config:"consistency-level" default:"Session" oneof:"Strong BoundedStaleness Session ConsistentPrefix Eventual" doc:"Strong, BoundedStaleness, Session, ConsistentPrefix or Eventual."`

	Writes
	ConnectionPolicy ConnectionPolicy `config:"connection-policy"`

	RecordUsageFrequency Duration `config:"record-usage-frequency" default:"10 m" doc:"How often the sizes of containers are recorded as metrics. 0 is never."`
	RetryStatsEnabled    bool     `config:"retry-stats-enabled" default:"true" doc:"Whether repetitions after throttling are counted."`
}

// ConnectionPolicy is whisk.cosmosdb.connection-policy.
type ConnectionPolicy struct {
	MaxPoolSize                 int          `config:"max-pool-size" default:"1000" min:"0" doc:"The most connections to one region. 0 is unlimited."`
	UsingMultipleWriteLocations bool         `config:"using-multiple-write-locations" default:"false" doc:"Whether activations are written in the nearest region, where the account takes writes in several. Whisks and subjects are written in the account's first region all the same."`
	ConnectionMode              string       `config:"connection-mode" default:"Gateway" oneof:"Gateway Direct" idle:"the Go SDK speaks to the gateway only"`
	PreferredLocations          []string     `config:"preferred-locations" doc:"Regions in the order in which they are tried."`
	RetryOptions                RetryOptions `config:"retry-options"`
}

// RetryOptions is whisk.cosmosdb.connection-policy.retry-options.
type RetryOptions struct {
	MaxRetryAttempts int      `config:"max-retry-attempts-on-throttled-requests" default:"9" min:"0" doc:"How often a throttled request is repeated."`
	MaxRetryWaitTime Duration `config:"max-retry-wait-time" default:"30 s" doc:"How long a throttled request is repeated."`
}

// CouchDB is whisk.couchdb. What a collection's block leaves out, it takes from
// the common block: Collections holds what is in effect.
type CouchDB struct {
	Provider  string                `config:"provider" oneof:"CouchDB Cloudant" doc:"CouchDB or Cloudant. Required."`
	Databases PerCollection[string] `config:"databases,each" doc:"The collection's database. Required."`

	CouchAccount
	Collections PerCollection[CouchAccount] `config:"collections,overrides" doc:"Overrides for one collection."`
}

// CouchAccount is how one collection is reached on CouchDB.
type CouchAccount struct {
	CouchServer
	ReadReplica CouchServer `config:"read-replica"`
}

// CouchServer is one server of CouchDB.
type CouchServer struct {
	Protocol string        `config:"protocol" oneof:"http https" doc:"http or https. Required."`
	Host     string        `config:"host" doc:"The host. Required; for a read replica, unset reads where is written."`
	Port     int           `config:"port" min:"1" max:"65535" doc:"The port. Required."`
	Username string        `config:"username" doc:"The user. Required."`
	Password entity.Secret `config:"password" doc:"The password. Required."`
}

// ActivationStore is whisk.activation-store.
type ActivationStore struct {
	MaxTries int `config:"retry-config.max-tries" default:"3" min:"0" doc:"How often a batch of activations is written again after a failure of the connection to CouchDB."`
}

// ParameterStorage is whisk.parameter-storage: how parameters are locked.
type ParameterStorage struct {
	Current string        `config:"current" default:"off" oneof:"off noop aes-128 aes-256" doc:"What parameters are locked with: off, aes-128 or aes-256."`
	AES128  entity.Secret `config:"aes-128" doc:"The key of aes-128, 16 bytes in base64. A key that is set unlocks, whatever current is."`
	AES256  entity.Secret `config:"aes-256" doc:"The key of aes-256, 32 bytes in base64."`
}

// Encryption returns what locks and unlocks parameters.
func (p ParameterStorage) Encryption() (*entity.ParameterEncryption, error) {
	e, err := entity.NewParameterEncryption(entity.ParameterStorage{Current: p.Current, AES128: p.AES128, AES256: p.AES256})
	if err != nil {
		return nil, problem(root+".parameter-storage", "%w", err)
	}
	return e, nil
}
