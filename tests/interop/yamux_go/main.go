// A peer built on hashicorp/yamux, on either end of a tunnel connection: what real yamux peers do
// beyond the specification is what the tests next to this want to meet.
//
//	yamux_go agent 127.0.0.1:9000   registers with a revtun server and serves its streams
//	yamux_go server                 takes revtun agents and opens streams to them
//
// REVTUN_GO_PATIENCE is how long a half-closed stream is borne before it is reset, 5m by default.
//
// Commands come on stdin, one a line; what happens goes to stdout, one line of JSON each.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/yamux"
)

// What happened; the fields that have nothing to say are left out.
type event struct {
	Event  string `json:"event"`
	Detail string `json:"detail,omitempty"`
	Bytes  int64  `json:"bytes,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	Error  string `json:"error,omitempty"`
}

var stdout sync.Mutex

func say(e event) {
	stdout.Lock()
	defer stdout.Unlock()
	line, _ := json.Marshal(e)
	fmt.Println(string(line))
}

func fail(what string, err error) {
	say(event{Event: what, Error: err.Error()})
}

// Go's defaults, but for the patience, and no keepalive, so that pings are those that a test asks for.
func config() *yamux.Config {
	c := yamux.DefaultConfig()
	c.EnableKeepAlive = false
	if patience, err := time.ParseDuration(os.Getenv("REVTUN_GO_PATIENCE")); err == nil {
		c.StreamCloseTimeout = patience
	}
	c.LogOutput = io.Discard
	return c
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: yamux_go agent ADDRESS | yamux_go server")
		os.Exit(2)
	}
	switch os.Args[1] {
	case "agent":
		runAgent(os.Args[2])
	case "server":
		runServer()
	}
}

// Calls `run` for each line of stdin, in order; returns at its end.
func commands(run func(line string)) {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		run(lines.Text())
	}
}

func ping(session *yamux.Session) {
	rtt, err := session.Ping()
	if err != nil {
		fail("pong", err)
		return
	}
	say(event{Event: "pong", Detail: rtt.String()})
}
