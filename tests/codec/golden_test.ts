import assert from "node:assert/strict";
import { FrameDecoder } from "../../lib/codec/frame.ts";
import { frameFromJson, frameToJson } from "../../lib/codec/frame_json.ts";
import { decodeMessage } from "../../lib/codec/decode_message.ts";
import { ANSWER_STATUS, AnswerDecoder, PrefaceDecoder } from "../../lib/codec/preface.ts";
import { encodeWireFrame } from "../../lib/codec/wire_frame.ts";
import type { WireFrame } from "../../lib/codec/wire_frame.ts";
import { FRAME_TYPE, HeaderReader } from "../../lib/codec/yamux.ts";
import { byteByByte, decodePieces } from "./pieces.ts";
import type { Outcome } from "./pieces.ts";

interface GoldenRow {
  name: string;
  source: string;
  hex: string;
  json: { frame: string };
}

interface HostileRow {
  name: string;
  format: string;
  hex: string;
  reason: string;
  offset: number;
  detail: string;
}

type Decoded = Outcome<{ wire: WireFrame }>;

const golden: GoldenRow[] = await readTable("frames.json");
const hostile: HostileRow[] = await readTable("hostile.json");

async function readTable<T>(name: string): Promise<T[]> {
  const url = new URL(`../../testdata/frames/${name}`, import.meta.url);
  return JSON.parse(await Deno.readTextFile(url));
}

/** Reads one frame with the decoder for its format, in pieces that end at `cuts`. */
function decode(format: string, bytes: Uint8Array, cuts: readonly number[]): Decoded {
  switch (format) {
    case "preface": {
      const decoder = new PrefaceDecoder();
      return decodePieces(
        {
          push(piece: Uint8Array) {
            const found = decoder.push(piece);
            if (found === undefined) return undefined;
            return {
              wire: { protocol: "preface" as const, payload: found.json } as WireFrame,
              rest: found.rest,
            };
          },
        },
        bytes,
        cuts,
      );
    }
    case "answer": {
      const decoder = new AnswerDecoder();
      return decodePieces(
        {
          push(piece: Uint8Array) {
            const found = decoder.push(piece);
            if (found === undefined) return undefined;
            const status = ANSWER_STATUS[found.answer.status];
            return {
              wire: { protocol: "answer" as const, status, payload: found.json } as WireFrame,
              rest: found.rest,
            };
          },
        },
        bytes,
        cuts,
      );
    }
    case "yamux":
      return decodePieces(yamuxDecoder(), bytes, cuts);
    default: {
      const decoder = new FrameDecoder();
      return decodePieces(
        {
          push(piece: Uint8Array) {
            const found = decoder.push(piece);
            if (found === undefined) return undefined;
            decodeMessage(found.frame);
            return {
              wire: { protocol: "mosn" as const, ...found.frame } as WireFrame,
              rest: found.rest,
            };
          },
        },
        bytes,
        cuts,
      );
    }
  }
}

function yamuxDecoder() {
  const reader = new HeaderReader();
  const payload: number[] = [];
  let isHeaderWhole = false;
  let readBytes = 0;
  return {
    push(piece: Uint8Array): { wire: WireFrame; rest: Uint8Array } | undefined {
      let at = 0;
      if (!isHeaderWhole) {
        at = reader.read(piece, 0, readBytes);
        readBytes += at;
        isHeaderWhole = reader.isWhole;
        if (!isHeaderWhole) return undefined;
      }
      const { type, flags, streamId, value } = reader;
      const size = type === FRAME_TYPE.data ? value : 0;
      while (payload.length < size && at < piece.length) payload.push(piece[at++]!);
      if (payload.length < size) return undefined;
      const header = { protocol: "yamux" as const, type, flags, streamId, value };
      const wire = type === FRAME_TYPE.data
        ? { ...header, payload: Uint8Array.from(payload) }
        : header;
      return { wire, rest: piece.subarray(at) };
    },
  };
}

function formatOf(frame: string): string {
  if (frame === "preface" || frame === "answer") return frame;
  return frame.startsWith("yamux.") ? "yamux" : "mosn";
}

Deno.test("the tables of frames were found", () => {
  assert.ok(golden.length >= 40);
  assert.ok(hostile.length >= 30);
  const names = [...golden, ...hostile].map((row) => row.name);
  assert.equal(new Set(names).size, names.length);
});

for (const { name, hex, json } of golden) {
  Deno.test(`frame "${name}" is decoded, shown as JSON, and encoded to the same bytes`, () => {
    const bytes = Uint8Array.fromHex(hex);
    const trailing = new Uint8Array([...bytes, 0x20, 0x88, 0xff]);
    const format = formatOf(json.frame);
    const whole = decode(format, bytes, []);
    assert.ok("value" in whole, JSON.stringify(whole));
    assert.equal(whole.restBytes, 0);
    assert.deepEqual(decode(format, bytes, byteByByte(bytes)), whole);
    assert.deepEqual(decode(format, trailing, []), { ...whole, restBytes: 3 });
    assert.deepEqual(decode(format, trailing, byteByByte(trailing)), { ...whole, restBytes: 3 });
    const { wire } = whole.value;
    assert.deepEqual(frameToJson(wire, { isCredentialShown: true }), json);
    assert.equal(encodeWireFrame(wire).toHex(), hex);
    assert.equal(encodeWireFrame(frameFromJson(json)).toHex(), hex);
  });
}

for (const { name, format, hex, ...expected } of hostile) {
  Deno.test(`hostile bytes are refused: ${name}`, () => {
    const bytes = Uint8Array.fromHex(hex);
    assert.deepEqual(decode(format, bytes, []), expected);
    assert.deepEqual(decode(format, bytes, byteByByte(bytes)), expected);
  });
}

Deno.test("every golden frame that is cut anywhere only asks for more", () => {
  for (const { name, hex, json } of golden) {
    const bytes = Uint8Array.fromHex(hex);
    for (let end = 0; end < bytes.length; end++) {
      const result = decode(formatOf(json.frame), bytes.slice(0, end), []);
      assert.deepEqual(result, { needed: true }, `${name} cut at ${end}`);
    }
  }
});

Deno.test("golden frames with any bit flipped give a value, an error, or ask for more", () => {
  for (const { hex, json } of golden) {
    const bytes = Uint8Array.fromHex(hex);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      // Whatever it is, nothing but DecodeError may be thrown: decode() lets others through.
      decode(formatOf(json.frame), bytes, []);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
    }
  }
});

for (const name of ["yamux_go_client", "yamux_go_server"]) {
  Deno.test(`${name}.bin, recorded from Go, is decoded to its last byte`, async () => {
    const url = new URL(`../../testdata/captures/${name}.bin`, import.meta.url);
    let rest = await Deno.readFile(url) as Uint8Array;
    const frames: unknown[] = [];
    while (rest.length > 0) {
      const result = decode("yamux", rest, []);
      assert.ok("value" in result);
      const { wire } = result.value;
      assert.deepEqual(encodeWireFrame(wire), rest.slice(0, rest.length - result.restBytes));
      frames.push(frameToJson(wire, { isCredentialShown: true }));
      rest = rest.subarray(rest.length - result.restBytes);
    }
    const texts = frames.flatMap((frame) => Object(frame)["payload_text"] ?? []);
    const isClient = name === "yamux_go_client";
    assert.deepEqual(texts, isClient ? ["hello", "second"] : ["echo hello", "echo second"]);
  });
}
