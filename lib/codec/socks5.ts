/**
 * SOCKS 5 as its server reads and writes it: method, name and password, request, replies.
 *
 * Source: RFC 1928, RFC 1929.
 */
import { DecodeError } from "../errors.ts";
import type { DecodeReason } from "../errors.ts";
import { BlockReader } from "./block_reader.ts";
import type { Measure } from "./block_reader.ts";
import { ipFromBytes } from "./ip_bytes.ts";

export const VERSION = 5;
export const PASSWORD_VERSION = 1;

/** How a client may show who it is. */
export const SOCKS_METHOD = { none: 0, password: 2, noneFits: 0xff } as const;
export type SocksMethod = typeof SOCKS_METHOD[keyof typeof SOCKS_METHOD];

/** What a client can ask for; this server knows the first only. */
export const COMMAND = { connect: 1, bind: 2, udpAssociate: 3 } as const;
export const ADDRESS_TYPE = { v4: 1, name: 3, v6: 4 } as const;

/** What becomes of a request. */
export const SOCKS_REPLY = {
  succeeded: 0,
  failed: 1,
  notAllowed: 2,
  networkUnreachable: 3,
  hostUnreachable: 4,
  refused: 5,
  timeout: 6,
  unknownCommand: 7,
  unknownAddressType: 8,
} as const;
export type SocksReply = keyof typeof SOCKS_REPLY;

/** What a client says, in the order in which it does. */
export type SocksMessage =
  | { type: "methods"; methods: readonly number[] }
  | { type: "password"; user: string; password: string }
  | { type: "request"; command: number; host: string; port: number };

/** The steps of a client, which say what its next message is. */
export type SocksStep = SocksMessage["type"];

/** A request that is well-formed and none that is served here. */
export class SocksRefusal extends DecodeError {
  override name = "SocksRefusal";
  readonly reply: SocksReply;

  constructor(reply: SocksReply, offset: number, detail: string) {
    super({ format: "SOCKS request", reason: "type", offset, detail });
    this.reply = reply;
  }
}

/** Reads a client's messages from bytes that come in pieces. */
export class SocksDecoder {
  #step: SocksStep = "methods";
  #blocks = new BlockReader(MEASURES.methods);

  /** Says what comes next; what came too early is for that step. */
  expect(step: SocksStep): void {
    this.#step = step;
    this.#blocks = new BlockReader(MEASURES[step]);
  }

  /**
   * Takes the next bytes; returns the message once it is whole, with the bytes behind it (which lie
   * in `bytes`).
   *
   * @throws {DecodeError} as soon as it can be none.
   * @throws {SocksRefusal} it asks for what is not to be had.
   */
  push(bytes: Uint8Array): { message: SocksMessage; rest: Uint8Array } | undefined {
    const found = this.#blocks.push(bytes);
    if (found === undefined) return undefined;
    const whole = found.bytes.subarray(0, found.size);
    return { message: DECODERS[this.#step](whole), rest: found.rest };
  }
}

/** The answer to "methods". */
export function encodeSocksMethod(method: SocksMethod): Uint8Array {
  return Uint8Array.of(VERSION, method);
}

/** The answer to "password". */
export function encodeSocksVerdict(isGood: boolean): Uint8Array {
  return Uint8Array.of(PASSWORD_VERSION, isGood ? 0 : 1);
}

/** The answer to "request"; which address of ours the far end sees is not told. */
export function encodeSocksReply(reply: SocksReply): Uint8Array {
  return Uint8Array.of(VERSION, SOCKS_REPLY[reply], 0, ADDRESS_TYPE.v4, 0, 0, 0, 0, 0, 0);
}

const MEASURES: Readonly<Record<SocksStep, Measure>> = {
  methods(bytes, count, offset) {
    if (count > 0 && bytes[0] !== VERSION) {
      const hint = bytes[0] === 4 ? " (SOCKS 4 is not spoken here)" : "";
      throw wrong("version", offset, `version is ${bytes[0]}, expected 5${hint}`);
    }
    if (count < 2) return 2;
    if (bytes[1] === 0) throw wrong("length", offset + 1, "it offers no method");
    return 2 + bytes[1]!;
  },
  password(bytes, count, offset) {
    if (count > 0 && bytes[0] !== PASSWORD_VERSION) {
      throw wrong("version", offset, `version of its password is ${bytes[0]}, expected 1`);
    }
    if (count < 2) return 2;
    if (bytes[1] === 0) throw wrong("length", offset + 1, "its user name is empty");
    const passwordAt = 2 + bytes[1]!;
    if (count <= passwordAt) return passwordAt + 1;
    return passwordAt + 1 + bytes[passwordAt]!;
  },
  request(bytes, count, offset) {
    if (count > 0 && bytes[0] !== VERSION) {
      throw wrong("version", offset, `version of its request is ${bytes[0]}, expected 5`);
    }
    if (count > 2 && bytes[2] !== 0) {
      throw wrong("syntax", offset + 2, `reserved byte is ${bytes[2]}, expected 0`);
    }
    if (count < 5) return 5;
    switch (bytes[3]) {
      case ADDRESS_TYPE.v4:
        return 10;
      case ADDRESS_TYPE.v6:
        return 22;
      case ADDRESS_TYPE.name:
        if (bytes[4] === 0) throw wrong("length", offset + 4, "its host name is empty");
        return 7 + bytes[4]!;
      default:
        throw new SocksRefusal(
          "unknownAddressType",
          offset + 3,
          `address type is ${bytes[3]}, expected 1, 3 or 4`,
        );
    }
  },
};

const DECODERS: Readonly<Record<SocksStep, (bytes: Uint8Array) => SocksMessage>> = {
  methods: (bytes) => ({ type: "methods", methods: [...bytes.subarray(2)] }),
  password(bytes) {
    const passwordAt = 2 + bytes[1]!;
    return {
      type: "password",
      user: readText(bytes, 2, passwordAt, "user name"),
      password: readText(bytes, passwordAt + 1, bytes.length, "password"),
    };
  },
  request(bytes) {
    const command = bytes[1]!;
    if (command !== COMMAND.connect) {
      const known = Object.entries(COMMAND).find(([, value]) => value === command)?.[0];
      const detail = `command is ${known ?? command}, only connect is served`;
      throw new SocksRefusal("unknownCommand", 1, detail);
    }
    const portAt = bytes.length - 2;
    const port = bytes[portAt]! << 8 | bytes[portAt + 1]!;
    const host = bytes[3] === ADDRESS_TYPE.name
      ? readText(bytes, 5, portAt, "host name")
      : ipFromBytes(bytes.subarray(4, portAt));
    return { type: "request", command, host, port };
  },
};

function readText(bytes: Uint8Array, start: number, end: number, what: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(start, end));
  } catch {
    throw wrong("syntax", start, `${what} is no UTF-8`);
  }
}

function wrong(reason: DecodeReason, offset: number, detail: string): DecodeError {
  return new DecodeError({ format: "SOCKS 5", reason, offset, detail });
}
