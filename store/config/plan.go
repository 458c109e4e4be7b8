package config

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/observe"
)

// Keys that errors name in more than one place.
const (
	providerKey    = root + ".spi.ArtifactStoreProvider"
	attachmentsKey = root + ".spi.AttachmentStoreProvider"
	activationsKey = root + ".spi.ActivationStoreProvider"
	cosmosBlock    = root + ".cosmosdb"
	couchBlock     = root + ".couchdb"
	s3Block        = root + ".s3"
)

// maxInlineSize leaves a third of store.DefaultMaxBody to the rest of a document
// when its code is inline, which is base64.
const maxInlineSize Size = 1 << 20

// plan is what a configuration opens: all its keys resolved for each
// collection, and judged.
type plan struct {
	database    string
	system      string // observe's name of the database, "" when nothing is observed
	collections []collectionPlan

	attachments    string // "" for none
	attachmentsDir string // of the embedded store, "" for none
	maxInline      int    // in bytes
}

type collectionPlan struct {
	collection string // store.Whisks
	class      string // "WhiskEntity"
	namespace  string // the database's name at the service
	writes     Writes
	dir        string // of the embedded store, "" for none

	cosmos CosmosAccount
	couch  CouchAccount
}

// classes are the collections in the order in which they open.
var classes = [...]struct{ class, collection string }{
	{"WhiskEntity", store.Whisks},
	{"WhiskActivation", store.Activations},
	{"WhiskAuth", store.Subjects},
}

// of returns the value of a class.
func of[T any](p *PerCollection[T], class string) T {
	switch class {
	case "WhiskAuth":
		return p.WhiskAuth
	case "WhiskEntity":
		return p.WhiskEntity
	}
	return p.WhiskActivation
}

// plan resolves and judges the configuration as a whole.
func (c *Config) plan() (*plan, error) {
	p := &plan{maxInline: int(c.DB.MaxInlineSize)}
	var errs []error
	var err error
	if p.database, err = c.Database(); err != nil {
		return nil, err
	}
	if p.attachments, err = c.attachmentStore(p.database); err != nil {
		errs = append(errs, err)
	}
	if dir := c.MemoryStore.Directory; dir != "" && p.attachments == onMemory {
		p.attachmentsDir = filepath.Join(dir, "attachments")
	}
	if c.DB.Observe {
		p.system = map[string]string{onMemory: observe.Memory, onCosmosDB: observe.CosmosDB, onCouchDB: observe.CouchDB}[p.database]
	}
	if a := strings.TrimSuffix(c.SPI.ActivationStore, "$"); a != "" && a != "org.apache.openwhisk.core.database.ArtifactActivationStoreProvider" {
		errs = append(errs, unsupported(activationsKey, "%q keeps activations elsewhere; remove the key, activations are kept in the database", a))
	}
	if c.DB.MaxInlineSize > maxInlineSize {
		errs = append(errs, problem(root+".db.max-inline-size", "%v may not fit into a document; set it to %v or less", c.DB.MaxInlineSize, maxInlineSize))
	}
	if _, err := c.ParameterStorage.Encryption(); err != nil {
		errs = append(errs, err)
	}
	for _, cl := range classes {
		cp, err := c.collection(p.database, cl.class, cl.collection)
		p.collections = append(p.collections, cp)
		errs = append(errs, err)
	}
	if err := distinct(errors.Join(errs...)); err != nil {
		return nil, err
	}
	return p, nil
}

// Database returns where documents are kept: "memory", "cosmosdb" or "couchdb".
// It fails, as Open would, when the provider is unknown or the choice unclear.
func (c *Config) Database() (string, error) {
	if provider := c.SPI.ArtifactStore; provider != "" {
		if db := databaseOf(provider); db != "" {
			return db, nil
		}
		return "", unsupported(providerKey, "%q is not known; set it to %s, %s or %s", provider, onMemory, onCosmosDB, onCouchDB)
	}
	switch {
	case c.sets(couchBlock):
		return onCouchDB, nil // upstream's default
	case c.sets(cosmosBlock):
		return "", problem(providerKey, "is not set, but %s is; set it to %s to use that, or to %s", cosmosBlock, onCosmosDB, onMemory)
	}
	return onMemory, nil
}

// sets reports whether any key below block is set.
func (c *Config) sets(block string) bool {
	for path := range c.read.settings {
		if under(path, block) {
			return true
		}
	}
	return false
}

func (c *Config) attachmentStore(database string) (string, error) {
	var errs []error
	require := c.requirer(&errs)
	provider := c.SPI.AttachmentStore
	name := attachmentsOf(provider)
	switch {
	case provider == "" && database == onMemory:
		return onMemory, nil
	case provider == "":
		return "", nil
	case name == "":
		return "", unsupported(attachmentsKey, "%q is not known; set it to %s or %s", provider, onMemory, onS3)
	case name == onMemory && database != onMemory:
		return "", problem(attachmentsKey, "%s loses the attachments of documents that stay in %s; set it to %s, or remove it", onMemory, database, onS3)
	case name == onS3:
		require(c.S3.Bucket == "", s3Block+".bucket")
		if c.S3.CloudFront.DomainName != "" {
			require(c.S3.CloudFront.KeyPairID == "", s3Block+".cloud-front-config.key-pair-id")
			require(c.S3.CloudFront.PrivateKey.IsZero(), s3Block+".cloud-front-config.private-key")
		}
		if cred := c.S3.Connectors.Credentials; cred.Provider == "static" {
			require(cred.AccessKeyID == "", s3Block+".pekko-connectors.aws.credentials.access-key-id")
			require(cred.SecretAccessKey.IsZero(), s3Block+".pekko-connectors.aws.credentials.secret-access-key")
		}
		if region := c.S3.Connectors.Region; region.Provider == "static" {
			require(region.Default == "", s3Block+".pekko-connectors.aws.region.default-region")
		}
	}
	return name, errors.Join(errs...)
}

// requirer returns a function that adds an error for a key that is missing.
func (c *Config) requirer(errs *[]error) func(missing bool, key string) {
	return func(missing bool, key string) {
		if missing {
			*errs = append(*errs, problem(key, "is required and not set"))
		}
	}
}

// collection resolves one collection: what is set for it goes before what is
// set for all, and the database's own block before whisk.db.
func (c *Config) collection(database, class, collection string) (collectionPlan, error) {
	p := collectionPlan{collection: collection, class: class}
	var errs []error
	require := c.requirer(&errs)
	blocks := []string{root + ".db.collections." + class, root + ".db"}
	switch database {
	case onMemory:
		if dir := c.MemoryStore.Directory; dir != "" {
			p.dir = filepath.Join(dir, collection)
		}
	case onCosmosDB:
		blocks = append([]string{cosmosBlock + ".collections." + class, cosmosBlock}, blocks...)
		p.cosmos = of(&c.CosmosDB.Collections, class)
		p.namespace = p.cosmos.DB
		require(p.cosmos.Endpoint == "", cosmosBlock+".endpoint")
		require(p.cosmos.Credential == byKey && p.cosmos.Key.IsZero(), cosmosBlock+".key")
		require(p.cosmos.DB == "", cosmosBlock+".db")
	case onCouchDB:
		p.couch = of(&c.CouchDB.Collections, class)
		p.namespace = of(&c.CouchDB.Databases, class)
		require(c.CouchDB.Provider == "", couchBlock+".provider")
		require(p.namespace == "", couchBlock+".databases."+class)
		for _, s := range []struct {
			server CouchServer
			block  string
		}{{p.couch.CouchServer, couchBlock}, {p.couch.ReadReplica, couchBlock + ".read-replica"}} {
			if s.block != couchBlock && s.server.Host == "" {
				continue
			}
			require(s.server.Protocol == "", s.block+".protocol")
			require(s.server.Host == "", s.block+".host")
			require(s.server.Port == 0, s.block+".port")
			require(s.server.Username == "", s.block+".username")
			require(s.server.Password.IsZero(), s.block+".password")
		}
	}
	c.read.fill(reflect.ValueOf(&p.writes).Elem(), blocks...)
	for _, d := range []struct {
		key string
		is  Duration
	}{{"soft-delete-ttl", p.writes.SoftDeleteTTL}, {"time-to-live", p.writes.TimeToLive}} {
		if d.is > Duration(store.MaxTTL) {
			errs = append(errs, problem(c.setAt(blocks, d.key), "%v is more than %v, the longest that a document can live", d.is, Duration(store.MaxTTL)))
		}
	}
	if p.writes.TimeToLive != 0 && collection != store.Activations {
		at := c.setAt(blocks, "time-to-live")
		block, _, _ := strings.Cut(at, ".collections.")
		errs = append(errs, problem(at, "lets whisks or subjects expire; set %s.collections.WhiskActivation.time-to-live instead", strings.TrimSuffix(block, ".time-to-live")))
	}
	return p, errors.Join(errs...)
}

// setAt returns the key that decides name in blocks.
func (c *Config) setAt(blocks []string, name string) string {
	for _, b := range blocks {
		if _, ok := c.read.settings[b+"."+name]; ok {
			return b + "." + name
		}
	}
	return blocks[0] + "." + name
}

// distinct removes errors that say the same: what all collections lack is
// missing once.
func distinct(err error) error {
	if err == nil {
		return nil
	}
	seen := map[string]bool{}
	var errs []error
	var walk func(error)
	walk = func(err error) {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range joined.Unwrap() {
				walk(e)
			}
		} else if !seen[err.Error()] {
			seen[err.Error()] = true
			errs = append(errs, err)
		}
	}
	walk(err)
	return errors.Join(errs...)
}

// String describes the stack of each collection, outermost decorator first.
func (p *plan) String() string {
	var b strings.Builder
	for _, c := range p.collections {
		layers := []string{"check"}
		if p.system != "" {
			layers = append(layers, "observe("+p.system+")")
		}
		if ttl := c.writes.SoftDeleteTTL; ttl != 0 {
			layers = append(layers, fmt.Sprintf("softdelete(%v)", ttl))
		}
		if id := c.writes.ClusterID; id != "" {
			layers = append(layers, fmt.Sprintf("stamp(%q)", id))
		}
		fmt.Fprintf(&b, "%-11s = %s -> %s\n", c.collection, strings.Join(layers, " -> "), c.backend(p.database))
	}
	attachments := cmp.Or(p.attachments, "none")
	if p.attachments == onMemory {
		attachments += "(" + cmp.Or(p.attachmentsDir, "no directory") + ")"
	}
	fmt.Fprintf(&b, "%-11s = %s, inline below %v\n", "attachments", attachments, Size(p.maxInline))
	return b.String()
}

// backend describes the innermost part.
func (c *collectionPlan) backend(database string) string {
	var s string
	switch database {
	case onMemory:
		s = "memory(" + cmp.Or(c.dir, "no directory")
	case onCosmosDB:
		s = fmt.Sprintf("cosmosdb(%s %s, %s", c.cosmos.Endpoint, c.namespace, c.cosmos.ConsistencyLevel)
		if c.cosmos.Credential != byKey {
			s += strings.TrimRight(", by "+c.cosmos.Credential+" "+c.cosmos.ClientID, " ")
		}
		if regions := c.cosmos.ConnectionPolicy.PreferredLocations; len(regions) > 0 {
			s += ", in " + strings.Join(regions, " then ")
		}
		if c.cosmos.ConnectionPolicy.UsingMultipleWriteLocations {
			s += ", many write regions"
		}
	case onCouchDB:
		s = fmt.Sprintf("couchdb(%s/%s", c.couch.CouchServer, c.namespace)
		if c.couch.ReadReplica.Host != "" {
			s += fmt.Sprintf(", read from %s", c.couch.ReadReplica)
		}
	}
	if ttl := c.writes.TimeToLive; ttl != 0 {
		s += fmt.Sprintf(", lives %v", ttl)
	}
	return s + ")"
}

// String returns the server's address, without credentials.
func (s CouchServer) String() string { return fmt.Sprintf("%s://%s:%d", s.Protocol, s.Host, s.Port) }
