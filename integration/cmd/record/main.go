// Command record asks a real account of Azure Cosmos DB and the fake of package cosmostest the same questions and
// prints where the answers differ. It makes a database of its own, with a random name and 400 RU/s, and deletes it.
//
//	WHISKSTORE_COSMOS_ENDPOINT=https://acct.documents.azure.com WHISKSTORE_COSMOS_KEY=... go run ./integration/cmd/record
//
// Names, ids, dates, etags, resource ids and counters are masked on both sides; charges are printed but do not count as
// a difference. It ends with status 1 when something differs.
package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
)

func main() {
	verbose := flag.Bool("v", false, "print the answers that agree, too")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "record: argument %q is none of the flags; -help lists them\n", flag.Arg(0))
		os.Exit(2)
	}
	endpoint, key := os.Getenv("WHISKSTORE_COSMOS_ENDPOINT"), os.Getenv("WHISKSTORE_COSMOS_KEY")
	if endpoint == "" || key == "" {
		fmt.Fprintln(os.Stderr, "record: set WHISKSTORE_COSMOS_ENDPOINT and WHISKSTORE_COSMOS_KEY to an account; a database is made in it and deleted")
		os.Exit(2)
	}
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(interrupted, 5*time.Minute)
	defer cancel()
	srv := cosmostest.NewServer(cosmostest.Options{})
	defer srv.Close()
	differences, err := compare(ctx, os.Stdout, account{endpoint, key}, account{srv.URL(), srv.Key()}, *verbose)
	if err != nil {
		fmt.Fprintln(os.Stderr, "record:", err)
		os.Exit(1)
	}
	fmt.Printf("%d of %d answers differ\n", differences, len(probes()))
	if differences > 0 {
		os.Exit(1)
	}
}

// account is one side.
type account struct{ url, key string }

// compare runs all probes on both sides and prints the differences, the real account's answer first.
func compare(ctx context.Context, out io.Writer, real, fake account, verbose bool) (int, error) {
	database := "whiskstore-record-" + strings.ToLower(rand.Text()[:8])
	answers := make([][]observation, 2)
	for i, a := range []account{real, fake} {
		var err error
		if answers[i], err = a.record(ctx, database); err != nil {
			return 0, fmt.Errorf("%s: %w", a.url, err)
		}
	}
	differences := 0
	for i, p := range probes() {
		lines := answers[0][i].differences(answers[1][i])
		switch {
		case len(lines) > 0:
			differences++
			fmt.Fprintf(out, "DIFFERS %s\n", p.name)
			for _, l := range lines {
				fmt.Fprintln(out, "  "+l)
			}
		case verbose:
			fmt.Fprintf(out, "same    %s: %d %s, charge %s and %s\n", p.name, answers[0][i].status, answers[0][i].code, answers[0][i].charge, answers[1][i].charge)
		}
	}
	return differences, nil
}

// record runs the probes on one account.
func (a account) record(ctx context.Context, database string) (out []observation, err error) {
	defer func() {
		// The context may have ended; the database must go all the same.
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		resp, _, failed := a.send(clean, probe{method: http.MethodDelete, path: "/dbs/" + database})
		if failed == nil && resp.StatusCode != http.StatusNoContent && resp.StatusCode != http.StatusNotFound {
			failed = errors.New(resp.Status)
		}
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("database %s may be left: %w", database, failed))
		}
	}()
	vars := map[string]string{"{db}": database}
	for _, p := range probes() {
		o, err := a.ask(ctx, p, vars)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		out = append(out, o)
	}
	return out, nil
}

// ask sends a probe with the values that earlier answers gave, and keeps those that it gives.
func (a account) ask(ctx context.Context, p probe, vars map[string]string) (observation, error) {
	replace := func(s string) string {
		for name, value := range vars {
			s = strings.ReplaceAll(s, name, value)
		}
		return s
	}
	p.path, p.body = replace(p.path), replace(p.body)
	header := make([]string, len(p.header))
	for i, h := range p.header {
		header[i] = replace(h)
	}
	p.header = header
	for attempt := 0; ; attempt++ {
		resp, body, err := a.send(ctx, p)
		if err != nil {
			return observation{}, err
		}
		// A small account throttles, and a fresh container may not be there yet; neither is what is asked for here.
		transient := resp.StatusCode == http.StatusTooManyRequests || resp.Header.Get("x-ms-substatus") == "1013"
		if transient && attempt < 20 {
			select {
			case <-ctx.Done():
				return observation{}, ctx.Err()
			case <-time.After(500 * time.Millisecond):
			}
			continue
		}
		for name, from := range p.keep {
			vars[name] = resp.Header.Get(from)
		}
		return observe(p, resp, body), nil
	}
}

func (a account) send(ctx context.Context, p probe) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, p.method, strings.TrimSuffix(a.url, "/")+p.path, strings.NewReader(p.body))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(p.header); i += 2 {
		req.Header.Set(p.header[i], p.header[i+1])
	}
	key := a.key
	if p.wrongKey {
		key = base64.StdEncoding.EncodeToString([]byte("not the key of any account"))
	}
	if !p.unsigned {
		if err := cosmostest.SignAt(req, key, time.Now().Add(-p.age)); err != nil {
			return nil, nil, err
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}
