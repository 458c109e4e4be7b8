package cosmostest

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/jsonraw"
)

// container holds its partitions. mu guards them and the properties; the identity never changes.
type container struct {
	server *Server
	db     *database
	id     string
	rid    []byte
	self   string // link with a trailing slash

	mu      sync.Mutex
	props   properties
	etag    string
	ts      int64
	lsn     int64
	parts   []*partition // live ranges, in order of their keys
	retired []*partition // split ranges
	nextID  int
	nextRow uint64
	shared  *atomic.Int64
	offer   *offer
	wide    bool    // some item holds a number that queries spell differently
	limit   float64 // request units per second set by SetThroughput
}

// properties are what a container's document says besides its system properties, each member raw.
type properties struct {
	indexing, conflict, geo, unique, key, analytical string
	paths                                            [][]string // of the partition key
	version                                          int
	multi                                            bool // a hierarchical key
	ttl                                              int64
	ttlSet                                           bool
	uniquePaths                                      [][][]string
}

const (
	defaultIndexing = `{"indexingMode":"consistent","automatic":true,"includedPaths":[{"path":"/*"}],"excludedPaths":[{"path":"/\"_etag\"/?"}]}`
	defaultConflict = `{"mode":"LastWriterWins","conflictResolutionPath":"/_ts","conflictResolutionProcedure":""}`
	defaultGeo      = `{"type":"Geography"}`
)

// parseProperties reads the document of a container; the text is what is wrong with it.
func (s *Server) parseProperties(raw string, sharedThroughput bool) (id string, p properties, problem string) {
	p = properties{indexing: defaultIndexing, conflict: defaultConflict, geo: defaultGeo, version: 1}
	if raw == "" || raw[0] != '{' {
		return "", p, textPayload
	}
	id = stringMember(raw, "id")
	jsonraw.Members(raw, func(key, value string) bool {
		switch key {
		case "indexingPolicy":
			p.indexing = completeIndexing(value)
		case "conflictResolutionPolicy":
			p.conflict = value
		case "geospatialConfig":
			p.geo = value
		case "uniqueKeyPolicy":
			p.unique = value
		case "partitionKey":
			p.key = value
		case "analyticalStorageTtl":
			p.analytical = value
		case "defaultTtl":
			p.ttlSet = true
			if err := json.Unmarshal([]byte(value), &p.ttl); err != nil || p.ttl < -1 || p.ttl == 0 || p.ttl > math.MaxInt32 {
				problem = "The value of the default time to live, " + value + ", is invalid: it is -1 or a positive number of seconds."
			}
		}
		return true
	})
	if problem != "" {
		return id, p, problem
	}
	if p.key == "" {
		if sharedThroughput {
			return id, p, "Shared throughput collection should have a partition key"
		}
		return id, p, "The partition key definition is missing."
	}
	return id, p, s.parseKey(&p)
}

// completeIndexing adds what the service adds to an indexing policy: the mode, and the exclusion of the etag.
func completeIndexing(raw string) string {
	members := map[string]string{"indexingMode": `"consistent"`, "automatic": "true", "includedPaths": "[]", "excludedPaths": "[]"}
	order := []string{"indexingMode", "automatic", "includedPaths", "excludedPaths"}
	jsonraw.Members(raw, func(key, value string) bool {
		if _, ok := members[key]; !ok {
			order = append(order, key)
		}
		if key == "indexingMode" {
			value = strings.ToLower(value)
		}
		members[key] = value
		return true
	})
	if !strings.Contains(members["excludedPaths"], `_etag`) && members["indexingMode"] != `"none"` {
		const etag = `{"path":"/\"_etag\"/?"}`
		if members["excludedPaths"] == "[]" {
			members["excludedPaths"] = "[" + etag + "]"
		} else {
			members["excludedPaths"] = strings.TrimSuffix(members["excludedPaths"], "]") + "," + etag + "]"
		}
	}
	out := []byte{'{'}
	for i, key := range order {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(jsonraw.AppendQuote(out, key), ':'), members[key]...)
	}
	return string(append(out, '}'))
}

func (s *Server) parseKey(p *properties) string {
	var key struct {
		Paths   []string `json:"paths"`
		Kind    string   `json:"kind"`
		Version int      `json:"version"`
	}
	if json.Unmarshal([]byte(p.key), &key) != nil || len(key.Paths) == 0 {
		return "The partition key definition is invalid."
	}
	switch {
	case key.Kind == "MultiHash":
		p.multi, p.version = true, 2
		if key.Version != 2 {
			return "The 'kind' value 'MultiHash' specified in the partition key definition is invalid. Please choose 'Hash' partition type."
		}
		if len(key.Paths) > 3 {
			return "Too many partition key paths specified."
		}
	case len(key.Paths) > 1:
		return "Too many partition key paths specified for the partition kind 'Hash'."
	}
	for _, path := range key.Paths {
		if !strings.HasPrefix(path, "/") || len(path) < 2 {
			return fmt.Sprintf("The partition key component definition path '%s' could not be accepted.", path)
		}
		p.paths = append(p.paths, splitPath(path))
	}
	switch {
	case key.Version == 2:
		p.version = 2
	case key.Version == 0 && s.opts.Switches.KeyVersionAdded:
		p.version = 2
		p.key = strings.TrimSuffix(p.key, "}") + `,"version":2}`
	}
	if p.unique == "" {
		return ""
	}
	var unique struct {
		Keys []struct {
			Paths []string `json:"paths"`
		} `json:"uniqueKeys"`
	}
	if json.Unmarshal([]byte(p.unique), &unique) != nil {
		return "The unique key policy is invalid."
	}
	for _, k := range unique.Keys {
		var paths [][]string
		for _, path := range k.Paths {
			paths = append(paths, splitPath(path))
		}
		p.uniquePaths = append(p.uniquePaths, paths)
	}
	return ""
}

// splitPath splits a path like /a/"b c"/d.
func splitPath(path string) []string {
	var out []string
	for seg := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		out = append(out, strings.Trim(seg, `"`))
	}
	return out
}

// json is the container's document.
func (c *container) json() []byte {
	out := append([]byte(`{"id":`), jsonraw.Quote(c.id)...)
	add := func(name, value string) {
		if value != "" {
			out = append(out, `,"`+name+`":`+value...)
		}
	}
	add("indexingPolicy", c.props.indexing)
	add("partitionKey", c.props.key)
	if c.props.ttlSet {
		add("defaultTtl", itoa(c.props.ttl))
	}
	add("uniqueKeyPolicy", c.props.unique)
	add("conflictResolutionPolicy", c.props.conflict)
	add("geospatialConfig", c.props.geo)
	add("analyticalStorageTtl", c.props.analytical)
	add("_rid", `"`+ridText(c.rid)+`"`)
	add("_ts", itoa(c.ts))
	add("_self", `"`+c.self+`"`)
	add("_etag", jsonraw.Quote(c.etag))
	return append(out, `,"_docs":"docs/","_sprocs":"sprocs/","_triggers":"triggers/","_udfs":"udfs/","_conflicts":"conflicts/"}`...)
}

// makePartitions gives a new container its physical partitions.
func (c *container) makePartitions(n int) {
	bounds := append(append([]string{""}, initialBounds(n, c.props.version)...), "FF")
	for i := range n {
		c.parts = append(c.parts, c.newPartition(bounds[i], bounds[i+1], nil))
	}
	for _, p := range c.parts {
		p.seq = c.shared
		if p.seq == nil || n > 1 {
			p.seq = &atomic.Int64{}
		}
		p.origin[0] = p.seq.Add(1)
		for _, st := range c.server.top.Load().sites() {
			p.replicas[st] = newReplica()
			p.replicas[st].lsn = p.seq.Load()
			p.replicas[st].vector[0] = p.seq.Load()
		}
	}
}

func (c *container) newPartition(minimum, maximum string, parents []string) *partition {
	p := &partition{id: itoa(int64(c.nextID)), min: minimum, max: maximum, parents: parents, created: c.server.now().Unix(),
		born: c.server.master.Add(1), origin: map[int]int64{}, replicas: map[*site]*replica{}}
	p.rid = binary.LittleEndian.AppendUint64(slices.Clone(c.rid), uint64(c.nextID+2)|0x50<<56)
	p.guid = guid(c.server.activity.Add(1))
	c.nextID++
	return p
}

// route finds the live partition of a partition key.
func (c *container) route(pk []string) *partition {
	if len(c.parts) == 1 {
		return c.parts[0]
	}
	return c.routeEPK(effectiveKey(pk, c.props.version, c.props.multi))
}

func (c *container) routeEPK(epk string) *partition {
	i, found := slices.BinarySearchFunc(c.parts, epk, func(p *partition, e string) int { return strings.Compare(p.min, e) })
	if !found {
		i--
	}
	return c.parts[i]
}

// live finds a live partition by id; gone tells that the id is one of a split range.
func (c *container) live(id string) (p *partition, gone *partition) {
	for _, p := range c.parts {
		if p.id == id {
			return p, nil
		}
	}
	for _, p := range c.retired {
		if p.id == id {
			return nil, p
		}
	}
	return nil, nil
}
