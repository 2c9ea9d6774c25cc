/** A hex dump: of packets as tcpdump prints them, or of any other capture. */
import { HexDumpReader } from "../codec/capture/hex_dump.ts";
import type { HexLine } from "../codec/capture/hex_dump.ts";
import { guessLinkType } from "../codec/capture/tcp_segment.ts";
import { DecodeError } from "../errors.ts";
import type { CaptureEvents, CaptureInput, CaptureOptions } from "./capture_input.ts";
import { Guard } from "./guard.ts";
import { HeldHead } from "./held_head.ts";
import { PacketDecoder } from "./packet_decoder.ts";

/** Decodes what a dump shows. */
export class HexInput implements CaptureInput {
  readonly #dump = new HexDumpReader();
  readonly #guard: Guard;
  readonly #makeContent: () => CaptureInput;
  readonly #packets: PacketDecoder;
  readonly #packet = new HeldHead();
  #content: CaptureInput | undefined;
  #hasPackets = false;

  /** @param makeContent reads the bytes of a dump that is none of packets. */
  constructor(options: CaptureOptions, events: CaptureEvents, makeContent: () => CaptureInput) {
    this.#guard = new Guard(events);
    this.#makeContent = makeContent;
    this.#packets = new PacketDecoder(options, events);
  }

  push(bytes: Uint8Array): void {
    this.#guard.run(() => this.#dump.push(bytes, (line) => this.#take(line)));
  }

  end(): void {
    this.#guard.run(() => {
      this.#dump.end((line) => this.#take(line));
      this.#flushPacket();
      if (this.#content === undefined && !this.#hasPackets) {
        const detail = "it has no line with bytes";
        throw new DecodeError({ format: "hex dump", reason: "truncated", offset: 0, detail });
      }
    });
    if (this.#hasPackets) this.#packets.end();
    this.#content?.end();
  }

  #take(line: HexLine): void {
    this.#hasPackets ||= line.isPacketDump && this.#content === undefined;
    if (!this.#hasPackets) {
      if (line.isNewPacket && this.#content !== undefined) {
        const detail = "a second dump begins, at offset 0: decode each by itself";
        throw new DecodeError({ format: "hex dump", reason: "syntax", offset: 0, detail });
      }
      this.#content ??= this.#makeContent();
      this.#content.push(line.bytes);
      return;
    }
    if (line.isNewPacket) this.#flushPacket();
    this.#packet.append(line.bytes);
  }

  #flushPacket(): void {
    if (this.#packet.length === 0) return;
    const bytes = this.#packet.bytes.slice();
    this.#packet.clear();
    // tcpdump -X leaves the link layer out, -XX does not, and neither says which one it is.
    const linkType = guessLinkType(bytes);
    if (linkType === undefined) return;
    this.#packets.push({ timeSeconds: 0, linkType, bytes, wireBytes: bytes.length });
  }
}
