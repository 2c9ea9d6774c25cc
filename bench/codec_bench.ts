/**
 * What the codecs cost: `deno bench` lines, and the rates against their goals on stderr.
 *
 * A benchmark's call does a batch, so that the harness costs nothing; the rates are those of the
 * best of some rounds, on one core.
 */
import { FrameDecoder } from "../lib/codec/frame.ts";
import { RequestHead } from "../lib/codec/http1/request_head.ts";
import { decodeMessage } from "../lib/codec/decode_message.ts";
import { encodeMessage } from "../lib/codec/encode_message.ts";
import { AnswerDecoder, encodePreface, PrefaceDecoder } from "../lib/codec/preface.ts";
import { ClientHelloDecoder } from "../lib/codec/client_hello.ts";
import { encodeProxyHeader, ProxyHeaderDecoder } from "../lib/codec/proxy_protocol.ts";
import type { ProxyHeader } from "../lib/codec/proxy_protocol.ts";
import { parseJson } from "../lib/codec/json_parser.ts";
import { FRAME_TYPE, HEADER_BYTES, HeaderReader, writeHeader } from "../lib/codec/yamux.ts";
import { BROWSER_REQUEST } from "./browser_request.ts";

/** What is measured. */
interface Case {
  name: string;
  group: string;
  /** Values that one call of `run` handles. */
  batch: number;
  /** Values a second that there should be at least. */
  goal?: number;
  isBaseline?: boolean;
  run(): number;
}

const CAPTURES = new URL("../testdata/captures/", import.meta.url);
const HELLOS = new URL("../testdata/client_hello/", import.meta.url);
const HEADERS = 10_000;

const recordedInit = await Deno.readFile(new URL("mosn-agent-to-server.bin", CAPTURES));
const { frame: init } = new FrameDecoder().push(recordedInit)!;
const initMessage = decodeMessage(init);
const ownInit = encodeMessage({
  type: "initInfo",
  clusterName: "edge-a",
  weight: 10,
  hostName: "till-7",
  credentialPolicy: "token",
  credential: "0123456789abcdef",
  hello: {
    version: 1,
    modes: ["mux", "raw"],
    agentId: "0b9ff1a1-7a47-4c7e-9b4d-0d6a3e1c2f10",
    connectionId: 1,
    software: "revtun/0.1.0",
    targets: { "": {}, ssh: {} },
  },
});
const headers = new Uint8Array(HEADERS * HEADER_BYTES);
for (let index = 0; index < HEADERS; index++) {
  writeHeader(headers, index * HEADER_BYTES, index % 4, index % 16, index * 7, index * 1000);
}
const headersView = new DataView(headers.buffer);
const target = encodePreface({ target: "ssh", source: "203.0.113.9:40112" });
const proxied: ProxyHeader = {
  kind: "tcp",
  source: { host: "192.0.2.1", port: 56324 },
  destination: { host: "198.51.100.7", port: 443 },
};
const proxyV2 = encodeProxyHeader(proxied, "v2");
const hello = await Deno.readFile(new URL("curl.bin", HELLOS));
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const requestHead = new RequestHead();
const origin = { format: "bench", offset: 0 };

function repeat(count: number, run: () => unknown): () => number {
  return () => {
    let done = 0;
    for (let index = 0; index < count; index++) if (run() !== undefined) done += 1;
    return done;
  };
}

const cases: Case[] = [
  {
    name: "MOSN init decode",
    group: "MOSN frames",
    batch: 1000,
    goal: 1e6,
    run: repeat(1000, () => decodeMessage(new FrameDecoder().push(recordedInit)!.frame)),
  },
  {
    name: "MOSN init encode",
    group: "MOSN frames",
    batch: 1000,
    run: repeat(1000, () => encodeMessage(initMessage)),
  },
  {
    name: "revtun init decode",
    group: "MOSN frames",
    batch: 1000,
    run: repeat(1000, () => decodeMessage(new FrameDecoder().push(ownInit)!.frame)),
  },
  {
    name: "JSON of an init, our parser",
    group: "JSON",
    batch: 1000,
    run: repeat(1000, () => parseJson(init.payload, origin)),
  },
  {
    name: "JSON of an init, the platform's",
    group: "JSON",
    batch: 1000,
    isBaseline: true,
    run: repeat(1000, () => JSON.parse(utf8.decode(init.payload))),
  },
  {
    name: "yamux headers read",
    group: "yamux headers",
    batch: HEADERS,
    goal: 30e6,
    run() {
      const reader = new HeaderReader();
      let sum = 0;
      for (let at = 0; at < headers.length;) {
        at = reader.read(headers, at);
        sum += reader.value + reader.streamId + reader.flags + reader.type;
      }
      return sum;
    },
  },
  {
    name: "yamux headers read by DataView",
    group: "yamux headers",
    batch: HEADERS,
    isBaseline: true,
    run() {
      let sum = 0;
      for (let at = 0; at < headers.length; at += HEADER_BYTES) {
        const header = {
          type: headersView.getUint8(at + 1),
          flags: headersView.getUint16(at + 2),
          streamId: headersView.getUint32(at + 4),
          value: headersView.getUint32(at + 8),
        };
        sum += header.value + header.streamId + header.flags + header.type;
      }
      return sum;
    },
  },
  {
    name: "yamux headers written",
    group: "yamux headers",
    batch: HEADERS,
    goal: 30e6,
    run() {
      const bytes = headers.slice(0, HEADER_BYTES);
      for (let index = 0; index < HEADERS; index++) {
        writeHeader(bytes, 0, FRAME_TYPE.data, 0, index, 1000);
      }
      return bytes[7]!;
    },
  },
  {
    name: "request head of a browser",
    group: "HTTP/1",
    batch: 1000,
    goal: 0.5e6,
    run: repeat(1000, () => requestHead.parse(BROWSER_REQUEST, 0, BROWSER_REQUEST.length)),
  },
  {
    name: "preface of the default target",
    group: "streams",
    batch: 1000,
    run: repeat(1000, () => new PrefaceDecoder().push(Uint8Array.of(0, 0))),
  },
  {
    name: "preface of a named target",
    group: "streams",
    batch: 1000,
    run: repeat(1000, () => new PrefaceDecoder().push(target)),
  },
  {
    name: "answer: open",
    group: "streams",
    batch: 1000,
    run: repeat(1000, () => new AnswerDecoder().push(Uint8Array.of(0, 0, 0))),
  },
  {
    name: "PROXY v2 decode",
    group: "before streams",
    batch: 1000,
    run: repeat(1000, () => new ProxyHeaderDecoder().push(proxyV2)),
  },
  {
    name: "PROXY v2 encode",
    group: "before streams",
    batch: 1000,
    run: repeat(1000, () => encodeProxyHeader(proxied, "v2")),
  },
  {
    name: "ClientHello of curl",
    group: "before streams",
    batch: 1000,
    run: repeat(1000, () => new ClientHelloDecoder().push(hello)),
  },
];

/** Keeps results alive, so that nothing is optimized away. */
let sink = 0;

for (const { name, group, batch, isBaseline, run } of cases) {
  Deno.bench({ name: `${name} x ${batch}`, group, baseline: isBaseline ?? false }, () => {
    sink += run();
  });
}

const report = ["Codec rates on one core, best of 20 rounds:"];
for (const { name, batch, goal, run } of cases) {
  const rate = bestRate(batch, run);
  const text = `${(rate / 1e6).toFixed(rate < 1e7 ? 2 : 0)} M/s`;
  const verdict = goal === undefined
    ? ""
    : `  ${rate >= goal ? "reaches" : "MISSES"} the goal of ${goal / 1e6} M/s`;
  report.push(`  ${name.padEnd(34)} ${text.padStart(10)}${verdict}`);
}
Deno.stderr.writeSync(new TextEncoder().encode(`${report.join("\n")}\n`));

function bestRate(batch: number, run: () => number): number {
  let best = 0;
  for (let round = 0; round < 20; round++) {
    const start = performance.now();
    let count = 0;
    while (performance.now() - start < 15) {
      sink += run();
      count += batch;
    }
    best = Math.max(best, count / (performance.now() - start) * 1000);
  }
  return best;
}
