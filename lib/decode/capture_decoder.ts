/** From a capture's bytes to records: the file's format, its connections, what went over them. */
import { isHexDump } from "../codec/capture/hex_dump.ts";
import { isPcap, PcapReader } from "../codec/capture/pcap.ts";
import { isPcapng, PcapngReader } from "../codec/capture/pcapng.ts";
import { DecodeError } from "../errors.ts";
import type { CaptureEvents, CaptureInput, CaptureOptions, InputFormat } from "./capture_input.ts";
import { HeldHead } from "./held_head.ts";
import { HexInput } from "./hex_input.ts";
import { PacketFileInput } from "./packet_file_input.ts";
import { RawInput } from "./raw_input.ts";

/** Bytes that tell one format from another: a pcapng section's first three words. */
const DETECT_BYTES = 12;
/** Text is told by its first lines, or by as much of them as would be long. */
const DETECT_TEXT_BYTES = 512;

/** Decodes a capture that comes in pieces, in memory that does not grow with it. */
export class CaptureDecoder {
  readonly #events: CaptureEvents;
  readonly #options: CaptureOptions;
  readonly #start = new HeldHead();
  #format: InputFormat;
  #input: CaptureInput | undefined;
  /** Bytes of input so far. */
  inputBytes = 0;

  constructor(options: CaptureOptions, events: CaptureEvents) {
    this.#options = options;
    this.#events = events;
    this.#format = options.input;
  }

  /** "auto" until enough has come to tell. */
  get format(): InputFormat {
    return this.#format;
  }

  push(bytes: Uint8Array): void {
    this.inputBytes += bytes.length;
    if (this.#input === undefined && this.#format !== "auto") {
      this.#input = this.#makeInput(this.#format);
    }
    if (this.#input !== undefined) return this.#input.push(bytes);
    this.#start.append(bytes);
    this.#detect(false);
  }

  end(): void {
    if (this.#input === undefined && this.#start.length > 0) this.#detect(true);
    if (this.#input !== undefined) return this.#input.end();
    const detail = "there is no input";
    this.#events.error(
      new DecodeError({ format: "capture", reason: "truncated", offset: 0, detail }),
      undefined,
    );
  }

  #detect(isAll: boolean): void {
    const format = detectFormat(this.#start.bytes, isAll);
    if (format === undefined) return;
    this.#format = format;
    this.#input = this.#makeInput(format);
    this.#input.push(this.#start.bytes.slice());
    this.#start.clear();
  }

  #makeInput(format: InputFormat): CaptureInput {
    const options = this.#options;
    const events = this.#events;
    switch (format) {
      case "pcap":
        return new PacketFileInput(new PcapReader(), options, events);
      case "pcapng":
        return new PacketFileInput(new PcapngReader(), options, events);
      case "hex":
        // What a dump shows may itself be a capture file.
        return new HexInput(
          options,
          events,
          () => new CaptureDecoder({ ...options, input: "auto" }, events),
        );
      default:
        return new RawInput(options, events);
    }
  }
}

/** Undefined while there is too little to tell. */
function detectFormat(start: Uint8Array, isAll: boolean): InputFormat | undefined {
  if (isPcap(start)) return "pcap";
  if (isPcapng(start)) return "pcapng";
  if (start.length < DETECT_BYTES && !isAll) return undefined;
  if (start[0] === 0x20 && start[1] === 0x88) return "raw";
  if (isHexDump(start.subarray(0, DETECT_TEXT_BYTES))) {
    const isEnough = isAll || start.length >= DETECT_TEXT_BYTES || start.includes(0x0a);
    return isEnough ? "hex" : undefined;
  }
  return "raw";
}
