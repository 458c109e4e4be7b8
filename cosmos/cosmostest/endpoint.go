package cosmostest

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"
)

// endpoint is one listener with its connections.
type endpoint struct {
	mu       sync.Mutex
	addr     string                // fixed once it has been open
	listener net.Listener          // nil while down
	open     map[net.Conn]struct{} // connections
}

// newEndpoint makes an endpoint that [Server.Close] closes. The caller holds s.mu, or s is not shared yet.
func (s *Server) newEndpoint(addr string) *endpoint {
	e := &endpoint{addr: addr, open: map[net.Conn]struct{}{}}
	s.endpoints = append(s.endpoints, e)
	return e
}

// listen opens an endpoint at its address, on which a port of zero is replaced by the one that was given. r is the
// region that the endpoint addresses, nil for the global one.
func (s *Server) listen(e *endpoint, r *region) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	select {
	case <-s.closing:
		return errors.New("cosmostest: the server is closed")
	default:
	}
	if e.listener != nil {
		return nil
	}
	l, err := net.Listen("tcp", e.addr)
	if err != nil {
		return fmt.Errorf("cosmostest: listen: %w", err)
	}
	if addr := l.Addr().String(); e.addr != addr {
		e.addr = addr
	}
	e.listener = l
	s.serving.Go(func() { s.accept(e, l, r) })
	return nil
}

// url is where a client that has asked for a host reaches the endpoint. The host matters when the server listens on
// every address, and has none of its own to name.
func (e *endpoint) url(asked string) string {
	host, port, err := net.SplitHostPort(e.addr)
	if err != nil {
		return "http://" + e.addr + "/"
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		u := url.URL{Host: asked}
		host = u.Hostname()
	}
	return "http://" + net.JoinHostPort(host, port) + "/"
}

// accept serves the connections of a listener until it is closed.
func (s *Server) accept(e *endpoint, l net.Listener, r *region) {
	for {
		nc, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			s.pause(10 * time.Millisecond) // out of file descriptors, for one
			continue
		}
		if !e.add(l, nc) {
			nc.Close()
			return
		}
		s.serving.Go(func() {
			defer e.remove(nc)
			s.serveConn(nc, r)
		})
	}
}

// add registers a connection of a listener; false means that the endpoint has gone down.
func (e *endpoint) add(l net.Listener, nc net.Conn) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.listener != l {
		return false
	}
	e.open[nc] = struct{}{}
	return true
}

// remove closes a connection and forgets it.
func (e *endpoint) remove(nc net.Conn) {
	nc.Close()
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.open, nc)
}

// close takes the endpoint down: it refuses connections, and those that are open break.
func (e *endpoint) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.listener == nil {
		return
	}
	e.listener.Close()
	e.listener = nil
	for nc := range e.open {
		nc.Close()
	}
}
