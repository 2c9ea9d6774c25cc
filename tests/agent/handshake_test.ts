import assert from "node:assert/strict";
import { AGENT_DEFAULTS } from "../../lib/agent/config.ts";
import { AgentHandshake } from "../../lib/agent/handshake.ts";
import type { HandshakeSettings } from "../../lib/agent/handshake.ts";
import { parseTargets } from "../../lib/agent/target.ts";
import { FrameDecoder } from "../../lib/codec/frame.ts";
import { decodeMessage } from "../../lib/codec/decode_message.ts";
import { encodeMessage } from "../../lib/codec/encode_message.ts";
import type { InitResponse, ServerHello } from "../../lib/codec/message.ts";
import { DecodeError, HandshakeError } from "../../lib/errors.ts";
import { Secret } from "../../lib/secret.ts";
import { encodeFrame, FLAG, MosnReadBuffer } from "../interop/mosn/mosn_frame.ts";

const IDENTITY = { agentId: "a-1", connectionId: 3, software: "revtun/test" };
const SETTINGS: HandshakeSettings = { ...AGENT_DEFAULTS, cluster: "edge-a", hostName: "till-7" };

function handshake(settings: Partial<HandshakeSettings> = {}): AgentHandshake {
  return new AgentHandshake({ ...SETTINGS, ...settings }, IDENTITY);
}

function answer(status: number, hello?: Partial<ServerHello>): Uint8Array {
  const response: InitResponse = { type: "initResponse", status };
  if (hello !== undefined) response.hello = { version: 1, ...hello };
  return encodeMessage(response);
}

function join(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

Deno.test("AgentHandshake says who it is, what it speaks and what it has", () => {
  const shake = handshake({
    weight: 30,
    credentialPolicy: "token",
    credential: new Secret("s3cret"),
    targets: parseTargets([":8000", "ssh=:22", "web=tcp://:80?proxy_protocol=v2"]),
  });
  const decoded = new FrameDecoder().push(shake.request);
  assert.equal(decoded?.rest.length, 0);
  assert.deepEqual(decodeMessage(decoded!.frame), {
    type: "initInfo",
    clusterName: "edge-a",
    weight: 30,
    hostName: "till-7",
    credentialPolicy: "token",
    credential: "s3cret",
    hello: {
      version: 1,
      modes: ["mux", "raw"],
      agentId: "a-1",
      connectionId: 3,
      software: "revtun/test",
      targets: { "": {}, ssh: {}, web: { proxyProtocol: "v2" } },
    },
  });
});

Deno.test("AgentHandshake is understood by MOSN", () => {
  const frame = new MosnReadBuffer().push(handshake({ mode: "raw" }).request);
  assert.equal(frame?.flag, FLAG.initInfo);
  assert.equal(frame?.payload.cluster_name, "edge-a");
  assert.deepEqual(frame?.payload.extra.revtun.modes, ["raw"]);
});

Deno.test("AgentHandshake takes a server without extra for MOSN, and gives back what follows", () => {
  const request = new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n");
  const bytes = join(encodeFrame(FLAG.initResponse, { status: 1 }), request);
  const result = handshake().receive(bytes);
  assert.equal(result?.mode, "raw");
  assert.deepEqual(result?.server, {
    kind: "mosn",
    serverId: undefined,
    serverCount: 1,
    software: undefined,
  });
  assert.deepEqual([...result!.rest], [...request]);
});

Deno.test("AgentHandshake reads an answer that is cut anywhere", () => {
  const hello = { mode: "mux", serverId: "s1", serverCount: 3, software: "revtun/x" } as const;
  const bytes = join(answer(1, hello), new Uint8Array([0, 1, 2]));
  for (let cut = 1; cut < bytes.length; cut++) {
    const shake = handshake();
    const early = shake.receive(bytes.slice(0, cut));
    const result = early ?? shake.receive(bytes.slice(cut));
    assert.equal(result?.mode, "mux");
    assert.equal(result?.server.kind, "revtun");
    assert.equal(result?.server.serverId, "s1");
    assert.equal(result?.server.serverCount, 3);
    const expected = early === undefined ? [0, 1, 2] : [0, 1, 2].slice(0, cut - bytes.length + 3);
    assert.deepEqual([...result!.rest], expected);
  }
});

Deno.test("AgentHandshake tells refusals for good from those that may pass", () => {
  const cases: [Uint8Array, boolean, number, RegExp][] = [
    [answer(2), false, 0, /authentication failed$/],
    [answer(2, { reason: "token expired" }), false, 0, /\(token expired\)$/],
    [answer(3), false, 0, /credential policy$/],
    [answer(4), false, 0, /no such cluster$/],
    [answer(4, { retryAfterMs: 500 }), true, 500, /no such cluster$/],
    [answer(0), true, 0, /unknown failure$/],
    [answer(0, { reason: "draining", retryAfterMs: 2000 }), true, 2000, /draining/],
    [answer(99), true, 0, /status 99$/],
  ];
  for (const [bytes, isRetriable, retryAfterMs, message] of cases) {
    assert.throws(() => handshake().receive(bytes), (error: unknown) => {
      assert.ok(error instanceof HandshakeError);
      assert.equal(error.isRetriable, isRetriable, error.message);
      assert.equal(error.retryAfterMs, retryAfterMs);
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("AgentHandshake insists on the mode that is demanded", () => {
  const refuses = (mode: "mux" | "raw", bytes: Uint8Array) =>
    assert.throws(
      () => handshake({ mode }).receive(bytes),
      (error: unknown) => error instanceof HandshakeError && !error.isRetriable,
    );
  refuses("mux", answer(1));
  refuses("mux", answer(1, { mode: "raw" }));
  refuses("raw", answer(1, { mode: "mux" }));
  assert.equal(handshake({ mode: "raw" }).receive(answer(1))?.mode, "raw");
});

Deno.test("AgentHandshake says what is wrong with an answer of something else", () => {
  const web = new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n");
  assert.throws(() => handshake().receive(web), DecodeError);
  assert.throws(() => handshake().receive(new Uint8Array([0x20, 0x88, 1, 9])), DecodeError);
  const info = encodeFrame(FLAG.initInfo, { "cluster_name": "x" });
  assert.throws(() => handshake().receive(info), HandshakeError);
});
