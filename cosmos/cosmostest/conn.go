package cosmostest

import (
	"bufio"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

const (
	// maxHeader bounds the line and the header of a request.
	maxHeader = 1 << 20
	// maxBody bounds what is read of a body: more than any limit that is answered with 413.
	maxBody = 16 << 20
	// headerTimeout is how long a client may take to send a header.
	headerTimeout = time.Minute
	// lingerTimeout is how long the rest of a refused request is read, so that its sender gets to see the answer.
	lingerTimeout = time.Second
)

// conn is one client connection. It does what net/http's server does, without a header map per answer, its copy and its
// sort, and without a second goroutine per request: they cost more than the answers do.
type conn struct {
	s      *Server
	nc     net.Conn
	region *region // nil at the global endpoint
	limit  *io.LimitedReader
	in     *bufio.Reader
	head   []byte // of the last answer, for its memory
	pieces [3][]byte
}

// serveConn serves the requests of a connection one after the other.
func (s *Server) serveConn(nc net.Conn, r *region) {
	defer func() {
		if err := recover(); err != nil {
			log.Printf("cosmostest: panic serving %v: %v\n%s", nc.RemoteAddr(), err, debug.Stack())
		}
	}()
	limit := &io.LimitedReader{R: nc}
	c := &conn{s: s, nc: nc, region: r, limit: limit, in: bufio.NewReader(limit)}
	for c.exchange() {
	}
}

// exchange serves one request; false ends the connection.
func (c *conn) exchange() bool {
	// Between requests a connection may be idle for as long as the client likes.
	c.limit.N = maxHeader
	if _, err := c.in.Peek(1); err != nil {
		return false
	}
	if c.nc.SetReadDeadline(time.Now().Add(headerTimeout)) != nil {
		return false
	}
	req, err := http.ReadRequest(c.in)
	switch {
	case err != nil && c.limit.N <= 0:
		c.refuse(http.StatusRequestHeaderFieldsTooLarge)
		return false
	case err != nil:
		c.refuse(http.StatusBadRequest)
		return false
	case !req.ProtoAtLeast(1, 0) || req.ProtoAtLeast(2, 0):
		c.refuse(http.StatusHTTPVersionNotSupported)
		return false
	case req.Host == "" && req.ProtoAtLeast(1, 1):
		c.refuse(http.StatusBadRequest)
		return false
	}
	c.limit.N = math.MaxInt64
	if c.nc.SetReadDeadline(time.Time{}) != nil {
		return false
	}
	body, whole := c.body(req)
	if body == nil {
		return false
	}
	x := newExchange(c.s, req, c.region, body)
	out, hit := x.serve()
	if out == nil || hit != nil && hit.DropReply {
		return false
	}
	again := whole && !req.Close && req.ProtoAtLeast(1, 1)
	cut := 0
	if hit != nil {
		cut = hit.CutBody
	}
	if !c.send(x, out, again, cut) {
		return false
	}
	if !whole {
		c.linger()
	}
	return again
}

// body reads a request's body up to maxBody; nil is a connection that broke, and whole is whether that was all of it.
func (c *conn) body(req *http.Request) (body []byte, whole bool) {
	if req.ContentLength == 0 {
		return []byte{}, true
	}
	if strings.EqualFold(req.Header.Get("Expect"), "100-continue") {
		if _, err := io.WriteString(c.nc, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
			return nil, false
		}
	}
	var err error
	if n := req.ContentLength; n > 0 && n <= maxBody {
		body = make([]byte, n)
		_, err = io.ReadFull(req.Body, body)
	} else {
		body, err = io.ReadAll(io.LimitReader(req.Body, maxBody))
	}
	if err != nil {
		return nil, false
	}
	return body, req.ContentLength <= maxBody && (req.ContentLength >= 0 || len(body) < maxBody)
}

// send writes an answer; false ends the connection. A cut above zero leaves out what comes after so many bytes of the
// body.
func (c *conn) send(x *exchange, out *reply, again bool, cut int) bool {
	c.head = x.appendHead(c.head[:0], out)
	if !again {
		c.head = append(c.head, "Connection: close\r\n"...)
	}
	body, end := out.body, ""
	switch {
	case out.status == http.StatusNoContent || out.status == http.StatusNotModified:
		c.head = append(c.head, "Content-Length: 0\r\n\r\n"...)
		body = nil
	case !x.req.ProtoAtLeast(1, 1):
		c.head = append(c.head, "\r\n"...) // the end of the connection is the end of the body
	default:
		c.head = append(c.head, "Transfer-Encoding: chunked\r\n\r\n"...)
		end = "0\r\n\r\n"
		if len(body) > 0 {
			c.head = append(strconv.AppendInt(c.head, int64(len(body)), 16), "\r\n"...)
			end = "\r\n0\r\n\r\n"
		}
	}
	switch {
	case x.req.Method == http.MethodHead:
		body, end = nil, ""
	case cut > 0 && len(body) > 0:
		body, end, again = body[:min(cut, len(body)-1)], "", false
	}
	c.pieces = [3][]byte{c.head, body, []byte(end)}
	buffers := net.Buffers(c.pieces[:])
	_, err := buffers.WriteTo(c.nc)
	c.pieces = [3][]byte{} // an idle connection keeps no page
	return err == nil && (again || cut == 0)
}

// refuse answers what is no request of the service's protocol.
func (c *conn) refuse(status int) {
	text := strconv.Itoa(status) + " " + http.StatusText(status)
	_, err := io.WriteString(c.nc, "HTTP/1.1 "+text+"\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: "+
		strconv.Itoa(len(text))+"\r\n\r\n"+text)
	if err == nil {
		c.linger()
	}
}

// linger ends the sending side and reads on for a while: closing with unread data would take the answer from the client.
func (c *conn) linger() {
	tcp, ok := c.nc.(*net.TCPConn)
	if !ok || tcp.CloseWrite() != nil || tcp.SetReadDeadline(time.Now().Add(lingerTimeout)) != nil {
		return
	}
	_, _ = io.Copy(io.Discard, tcp) // ends with the deadline at the latest
}
