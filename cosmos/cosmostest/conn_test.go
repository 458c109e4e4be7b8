package cosmostest_test

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
)

// dial opens a connection to a server's global endpoint that is given up after a while.
func dial(t *testing.T, srv *cosmostest.Server) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(srv.URL(), "http://"), "/"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return nc
}

// signed spells a request as it goes over the wire.
func signed(t *testing.T, method, path, body string, header ...string) string {
	t.Helper()
	var out strings.Builder
	if err := request(t, "http://h", method, path, body, header...).Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestWire holds the connection to HTTP/1.1: what is sent as it stands, and the beginning of what comes back.
func TestWire(t *testing.T) {
	srv := shop(t, cosmostest.Options{})
	create(t, srv, "a", item1)
	read := signed(t, "GET", docs+"/k1", "", pk("a")...)
	for _, c := range []struct{ name, send, want, absent string }{
		{"malformed_line", "nonsense\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", ""},
		{"malformed_header", "GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", ""},
		{"no_host", "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", ""},
		{"two_lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "HTTP/1.1 400 Bad Request\r\n", ""},
		{"huge_header", "GET / HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("x", 2<<20) + "\r\n\r\n", "HTTP/1.1 431 Request Header Fields Too Large\r\n", ""},
		{"http_2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 505 HTTP Version Not Supported\r\n", ""},
		{"http_1_0", strings.Replace(read, "HTTP/1.1", "HTTP/1.0", 1), "HTTP/1.1 200 OK\r\n", "chunked"},
		{"close", strings.Replace(read, "\r\n", "\r\nConnection: close\r\n", 1), "HTTP/1.1 200 OK\r\n", ""},
		{"head", signed(t, "HEAD", docs+"/k1", "") + strings.Replace(read, "\r\n", "\r\nConnection: close\r\n", 1), "HTTP/1.1 405 Method Not Allowed\r\n", "MethodNotAllowed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			nc := dial(t, srv)
			if _, err := io.WriteString(nc, c.send); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(nc) // the server ends the connection
			if err != nil || !strings.HasPrefix(string(got), c.want) || c.absent != "" && strings.Contains(string(got), c.absent) {
				t.Errorf("got %.300q, %v want %q first and no %q", got, err, c.want, c.absent)
			}
		})
	}
	t.Run("pipelined", func(t *testing.T) {
		nc := dial(t, srv)
		chunked := strings.Replace(signed(t, "POST", docs, "", pk("a")...), "Content-Length: 0", "Transfer-Encoding: chunked", 1)
		body := `{"id":"piped","pk":"a"}`
		fmt.Fprintf(nc, "%s%x\r\n%s\r\n0\r\n\r\n%s%s", chunked, len(body), body, signed(t, "DELETE", docs+"/piped", "", pk("a")...), read)
		in := bufio.NewReader(nc)
		for _, want := range []int{201, 204, 200} {
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				t.Fatal(err)
			}
			check(t, "status", resp.StatusCode, want)
			// 1.1: 204 has a length of zero, everything else is chunked.
			check(t, "length", resp.ContentLength, map[bool]int64{true: 0, false: -1}[want == 204])
		}
	})
	t.Run("expect_continue", func(t *testing.T) {
		nc := dial(t, srv)
		whole := signed(t, "POST", docs, `{"id":"asked","pk":"a"}`, append(pk("a"), "Expect", "100-continue")...)
		head, body, _ := strings.Cut(whole, "\r\n\r\n")
		fmt.Fprint(nc, head+"\r\n\r\n")
		in := bufio.NewReader(nc)
		line, err := in.ReadString('\n')
		if err != nil || line != "HTTP/1.1 100 Continue\r\n" {
			t.Fatalf("got %q, %v want to be told to go on", line, err)
		}
		in.ReadString('\n')
		fmt.Fprint(nc, body)
		if line, err = in.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 201 ") {
			t.Errorf("got %q, %v want 201", line, err)
		}
	})
	t.Run("beyond_all_limits", func(t *testing.T) {
		for _, kind := range []string{"", "batch"} {
			header := pk("a")
			if kind == "batch" {
				header = append(header, "x-ms-cosmos-is-batch-request", "True")
			}
			a := expect(t, do(t, srv.URL(), "POST", docs, `[{"id":"big","pk":"a","v":"`+strings.Repeat("x", 20<<20)+`"}]`, header...), 413)
			check(t, "code", a.member(t, "code"), `"RequestEntityTooLarge"`)
		}
	})
	t.Run("no_line_breaks_in_headers", func(t *testing.T) {
		expect(t, do(t, srv.URL(), "POST", "/dbs", `{"id":"a\r\nx-injected: 1"}`), 201)
		const inside = "/dbs/a%0D%0Ax-injected:%201/colls"
		expect(t, do(t, srv.URL(), "POST", inside, `{"id":"c","partitionKey":{"paths":["/pk"],"kind":"Hash"}}`), 201)
		a := expect(t, do(t, srv.URL(), "POST", inside+"/c/docs", item1, pk("a")...), 201)
		absent(t, a, "x-injected")
		check(t, "path", a.Header.Get("x-ms-alt-content-path"), "dbs/a  x-injected: 1/colls/c")
	})
}

// TestPanicKeepsServing shows that what panics on a request's goroutine breaks its connection only, and is reported.
func TestPanicKeepsServing(t *testing.T) {
	srv := shop(t, cosmostest.Options{Observe: func(e cosmostest.Exchange) {
		if e.ID == "panic" {
			panic("from the observer")
		}
	}})
	var logged strings.Builder
	log.SetOutput(&logged)
	defer log.SetOutput(os.Stderr)
	if err := attempt(t, srv, "GET", docs+"/panic", ""); err == nil {
		t.Error("got an answer, want a broken connection")
	}
	create(t, srv, "a", item1)
	srv.Close() // nothing is logged from here on
	if !strings.Contains(logged.String(), "from the observer") {
		t.Errorf("log: got %q want the panic in it", logged.String())
	}
}

// TestClosing shows that Close ends idle connections and those that wait, and that nothing opens afterwards.
func TestClosing(t *testing.T) {
	srv := cosmostest.NewServer(cosmostest.Options{Regions: []string{"East US", "West US"}, Latency: time.Hour})
	idle, busy := dial(t, srv), dial(t, srv)
	if _, err := io.WriteString(busy, signed(t, "GET", "/", "")); err != nil {
		t.Fatal(err)
	}
	srv.TakeDown("West US")
	srv.Close()
	for name, nc := range map[string]net.Conn{"idle": idle, "busy": busy} {
		if n, err := nc.Read(make([]byte, 1)); err == nil || n > 0 {
			t.Errorf("%s: got %d bytes, %v want a broken connection", name, n, err)
		}
	}
	if err := srv.BringUp("West US"); err == nil {
		t.Error("BringUp after Close: got no error")
	}
	if err := srv.AddRegion("North Europe"); err == nil {
		t.Error("AddRegion after Close: got no error")
	}
}
