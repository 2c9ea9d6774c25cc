package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/hashicorp/yamux"
)

// Streams to the default target, for net/http.
type streamListener struct {
	streams chan net.Conn
}

func (l streamListener) Accept() (net.Conn, error) {
	conn, ok := <-l.streams
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}
func (l streamListener) Close() error   { return nil }
func (l streamListener) Addr() net.Addr { return &net.TCPAddr{} }

func runAgent(address string) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		fail("dialled", err)
		return
	}
	hello := agentHello{Version: 1, Modes: []string{"mux"}, AgentID: "go", ConnectionID: 1}
	info := initInfo{ClusterName: "edge-a", Weight: 10, HostName: "go", Extra: &extra[agentHello]{hello}}
	var answer initResponse
	if err := writeFrame(conn, flagInitInfo, true, info); err != nil {
		fail("registered", err)
		return
	}
	if err := readFrame(conn, flagInitResponse, &answer); err != nil {
		fail("registered", err)
		return
	}
	if answer.Status != 1 || answer.Extra == nil || answer.Extra.Revtun.Mode != "mux" {
		fail("registered", fmt.Errorf("answered with %+v", answer))
		return
	}
	session, err := yamux.Client(conn, config())
	if err != nil {
		fail("registered", err)
		return
	}
	say(event{Event: "registered"})
	listener := streamListener{make(chan net.Conn)}
	go http.Serve(listener, http.HandlerFunc(serveHTTP))
	go func() {
		for {
			stream, err := session.AcceptStream()
			if err != nil {
				say(event{Event: "ended"})
				return
			}
			go serveStream(stream, listener)
		}
	}()
	commands(func(line string) {
		switch line {
		case "ping":
			ping(session)
		case "goaway":
			say(event{Event: "goaway", Detail: fmt.Sprint(session.GoAway())})
		case "open":
			// A server takes control streams only; after its GoAway it takes none.
			stream, err := session.OpenStream()
			if err != nil {
				fail("opened", err)
				return
			}
			say(event{Event: "opened"})
			stream.Close()
		case "close":
			session.Close()
		}
	})
}

func serveStream(stream *yamux.Stream, listener streamListener) {
	p, err := readPreface(stream)
	if err != nil {
		stream.Close()
		return
	}
	if p.Target == "nothing" {
		stream.Write([]byte{1, 0, 0})
		stream.Close()
		return
	}
	stream.Write([]byte{0, 0, 0})
	say(event{Event: "stream", Detail: p.Target})
	kind, argument, _ := strings.Cut(p.Target, "-")
	switch kind {
	case "":
		listener.streams <- stream
	case "sum":
		hash := sha256.New()
		count, _ := io.Copy(hash, stream)
		fmt.Fprintf(stream, "%d %x", count, hash.Sum(nil))
		stream.Close()
	case "send":
		count, _ := strconv.ParseInt(argument, 10, 64)
		hash := sha256.New()
		_, err := io.CopyN(io.MultiWriter(stream, hash), &pattern{}, count)
		stream.Close()
		say(event{Event: "sent", Bytes: count, SHA256: hex.EncodeToString(hash.Sum(nil)), Error: text(err)})
	case "hang":
		// Ends its side and reads on: Go's yamux resets the stream if the other side does not end.
		fmt.Fprint(stream, "last words")
		stream.Close()
		_, err := io.Copy(io.Discard, stream)
		say(event{Event: "hung", Error: text(err)})
	}
}

func serveHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %d", r.Method, r.URL.Path, len(body))
}

// An endless stream of bytes that tell their place.
type pattern struct{ at uint32 }

func (p *pattern) Read(bytes []byte) (int, error) {
	for i := range bytes {
		bytes[i] = byte(p.at ^ p.at>>8 ^ p.at>>16)
		p.at++
	}
	return len(bytes), nil
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
