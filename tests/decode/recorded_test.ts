/** What real tools recorded decodes completely; testdata/pcap/README.md says how it was made. */
import assert from "node:assert/strict";
import * as v from "valibot";
import type { CaptureRecord } from "../../lib/decode/capture_input.ts";
import { formatRecord, formatRecordAsJson } from "../../lib/decode/format_record.ts";
import { parseRecord } from "../../lib/decode/parse_record.ts";
import { join } from "../codec/capture/packets.ts";
import { decode } from "./decode.ts";
import type { Decoded } from "./decode.ts";
import { recordJsonSchema, recordSchema } from "./record_schema.ts";

const DATA = new URL("../../testdata/", import.meta.url);
const utf8 = new TextEncoder();

async function decodeFile(path: string, isAll = false): Promise<Decoded> {
  const bytes = await Deno.readFile(new URL(path, DATA));
  return decode([bytes], { isCredentialShown: isAll, isPayloadKept: isAll });
}

function count(result: Decoded): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { layer, frame } of result.records) {
    if (layer !== "capture") counts[frame] = (counts[frame] ?? 0) + 1;
  }
  return counts;
}

/** What was said, without what is told of the capture. */
function told(records: readonly CaptureRecord[]): unknown[] {
  return records.filter(({ layer }) => layer !== "capture")
    .map(({ offset, frame, fields }) => [offset, frame, fields]);
}

const MUX = {
  "ConnectionInitInfo": 1,
  "ConnectionInitResponse": 1,
  "yamux.ping": 8,
  "yamux.data": 11,
  "preface": 2,
  "yamux.window_update": 3,
  "answer": 2,
  "Drain": 1,
  "yamux.go_away": 1,
};
const RAW = {
  "ConnectionInitInfo": 1,
  "ConnectionInitResponse": 1,
  "HTTP/1 request": 3,
  "HTTP/1 response": 3,
};
const MERGED = { ...MUX, ...RAW, "ConnectionInitInfo": 2, "ConnectionInitResponse": 2 };
const ONE_EXCHANGE = { "ConnectionInitResponse": 1, "HTTP/1 request": 1 };

const FILES: readonly [name: string, format: string, counts: Record<string, number>][] = [
  ["mux.pcap", "pcap", MUX],
  ["mux-any.pcap", "pcap", MUX],
  ["mux-modified.pcap", "pcap", MUX],
  ["mux-comment.pcapng", "pcapng", MUX],
  ["dumpcap.pcapng", "pcapng", MUX],
  ["merged.pcapng", "pcapng", MERGED],
  ["raw-ipv6.pcap", "pcap", RAW],
  ["mux-X.txt", "hex", MUX],
  ["mux-any-XX.txt", "hex", MUX],
  ["mosn-xxd.txt", "hex", ONE_EXCHANGE],
  ["mosn-xxd-p.txt", "hex", ONE_EXCHANGE],
  ["mosn-hexdump.txt", "hex", ONE_EXCHANGE],
  ["zeros-hexdump.txt", "hex", ONE_EXCHANGE],
];

for (const [name, format, counts] of FILES) {
  Deno.test(`${name} decodes to its last byte`, async () => {
    const result = await decodeFile(`pcap/${name}`);
    assert.deepEqual(result.errors, []);
    assert.equal(result.format, format);
    assert.deepEqual(count(result), counts);
  });
}

Deno.test("the captures of MOSN decode completely and exactly", async () => {
  const agent = await decodeFile("captures/mosn-agent-to-server.bin");
  assert.deepEqual(agent.errors, []);
  assert.deepEqual(agent.records, [
    {
      offset: 0,
      direction: "agent-to-server",
      layer: "mosn",
      frame: "ConnectionInitInfo",
      fields: {
        payload: {
          "cluster_name": "clientCluster",
          weight: 10,
          "host_name": "",
          "credential_policy": "",
          credential: "",
          extra: null,
        },
      },
      bytes: 119,
    },
    {
      offset: 119,
      direction: "agent-to-server",
      layer: "http1",
      frame: "HTTP/1 response",
      fields: {
        "start_line": "HTTP/1.1 200 OK",
        headers: 3,
        "body_bytes": 27,
        framing: "length",
      },
      bytes: 144,
    },
  ]);
  const server = await decodeFile("captures/mosn-server-to-agent.bin");
  assert.deepEqual(server.errors, []);
  assert.deepEqual(server.records, [
    {
      offset: 0,
      direction: "server-to-agent",
      layer: "mosn",
      frame: "ConnectionInitResponse",
      fields: { payload: { status: 1 } },
      bytes: 20,
    },
    {
      offset: 20,
      direction: "server-to-agent",
      layer: "http1",
      frame: "HTTP/1 request",
      fields: {
        "start_line": "GET /id/42 HTTP/1.1",
        headers: 4,
        "body_bytes": 0,
        framing: "none",
      },
      bytes: 99,
    },
  ]);
});

Deno.test("a capture that cuts its packets tells what the frames were", async () => {
  const result = await decodeFile("pcap/mux-cut.pcap");
  assert.deepEqual(result.errors, []);
  // What was cut is the preface of the control stream and what was said there.
  assert.deepEqual(
    count(result),
    Object.fromEntries(
      Object.entries({ ...MUX, preface: 1, Drain: 0 }).filter(([, times]) => times > 0),
    ),
  );
  const init = result.records.find(({ frame }) => frame === "ConnectionInitInfo")!;
  assert.deepEqual(init.fields, { complete: false });
  assert.equal(init.bytes, 271);
  assert.ok(
    result.records.every(({ direction, frame }) =>
      direction !== "unknown" || frame === "connection"
    ),
  );
});

Deno.test("the response to HEAD has no body, whatever its length says", async () => {
  const { records } = await decodeFile("pcap/raw-ipv6.pcap");
  const [, head] = records.filter(({ frame }) => frame === "HTTP/1 response");
  assert.equal(head?.fields["body_bytes"], 0);
  assert.deepEqual(records[0]!.fields, { from: "[::1]:47858", to: "[::1]:19002" });
});

Deno.test("no secret of a capture is printed, and all are where they are asked for", async () => {
  for (const [name] of FILES.slice(0, 9)) {
    const masked = await decodeFile(`pcap/${name}`);
    for (const format of [formatRecord, formatRecordAsJson]) {
      assert.doesNotMatch(masked.records.map(format).join("\n"), /s3cret/, name);
    }
    const shown = await decodeFile(`pcap/${name}`, true);
    assert.match(shown.records.map(formatRecordAsJson).join("\n"), /s3cret-token-value/, name);
  }
});

Deno.test("each direction comes back from its JSON as the bytes that it was", async () => {
  for (const name of ["mux.pcap", "raw-ipv6.pcap"]) {
    const { records } = await decodeFile(`pcap/${name}`, true);
    for (const direction of ["agent-to-server", "server-to-agent"]) {
      const own = records.filter((record) => record.direction === direction);
      const pieces = own.map((record) =>
        parseRecord(utf8.encode(formatRecordAsJson(record))).bytes
      );
      const end = Math.max(...own.map(({ offset, bytes }) => offset + bytes));
      assert.equal(pieces.reduce((sum, { length }) => sum + length, 0), end);
      const again = decode([join(...pieces)], { isCredentialShown: true, isPayloadKept: true });
      // One direction alone does not tell that the second response is HEAD's.
      if (name === "raw-ipv6.pcap" && direction === "agent-to-server") continue;
      assert.deepEqual(again.errors, []);
      assert.deepEqual(told(again.records), told(own));
    }
  }
});

Deno.test("docs/decode-frame.schema.json is the schema of every line", async () => {
  const url = new URL("../docs/decode-frame.schema.json", DATA);
  assert.deepEqual(JSON.parse(await Deno.readTextFile(url)), JSON.parse(recordJsonSchema()));
  const layers = new Set<string>();
  for (const [name] of [...FILES, ["mux-cut.pcap"]] as [string][]) {
    for (const isAll of [false, true]) {
      for (const record of (await decodeFile(`pcap/${name}`, isAll)).records) {
        const line = formatRecordAsJson(record);
        const result = v.safeParse(recordSchema, JSON.parse(line));
        assert.ok(result.success, `${line}: ${result.issues?.[0]?.message}`);
        layers.add(record.layer);
      }
    }
  }
  assert.deepEqual([...layers].sort(), [
    "bytes",
    "capture",
    "control",
    "http1",
    "mosn",
    "stream",
    "yamux",
  ]);
});
