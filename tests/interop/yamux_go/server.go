package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/hashicorp/yamux"
)

func runServer() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fail("listening", err)
		return
	}
	say(event{Event: "listening", Detail: listener.Addr().String()})
	sessions := make(chan *yamux.Session, 16)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go welcome(conn, sessions)
		}
	}()
	// Commands are for the connection that came last.
	var session *yamux.Session
	commands(func(line string) {
		for len(sessions) > 0 || session == nil {
			session = <-sessions
		}
		verb, argument, _ := strings.Cut(line, " ")
		switch verb {
		case "ping":
			ping(session)
		case "goaway":
			say(event{Event: "goaway", Detail: fmt.Sprint(session.GoAway())})
		case "close":
			say(event{Event: "closed", Error: text(session.Close())})
		case "get":
			get(session, argument)
		case "upload":
			upload(session, argument)
		case "download":
			download(session, argument)
		case "many":
			many(session)
		case "hang":
			hang(session, argument)
		}
	})
}

func welcome(conn net.Conn, sessions chan<- *yamux.Session) {
	var info initInfo
	if err := readFrame(conn, flagInitInfo, &info); err != nil {
		fail("registered", err)
		return
	}
	hello := serverHello{Version: 1, Mode: "mux", ServerID: "go", ServerCount: 1}
	writeFrame(conn, flagInitResponse, false, initResponse{1, &extra[serverHello]{hello}})
	session, err := yamux.Server(conn, config())
	if err != nil {
		fail("registered", err)
		return
	}
	sessions <- session
	say(event{Event: "registered", Detail: info.ClusterName + "/" + info.HostName})
	for {
		stream, err := session.AcceptStream()
		if err != nil {
			say(event{Event: "ended"})
			return
		}
		p, err := readPreface(stream)
		say(event{Event: "stream", Detail: p.Kind, Error: text(err)})
		// As a plain yamux peer that knows nothing of control streams.
		stream.Close()
	}
}

func open(session *yamux.Session, target string) (*yamux.Stream, error) {
	stream, err := session.OpenStream()
	if err != nil {
		return nil, err
	}
	if err := writePreface(stream, preface{Target: target}); err != nil {
		return nil, err
	}
	return stream, nil
}

func get(session *yamux.Session, path string) {
	stream, err := open(session, "")
	if err != nil {
		fail("got", err)
		return
	}
	defer stream.Close()
	fmt.Fprintf(stream, "GET %s HTTP/1.1\r\nHost: edge\r\n\r\n", path)
	reader := bufio.NewReader(stream)
	if err := readAnswer(reader); err != nil {
		fail("got", err)
		return
	}
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		fail("got", err)
		return
	}
	body, err := io.ReadAll(response.Body)
	say(event{Event: "got", Detail: string(body), Error: text(err)})
}

// Sends bytes to the target "sum", ends its side and reads what the target has counted.
func upload(session *yamux.Session, argument string) {
	var count int64
	fmt.Sscan(argument, &count)
	stream, err := open(session, "sum")
	if err != nil {
		fail("uploaded", err)
		return
	}
	hash := sha256.New()
	_, err = io.CopyN(io.MultiWriter(stream, hash), &pattern{}, count)
	stream.Close()
	if err == nil {
		err = readAnswer(stream)
	}
	answer, readErr := io.ReadAll(stream)
	sum := hex.EncodeToString(hash.Sum(nil))
	say(event{"uploaded", string(answer), count, sum, text(errors.Join(err, readErr))})
}

// Reads the target "send" to its end.
func download(session *yamux.Session, _ string) {
	stream, err := open(session, "send")
	if err != nil {
		fail("downloaded", err)
		return
	}
	err = readAnswer(stream)
	hash := sha256.New()
	count, readErr := io.Copy(hash, stream)
	stream.Close()
	sum := hex.EncodeToString(hash.Sum(nil))
	say(event{"downloaded", "", count, sum, text(errors.Join(err, readErr))})
}

// More streams at once than Go's yamux lets wait for their ACK, each to the target "echo".
func many(session *yamux.Session) {
	const count = 300
	var waiting sync.WaitGroup
	var wrong sync.Map
	for i := 0; i < count; i++ {
		waiting.Add(1)
		go func(i int) {
			defer waiting.Done()
			stream, err := open(session, "echo")
			if err != nil {
				wrong.Store(i, err)
				return
			}
			text := strings.Repeat(fmt.Sprintf("stream %d ", i), 1000)
			go func() {
				io.WriteString(stream, text)
				stream.Close()
			}()
			if err := readAnswer(stream); err != nil {
				wrong.Store(i, err)
				return
			}
			echo, err := io.ReadAll(stream)
			if err != nil || string(echo) != text {
				wrong.Store(i, fmt.Errorf("%d of %d bytes, %v", len(echo), len(text), err))
			}
		}(i)
	}
	waiting.Wait()
	var first any
	wrong.Range(func(_, value any) bool {
		first = value
		return false
	})
	say(event{Event: "many", Bytes: count, Detail: fmt.Sprint(first)})
}

// Ends its side of a stream whose target never ends: Go's yamux resets it after a while.
func hang(session *yamux.Session, _ string) {
	stream, err := open(session, "hang")
	if err != nil {
		fail("hung", err)
		return
	}
	err = readAnswer(stream)
	stream.Close()
	_, readErr := io.Copy(io.Discard, stream)
	say(event{Event: "hung", Error: text(errors.Join(err, readErr))})
}
