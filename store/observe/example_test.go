package observe_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/observe"
)

// broken is a backend that holds nothing and cannot count.
type broken struct{ store.ArtifactStore }

func (broken) Get(_ context.Context, id string, _ *store.GetOptions) (store.Document, error) {
	return store.Document{}, &store.Error{Op: store.OpGet, ID: id, Kind: store.ErrNotFound}
}

func (broken) Count(_ context.Context, q *store.Query) (int64, error) {
	return 0, &store.Error{Op: store.OpCount, ID: q.Table, Kind: store.ErrUnavailable}
}

func Example() {
	// What differs from run to run is left out of the log.
	handler := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		Level: slog.LevelWarn,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "took" {
				return slog.Attr{}
			}
			return a
		},
	})
	watch, err := observe.New(observe.Options{
		System:     observe.Memory,
		Collection: store.Whisks,
		Logger:     slog.New(handler),
		// and, from the OpenTelemetry SDK, TracerProvider and MeterProvider
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	whisks := store.Chain{Observe: watch}.Over(broken{})

	_, err = whisks.Get(context.Background(), "guest/hello", nil) // an answer, so nothing is logged
	fmt.Println(err)
	_, err = whisks.Count(context.Background(), &store.Query{Table: "whisks.v2.1.0/actions"})
	fmt.Println(err)
	// Output:
	// get "guest/hello": not found
	// level=WARN msg="store operation" operation=count collection=whisks whiskstore.table=whisks.v2.1.0/actions outcome=unavailable error="count \"whisks.v2.1.0/actions\": unavailable"
	// count "whisks.v2.1.0/actions": unavailable
}
