/** The packets of a capture file. */
import type { PacketReader } from "../codec/capture/packet.ts";
import type { CaptureEvents, CaptureInput, CaptureOptions } from "./capture_input.ts";
import { Guard } from "./guard.ts";
import { PacketDecoder } from "./packet_decoder.ts";

/** Decodes a pcap or pcapng file. */
export class PacketFileInput implements CaptureInput {
  readonly #file: PacketReader;
  readonly #guard: Guard;
  readonly #packets: PacketDecoder;

  constructor(file: PacketReader, options: CaptureOptions, events: CaptureEvents) {
    this.#file = file;
    this.#guard = new Guard(events);
    this.#packets = new PacketDecoder(options, events);
  }

  push(bytes: Uint8Array): void {
    this.#guard.run(() => this.#file.push(bytes, (packet) => this.#packets.push(packet)));
  }

  end(): void {
    this.#guard.run(() => this.#file.end());
    this.#packets.end();
  }
}
