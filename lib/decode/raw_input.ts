/** The bytes of one direction of one connection. */
import { HEADER_BYTES } from "../codec/yamux.ts";
import { DecodeError } from "../errors.ts";
import type { CaptureEvents, CaptureInput } from "./capture_input.ts";
import { ConnectionDecoder } from "./connection_decoder.ts";
import type { DirectionDecoder } from "./connection_decoder.ts";
import { isMuxHeader } from "./first_bytes.ts";
import { Guard } from "./guard.ts";
import { HeldHead } from "./held_head.ts";
import type { DecodeOptions } from "./record.ts";

/** First bytes of compressed files, whose captures would have to be unpacked first. */
const COMPRESSED: readonly [name: string, magic: readonly number[]][] = [
  ["gzip", [0x1f, 0x8b]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58]],
  ["lz4", [0x04, 0x22, 0x4d, 0x18]],
];

const NO_BYTES = new Uint8Array(0);

/** Decodes one direction. */
export class RawInput implements CaptureInput {
  readonly #guard: Guard;
  readonly #direction: DirectionDecoder;
  readonly #start = new HeldHead();
  #isStarted = false;

  constructor(options: DecodeOptions, events: CaptureEvents) {
    this.#guard = new Guard(events);
    const connection = new ConnectionDecoder((record) => events.record(record), options);
    this.#direction = connection.direction();
  }

  push(bytes: Uint8Array): void {
    this.#guard.run(() => {
      if (this.#isStarted) this.#direction.push(bytes);
      else this.#begin(bytes, false);
    });
  }

  end(): void {
    this.#guard.run(() => {
      if (!this.#isStarted) this.#begin(NO_BYTES, true);
      this.#direction.end();
    });
  }

  #begin(bytes: Uint8Array, isAll: boolean): void {
    this.#start.append(bytes);
    const start = this.#start.bytes;
    if (start.length < HEADER_BYTES && !isAll) return;
    checkCompression(start);
    // A session that was recorded without its handshake, as by a proxy between its ends.
    if (isMuxHeader(start, 0)) this.#direction.startInside("unknown");
    this.#isStarted = true;
    this.#direction.push(start.slice());
    this.#start.clear();
  }
}

function checkCompression(start: Uint8Array): void {
  const found = COMPRESSED.find(([, magic]) => magic.every((byte, at) => start[at] === byte));
  if (found === undefined) return;
  const detail = `it is compressed with ${found[0]}, unpack it first`;
  throw new DecodeError({ format: "capture", reason: "magic", offset: 0, detail });
}
