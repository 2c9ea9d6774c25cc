/** The bytes of one direction of one connection. */
import { DecodeError } from "../errors.ts";
import type { CaptureEvents, CaptureInput } from "./capture_decoder.ts";
import { ConnectionDecoder } from "./connection_decoder.ts";
import type { DirectionDecoder } from "./connection_decoder.ts";
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

/** Decodes one direction. */
export class RawInput implements CaptureInput {
  readonly #guard: Guard;
  readonly #direction: DirectionDecoder;
  readonly #start = new HeldHead();

  constructor(options: DecodeOptions, events: CaptureEvents) {
    this.#guard = new Guard(events);
    const connection = new ConnectionDecoder((record) => events.record(record), options);
    this.#direction = connection.direction();
  }

  push(bytes: Uint8Array): void {
    this.#guard.run(() => {
      if (this.#start.length < 4) {
        this.#start.append(bytes.subarray(0, 4 - this.#start.length));
        checkCompression(this.#start.bytes);
      }
      this.#direction.push(bytes);
    });
  }

  end(): void {
    this.#guard.run(() => this.#direction.end());
  }
}

function checkCompression(start: Uint8Array): void {
  const found = COMPRESSED.find(([, magic]) => magic.every((byte, at) => start[at] === byte));
  if (found === undefined) return;
  const detail = `it is compressed with ${found[0]}, unpack it first`;
  throw new DecodeError({ format: "capture", reason: "magic", offset: 0, detail });
}
