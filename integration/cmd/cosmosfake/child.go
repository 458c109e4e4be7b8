package main

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
)

type childServer struct {
	url, key string
	pid      int
}

// startChild starts this program as a server, with more environment settings.
func startChild(ctx context.Context, settings []string) (*childServer, func(), error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), settings...)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	stop := func() {
		_ = cmd.Process.Kill() // it keeps nothing
		_ = cmd.Wait()         // reports the kill
	}
	c := &childServer{pid: cmd.Process.Pid}
	for lines := bufio.NewScanner(pipe); c.key == "" && lines.Scan(); {
		word, value, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "endpoint":
			c.url = value
		case "key":
			c.key = value
		}
	}
	if c.key == "" {
		stop()
		return nil, nil, errors.New("the server did not start")
	}
	return c, stop, nil
}
