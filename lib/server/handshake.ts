/** The server's side of a handshake without IO: bytes in, what they ask for out. */
import { FrameDecoder } from "../codec/frame.ts";
import { decodeMessage } from "../codec/decode_message.ts";
import type { GracefulClose, InitInfo } from "../codec/message.ts";
import { DecodeError } from "../errors.ts";

/** Where a tunnel port's connection stands, and what may happen there. */
export const HANDSHAKE_TRANSITIONS = {
  waitInit: { initInfo: "deciding", gracefulClose: "aside", timeout: "silent", garbage: "closed" },
  silent: { kept: "aside", notKept: "closed" },
  deciding: { accept: "hosted", refuse: "closed", eof: "closed" },
  aside: { gracefulClose: "aside", eof: "closed", garbage: "closed" },
  hosted: { eof: "closed" },
  closed: {},
} as const satisfies Record<string, Record<string, string>>;

/** What a peer asks for on a connection that is not hosted yet. */
export interface HandshakeStep {
  message: InitInfo | GracefulClose;
  /** Bytes behind it, which belong to what follows. */
  rest: Uint8Array;
}

/** Reads what a peer says before it is hosted. */
export class ServerHandshake {
  readonly #decoder = new FrameDecoder();
  #hasGracefulClose = false;

  /** Something of a frame has arrived. */
  get hasBegun(): boolean {
    return this.#decoder.heldBytes > 0 || this.#decoder.offset > 0;
  }

  /**
   * Takes the next bytes; returns what they ask for once that is whole.
   *
   * @throws {DecodeError} the peer speaks something else, or says what it may not say here.
   */
  push(bytes: Uint8Array): HandshakeStep | undefined {
    const pushed = this.#decoder.push(bytes);
    if (pushed === undefined) return undefined;
    const message = decodeMessage(pushed.frame);
    const isInit = message.type === "initInfo" && !this.#hasGracefulClose;
    if (!isInit && message.type !== "gracefulClose") {
      const expected = this.#hasGracefulClose
        ? "GracefulCloseOnewayRequest"
        : "ConnectionInitInfo or GracefulCloseOnewayRequest";
      throw new DecodeError({
        format: "handshake",
        reason: "flag",
        offset: 3,
        detail: `${message.type} came, expected ${expected}`,
      });
    }
    this.#hasGracefulClose = message.type === "gracefulClose";
    return { message: message as InitInfo | GracefulClose, rest: pushed.rest };
  }
}
