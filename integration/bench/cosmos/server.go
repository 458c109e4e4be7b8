package cosmos

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/whiskstore/whiskstore/integration/bench"
)

// Account is a server to measure on.
type Account struct {
	Endpoint, Key string
	Settings      string // how it was started
}

// Serve runs the fake account in another process, with flags of cosmosfake, until
// stop is called. It is built by the Go command, in this workspace.
func Serve(ctx context.Context, args ...string) (_ Account, stop func(), err error) {
	dir, err := os.MkdirTemp("", "cosmosfake")
	if err != nil {
		return Account{}, nil, err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
		}
	}()
	bin := filepath.Join(dir, "cosmosfake")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", bin, "github.com/whiskstore/whiskstore/integration/cmd/cosmosfake").CombinedOutput(); err != nil {
		return Account{}, nil, fmt.Errorf("build of the server: %w\n%s", err, out)
	}
	cmd := exec.Command(bin, append([]string{"-listen", "127.0.0.1:0"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return Account{}, nil, err
	}
	if err := cmd.Start(); err != nil {
		return Account{}, nil, err
	}
	stop = func() {
		_ = cmd.Process.Kill() // it keeps nothing
		_ = cmd.Wait()         // reports the kill
		os.RemoveAll(dir)
	}
	a := Account{Settings: strings.Join(append([]string{"cosmosfake"}, args...), " ")}
	for lines := bufio.NewScanner(out); lines.Scan() && (a.Endpoint == "" || a.Key == ""); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		switch name {
		case "endpoint":
			a.Endpoint = value
		case "key":
			a.Key = value
		}
	}
	if a.Endpoint == "" || a.Key == "" {
		stop()
		return Account{}, nil, fmt.Errorf("%s did not say where it is", a.Settings)
	}
	return a, stop, nil
}

// counter counts what a client exchanges. It is the transport of both sides, with
// the settings of azcosmos's own.
type counter struct {
	next            *http.Transport
	requests, bytes atomic.Int64
}

func newCounter() *counter {
	return &counter{next: &http.Transport{MaxIdleConns: 1000, MaxIdleConnsPerHost: 100, ForceAttemptHTTP2: true}}
}

func (c *counter) RoundTrip(req *http.Request) (*http.Response, error) {
	c.requests.Add(1)
	resp, err := c.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.ContentLength >= 0 {
		c.bytes.Add(resp.ContentLength)
	} else {
		resp.Body = &countedBody{resp.Body, &c.bytes}
	}
	return resp, nil
}

func (c *counter) traffic() bench.Traffic {
	return bench.Traffic{Requests: c.requests.Load(), Bytes: c.bytes.Load()}
}

// countedBody counts a body of unknown length as it is read.
type countedBody struct {
	io.ReadCloser
	bytes *atomic.Int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.bytes.Add(int64(n))
	return n, err
}
