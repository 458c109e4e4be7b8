package config

import (
	"errors"
	"fmt"
	"io"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// Print writes the configuration in effect as YAML, with where each value comes
// from as a comment: a line of a file, an environment variable, or "default".
// Secrets are redacted, and Load refuses them so. Keys of backends that are not
// in use are left out unless they are set.
func (c *Config) Print(w io.Writer) error {
	_, err := io.WriteString(w, c.String())
	return err
}

// String returns what Print writes.
func (c Config) String() string {
	doc := &yaml.Node{Kind: yaml.MappingNode}
	blocks := map[string]*yaml.Node{"": doc}
	all := c.read.schema
	if all == nil {
		all = theSchema()
	}
	for i := range all.keys {
		k := &all.keys[i]
		s, ok := c.read.settings[k.path]
		if !ok && k.within == "" && k.tag.Get("idle") == "" && c.uses(k.path) {
			s, ok = k.fallback()
		}
		if !ok {
			continue
		}
		n := s.node()
		n.LineComment = "# " + s.source
		put(blocks, k.path, n)
	}
	var b strings.Builder
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := errors.Join(enc.Encode(doc), enc.Close()); err != nil {
		panic(err) // of plain values in memory
	}
	return b.String()
}

// put hangs n into the tree at path.
func put(blocks map[string]*yaml.Node, path string, n *yaml.Node) {
	up := parent(path)
	block := blocks[up]
	if block == nil {
		block = &yaml.Node{Kind: yaml.MappingNode}
		blocks[up] = block
		put(blocks, up, block)
	}
	name := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: strings.TrimPrefix(path[len(up):], ".")}
	block.Content = append(block.Content, name, n)
}

// uses reports whether the key belongs to what is configured.
func (c *Config) uses(path string) bool {
	db, err := c.Database()
	switch {
	case under(path, root+".memory-store"):
		return err == nil && db == onMemory
	case under(path, cosmosBlock):
		return err == nil && db == onCosmosDB
	case under(path, couchBlock), under(path, root+".activation-store"):
		return err == nil && db == onCouchDB
	case under(path, s3Block):
		return attachmentsOf(c.SPI.AttachmentStore) == onS3
	}
	return true
}

// node returns the value in YAML.
func (s setting) node() *yaml.Node {
	switch v := s.value.(type) {
	case []string:
		n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for _, e := range v {
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: e})
		}
		return n
	case bool, int, uint64, float64:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: fmt.Sprint(v)}
	default: // a Secret prints as redacted
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: fmt.Sprint(v)}
	}
}
