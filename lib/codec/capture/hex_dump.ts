/** Bytes from hex dumps: what `xxd`, `hexdump -C` and `tcpdump -X` print, or bare hex digits. */
import { DecodeError } from "../../errors.ts";

/** Longest line that is read. */
const MAX_LINE_BYTES = 4096;
/** `00000010: 2088 …  text` of xxd, `0x0010:  2088 …  text` of tcpdump: two spaces end the digits. */
const COLON_LINE =
  /^\s*(?:0x)?([0-9a-f]{4,16}):\s{1,2}([0-9a-f]{2,}(?: [0-9a-f]{2,})*)(?= {2}|\s*$)/i;
/** `00000010  20 88 …  |text|` of hexdump -C. */
const BAR_LINE = /^\s*([0-9a-f]{4,16})\s{2}((?:[0-9a-f]{2} {1,2})*(?:[0-9a-f]{2})?)\s*(?:\|.*)?$/i;
const BARE = /^[0-9a-f\s]+$/i;
const HEXDUMP_END = /^\s*[0-9a-f]{7,16}\s*$/i;
/** How a line of tcpdump's begins that has bytes. */
const PACKET_LINE = /^\s*0x/;
/** The line over a packet: a time of day, an epoch, a date, or none with tcpdump -t. */
const HEADING = /^(?:\d\d:\d\d:\d\d\.\d+|\d+\.\d+|\d{4}-\d\d-\d\d|IP6?) /;

/** One line's bytes, and whether a new packet starts with it (tcpdump's lines begin at 0 again). */
export interface HexLine {
  readonly bytes: Uint8Array;
  readonly isNewPacket: boolean;
  /** The line looks like tcpdump's. */
  readonly isPacketDump: boolean;
}

/** Receives lines as they are read. */
export type OnHexLine = (line: HexLine) => void;

/** True if text that starts like this is a hex dump, or may be. */
export function isHexDump(start: Uint8Array): boolean {
  const text = new TextDecoder().decode(start);
  // deno-lint-ignore no-control-regex -- text is what has none of these
  if (/[\x00-\x08\x0e-\x1f\x7f-\uffff]/.test(text)) return false;
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const [first = ""] = lines;
  if (lineOf(first) !== undefined) return true;
  // tcpdump -v has several lines over each packet.
  if (HEADING.test(first)) return lines.some((line) => PACKET_LINE.test(line));
  return BARE.test(first) && first.trim().length >= 4;
}

/** Reads a dump from text that comes in pieces. */
export class HexDumpReader {
  readonly #decoder = new TextDecoder();
  #line = "";
  #lineNumber = 0;
  /** Offset behind the last line, -1 before the first one. */
  #offset = -1;
  #lastLine = new Uint8Array(0);
  #isRepeating = false;
  #isPacketDump = false;

  /** Takes the next text and hands on its lines' bytes. @throws {DecodeError} */
  push(piece: Uint8Array, onLine: OnHexLine): void {
    const lines = (this.#line + this.#decoder.decode(piece, { stream: true })).split("\n");
    this.#line = lines.pop()!;
    for (const line of lines) this.#read(line.replace(/\r$/, ""), onLine);
    if (this.#line.length > MAX_LINE_BYTES && !BARE.test(this.#line)) {
      this.#lineNumber += 1;
      throw this.#error(`is longer than ${MAX_LINE_BYTES} characters`);
    }
    if (this.#line.length > MAX_LINE_BYTES) this.#readStart(onLine);
  }

  /** Gives the last line, if it has no end. @throws {DecodeError} */
  end(onLine: OnHexLine): void {
    const last = this.#line;
    this.#line = "";
    this.#read(last, onLine);
  }

  #read(line: string, onLine: OnHexLine): void {
    this.#lineNumber += 1;
    if (line.trim() === "") return;
    if (line.trim() === "*") {
      // hexdump's sign for lines like the one before; the next line's offset says how many.
      this.#isRepeating = true;
      return;
    }
    const found = lineOf(line);
    if (found !== undefined) return this.#readBytes(line, found, onLine);
    if (HEXDUMP_END.test(line) && this.#offset !== -1) {
      if (this.#isRepeating) this.#repeat(Number.parseInt(line, 16), onLine);
      return;
    }
    if (this.#isPacketDump || HEADING.test(line)) {
      this.#isPacketDump = true;
      return;
    }
    if (!BARE.test(line)) throw this.#error("is no line of a hex dump");
    if (line.replace(/\s/g, "").length % 2 !== 0) throw this.#error("has an odd number of digits");
    onLine({ bytes: fromHex(line), isNewPacket: false, isPacketDump: false });
  }

  #readBytes(
    line: string,
    { offset, bytes }: { offset: number; bytes: Uint8Array<ArrayBuffer> },
    onLine: OnHexLine,
  ): void {
    if (this.#isRepeating) this.#repeat(offset, onLine);
    const isNewPacket = offset === 0;
    if (!isNewPacket && offset !== this.#offset) {
      throw this.#error(`is at offset ${offset}, expected ${Math.max(this.#offset, 0)}`);
    }
    this.#offset = offset + bytes.length;
    this.#lastLine = bytes;
    const isPacketDump = PACKET_LINE.test(line);
    this.#isPacketDump ||= isPacketDump;
    onLine({ bytes, isNewPacket, isPacketDump });
  }

  #repeat(until: number, onLine: OnHexLine): void {
    this.#isRepeating = false;
    const bytes = this.#lastLine;
    if (bytes.length === 0) return;
    while (this.#offset + bytes.length <= until) {
      this.#offset += bytes.length;
      onLine({ bytes, isNewPacket: false, isPacketDump: false });
    }
  }

  /** Bare digits may come without a single end of line. */
  #readStart(onLine: OnHexLine): void {
    const digits = this.#line.replace(/\s/g, "");
    const even = digits.length - digits.length % 2;
    this.#line = digits.slice(even);
    onLine({ bytes: fromHex(digits.slice(0, even)), isNewPacket: false, isPacketDump: false });
  }

  #error(detail: string): DecodeError {
    return new DecodeError({
      format: "hex dump",
      reason: "syntax",
      offset: Math.max(this.#offset, 0),
      detail: `line ${this.#lineNumber} ${detail}`,
    });
  }
}

/** The offset and the bytes of a dump's line. */
function lineOf(line: string): { offset: number; bytes: Uint8Array<ArrayBuffer> } | undefined {
  const match = COLON_LINE.exec(line) ?? BAR_LINE.exec(line);
  if (match === null || match[2]!.trim() === "") return undefined;
  const digits = match[2]!.replace(/\s/g, "");
  if (digits.length % 2 !== 0) return undefined;
  return { offset: Number.parseInt(match[1]!, 16), bytes: fromHex(digits) };
}

function fromHex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(text.replace(/\s/g, ""));
}
