package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
)

const (
	flagInitInfo     = 1
	flagInitResponse = 2
)

// MOSN's frame: magic, version, flag, type, length, JSON.
func writeFrame(w io.Writer, flag byte, request bool, payload any) error {
	body, err := json.Marshal(payload)
	if err != nil {
		return err
	}
	kind := byte(2)
	if request {
		kind = 1
	}
	head := []byte{0x20, 0x88, 1, flag, kind, 0, byte(len(body) >> 8), byte(len(body))}
	_, err = w.Write(append(head, body...))
	return err
}

func readFrame(r io.Reader, flag byte, payload any) error {
	head := make([]byte, 8)
	if _, err := io.ReadFull(r, head); err != nil {
		return err
	}
	if head[0] != 0x20 || head[1] != 0x88 || head[3] != flag {
		return fmt.Errorf("unexpected frame % x", head)
	}
	body := make([]byte, binary.BigEndian.Uint16(head[6:]))
	if _, err := io.ReadFull(r, body); err != nil {
		return err
	}
	return json.Unmarshal(body, payload)
}

type agentHello struct {
	Version      int      `json:"version"`
	Modes        []string `json:"modes"`
	AgentID      string   `json:"agent_id"`
	ConnectionID int      `json:"connection_id"`
}

type serverHello struct {
	Version     int    `json:"version"`
	Mode        string `json:"mode"`
	ServerID    string `json:"server_id"`
	ServerCount int    `json:"server_count"`
}

type extra[T any] struct {
	Revtun T `json:"revtun"`
}

type initInfo struct {
	ClusterName string             `json:"cluster_name"`
	Weight      int                `json:"weight"`
	HostName    string             `json:"host_name"`
	Extra       *extra[agentHello] `json:"extra"`
}

type initResponse struct {
	Status int                 `json:"status"`
	Extra  *extra[serverHello] `json:"extra"`
}

// What a stream is for, as its opener says it.
type preface struct {
	Kind   string `json:"kind,omitempty"`
	Target string `json:"target,omitempty"`
}

func writePreface(w io.Writer, p preface) error {
	body := []byte{}
	if p != (preface{}) {
		body, _ = json.Marshal(p)
	}
	_, err := w.Write(append([]byte{byte(len(body) >> 8), byte(len(body))}, body...))
	return err
}

func readPreface(r io.Reader) (preface, error) {
	var p preface
	body, err := readBlock(r)
	if err == nil && len(body) > 0 {
		err = json.Unmarshal(body, &p)
	}
	return p, err
}

// Reads the agent's answer to a preface; an error if the stream is not open.
func readAnswer(r io.Reader) error {
	status := make([]byte, 1)
	if _, err := io.ReadFull(r, status); err != nil {
		return err
	}
	reason, err := readBlock(r)
	if err == nil && status[0] != 0 {
		err = fmt.Errorf("refused with status %d: %s", status[0], reason)
	}
	return err
}

func readBlock(r io.Reader) ([]byte, error) {
	length := make([]byte, 2)
	if _, err := io.ReadFull(r, length); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint16(length))
	_, err := io.ReadFull(r, body)
	return body, err
}
