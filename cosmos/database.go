package cosmos

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/whiskstore/whiskstore/store"
)

// partitionKeyPath is the partition key of every container.
const partitionKeyPath = "/id"

// includedPaths are the indexed paths of each collection (storage.md 3.4); all
// others are excluded. Upstream logs a mismatch for every other set.
var includedPaths = map[string][]string{
	store.Whisks:      {"/entityType/?", "/namespace/?", "/_c/rootns/?", "/updated/?"},
	store.Activations: {"/namespace/?", "/_c/nspath/?", "/start/?", "/_deleted/?"},
	store.Subjects: {"/uuid/?", "/namespaces/[]/name/?", "/subject/?", "/namespaces/[]/uuid/?",
		"/concurrentInvocations/?", "/invocationsPerMinute/?"},
}

func indexingPolicy(collection string) *azcosmos.IndexingPolicy {
	p := &azcosmos.IndexingPolicy{Automatic: true, IndexingMode: azcosmos.IndexingModeConsistent,
		ExcludedPaths: []azcosmos.ExcludedPath{{Path: "/*"}}}
	for _, path := range includedPaths[collection] {
		p.IncludedPaths = append(p.IncludedPaths, azcosmos.IncludedPath{Path: path})
	}
	return p
}

// samePolicy compares included and excluded paths as sets, passing over those of
// the etag (rows COS-23, COS-24).
func samePolicy(a, b *azcosmos.IndexingPolicy) bool {
	paths := func(p *azcosmos.IndexingPolicy) (in, out []string) {
		if p == nil {
			return nil, nil
		}
		for _, i := range p.IncludedPaths {
			in = append(in, i.Path)
		}
		for _, e := range p.ExcludedPaths {
			out = append(out, e.Path)
		}
		tidy := func(list []string) []string {
			list = slices.DeleteFunc(list, func(p string) bool { return strings.Contains(p, "_etag") })
			slices.Sort(list)
			return slices.Compact(list)
		}
		return tidy(in), tidy(out)
	}
	in1, out1 := paths(a)
	in2, out2 := paths(b)
	return slices.Equal(in1, in2) && slices.Equal(out1, out2)
}

// containerProperties are those of a container that Open creates (rows COS-09,
// COS-10, COS-D11): without a default time to live the feature is on and nothing
// expires, which tombstones need.
func (s *Store) containerProperties() azcosmos.ContainerProperties {
	ttl := int32(-1)
	if s.cfg.TimeToLive > 0 {
		ttl = int32(store.WholeSeconds(s.cfg.TimeToLive))
	}
	return azcosmos.ContainerProperties{
		ID:                     s.collection,
		PartitionKeyDefinition: azcosmos.PartitionKeyDefinition{Paths: []string{partitionKeyPath}, Kind: azcosmos.PartitionKeyKindHash},
		DefaultTimeToLive:      &ttl,
		IndexingPolicy:         indexingPolicy(s.collection),
	}
}

// ensure reads the container, and creates it and its database where they are
// missing. Several processes may do so at once: who comes second reads what the
// first made.
func (s *Store) ensure(ctx context.Context) (*azcosmos.ContainerProperties, error) {
	props, err := s.readContainer(ctx)
	if err == nil || store.KindOf(err) != store.ErrNotFound {
		return props, err
	}
	db, err := s.account.client.NewDatabase(s.cfg.DB)
	if err != nil {
		return nil, s.fail(store.OpOpen, "", store.ErrInvalid, err)
	}
	if _, err := db.Read(ctx, nil); err != nil {
		if f := failureOf(err); f.status != http.StatusNotFound {
			return nil, s.openFailed(ctx, err, "read database "+s.cfg.DB)
		}
		_, err := s.account.client.CreateDatabase(ctx, azcosmos.DatabaseProperties{ID: s.cfg.DB}, nil)
		if err := s.created(ctx, err, "database "+s.cfg.DB); err != nil {
			return nil, err
		}
	}
	var o *azcosmos.CreateContainerOptions
	if s.cfg.Throughput > 0 {
		t := azcosmos.NewManualThroughputProperties(int32(s.cfg.Throughput))
		o = &azcosmos.CreateContainerOptions{ThroughputProperties: &t}
	}
	_, err = db.CreateContainer(ctx, s.containerProperties(), o)
	if err := s.created(ctx, err, "container "+s.collection); err != nil {
		return nil, err
	}
	return s.readContainer(ctx)
}

// created reports what went wrong with a creation. Somebody else having done it
// is nothing wrong, nor is an answer that was lost: the read that follows tells.
func (s *Store) created(ctx context.Context, err error, what string) error {
	if err == nil {
		return nil
	}
	f := failureOf(err)
	switch {
	case f.status == http.StatusConflict || f.ambiguous() && ctx.Err() == nil:
		return nil
	case f.kind() == store.ErrUnauthorized:
		return s.fail(store.OpOpen, "", store.ErrNotFound,
			fmt.Errorf("%s does not exist and these credentials must not create it; create it beforehand or use the account key: %w", what, f.cause))
	}
	return s.openFailed(ctx, err, "create "+what)
}

func (s *Store) openFailed(ctx context.Context, err error, what string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f := failureOf(err)
	hint, kind := "", f.kind()
	if f.status == http.StatusNotFound && !f.sessionUnavailable() {
		kind = store.ErrNotFound
	}
	switch kind {
	case store.ErrUnauthorized:
		hint = "; check key, or the role of the identity, and the account's firewall"
	case store.ErrUnavailable:
		hint = "; check endpoint " + s.cfg.Endpoint
	}
	return s.fail(store.OpOpen, "", kind, fmt.Errorf("%s%s: %w", what, hint, f.cause))
}

func (s *Store) readContainer(ctx context.Context) (*azcosmos.ContainerProperties, error) {
	resp, err := s.reader.Read(ctx, nil)
	if err != nil {
		return nil, s.openFailed(ctx, err, "read container "+s.collection)
	}
	if resp.ContainerProperties == nil || resp.ContainerProperties.ResourceID == "" {
		return nil, s.fail(store.OpOpen, "", store.ErrUnavailable, errors.New("endpoint "+s.cfg.Endpoint+" does not answer like Cosmos DB"))
	}
	return resp.ContainerProperties, nil
}

// accept holds that the container can be used without losing documents, and
// makes it the store's place.
func (s *Store) accept(props *azcosmos.ContainerProperties) error {
	refuse := func(format string, args ...any) error {
		return s.fail(store.OpOpen, "", store.ErrInvalid, fmt.Errorf("container %s of database %s: "+format, append([]any{s.collection, s.cfg.DB}, args...)...))
	}
	pk := props.PartitionKeyDefinition
	if len(pk.Paths) != 1 || pk.Paths[0] != partitionKeyPath || pk.Kind == azcosmos.PartitionKeyKindMultiHash {
		return refuse("its partition key is %v, OpenWhisk's is %s; create the container anew", pk.Paths, partitionKeyPath)
	}
	ttl := props.DefaultTimeToLive
	switch {
	case ttl == nil && s.cfg.SoftDeleteTTL > 0:
		return refuse("time to live is off, so that tombstones would never expire; turn it on (-1) or remove soft-delete-ttl")
	case ttl == nil && s.cfg.TimeToLive > 0:
		return refuse("time to live is off, so that time-to-live would have no effect; set it to %d on the container", store.WholeSeconds(s.cfg.TimeToLive))
	case ttl != nil && *ttl > 0 && s.collection != store.Activations:
		return refuse("its documents would be lost after %d s; set its default time to live to -1", *ttl)
	}
	if want := s.containerProperties().DefaultTimeToLive; ttl != nil && *ttl != *want {
		s.log.Warn("cosmos: the container's default time to live differs from the configured one and is left as it is",
			slog.String("collection", s.collection), slog.Int("container", int(*ttl)), slog.Int("configured", int(*want)))
	}
	if want := indexingPolicy(s.collection); !samePolicy(props.IndexingPolicy, want) {
		s.log.Warn("cosmos: the container's indexing policy differs and is left as it is",
			slog.String("collection", s.collection), slog.Any("container", props.IndexingPolicy), slog.Any("want", want))
	}
	s.settleAt(props)
	return nil
}
