package cosmos

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/whiskstore/whiskstore/store"
)

// Usage is how full a container is, as the service reports it.
type Usage struct {
	Documents int64 // number of documents, expired ones that are not yet purged included

	// DocumentsKB, CollectionKB, IndexKB and QuotaKB are in KB; the index is what
	// the collection holds beside its documents.
	DocumentsKB, CollectionKB, IndexKB, QuotaKB int64

	// IndexingProgress is how much of the index is made, in percent; 100 when it
	// is complete.
	IndexingProgress int64
}

const opUsage store.Op = "usage"

// Usage reads the container's usage.
func (s *Store) Usage(ctx context.Context) (Usage, error) {
	if err := s.begin(ctx, opUsage, ""); err != nil {
		return Usage{}, err
	}
	resp, err := s.reader.Read(ctx, &azcosmos.ReadContainerOptions{PopulateQuotaInfo: true})
	if err != nil {
		return Usage{}, s.translate(ctx, opUsage, "", err)
	}
	u, ok := parseUsage(resp.RawResponse.Header)
	if !ok {
		return Usage{}, s.fail(opUsage, "", store.ErrUnsupported, errors.New("the service does not tell"))
	}
	return u, nil
}

// parseUsage reads the headers that tell the usage (row COS-22).
func parseUsage(h http.Header) (Usage, bool) {
	usage, ok := parsePairs(h.Get(headerUsage))
	if !ok {
		return Usage{}, false
	}
	quota, _ := parsePairs(h.Get(headerQuota))
	u := Usage{Documents: usage["documentsCount"], DocumentsKB: usage["documentsSize"], CollectionKB: usage["collectionSize"],
		QuotaKB: quota["collectionSize"], IndexingProgress: 100}
	u.IndexKB = u.CollectionKB - u.DocumentsKB
	if p, err := strconv.ParseInt(h.Get(headerIndexing), 10, 64); err == nil {
		u.IndexingProgress = p
	}
	return u, true
}

// parsePairs reads "name=1;other=2;".
func parsePairs(text string) (map[string]int64, bool) {
	pairs := map[string]int64{}
	for part := range strings.SplitSeq(text, ";") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		n, err := strconv.ParseInt(value, 10, 64)
		if ok && err == nil {
			pairs[name] = n
		}
	}
	return pairs, len(pairs) > 0
}

// firstUsage is when usage is recorded first (row COS-D9).
const firstUsage = 10 * time.Second

// repeat calls record after firstUsage and then every so often until ctx ends.
func repeat(ctx context.Context, every time.Duration, record func(context.Context)) {
	for pause := firstUsage; wait(ctx, pause) == nil; pause = every {
		record(ctx)
	}
}

// recordUsage records the usage once.
func (s *Store) recordUsage(ctx context.Context) {
	u, err := s.Usage(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.log.Warn("cosmos: usage was not read", slog.String("collection", s.collection), slog.Any("error", err))
		}
		return
	}
	s.metrics.documents.Record(ctx, u.Documents, s.metrics.collected)
	s.metrics.docsSize.Record(ctx, u.DocumentsKB, s.metrics.collected)
	s.metrics.indexSize.Record(ctx, u.IndexKB, s.metrics.collected)
	if u.IndexingProgress < 100 {
		s.log.Info("cosmos: the index is being transformed", slog.String("collection", s.collection), slog.Int64("percent", u.IndexingProgress))
	}
}
