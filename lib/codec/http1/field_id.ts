/** Header fields that a proxy must know, found by their bytes so that no name becomes a string. */
import { lowerCase } from "./latin1.ts";

/** Fields with a meaning to us; `other` are passed on unseen. */
export const FIELD = {
  other: 0,
  host: 1,
  contentLength: 2,
  transferEncoding: 3,
  connection: 4,
  keepAlive: 5,
  proxyConnection: 6,
  proxyAuthenticate: 7,
  proxyAuthorization: 8,
  te: 9,
  trailer: 10,
  upgrade: 11,
  http2Settings: 12,
  expect: 13,
  via: 14,
  forwarded: 15,
  xForwardedFor: 16,
  xForwardedProto: 17,
  xForwardedHost: 18,
  xForwardedPort: 19,
  xRealIp: 20,
  xRequestId: 21,
  accept: 22,
  authorization: 25,
  /** Any name that starts with `x-revtun-`. */
  xRevtun: 23,
  /**
   * One of the names above with `_` for `-`: CGI and its heirs read both as the same name, so that
   * a client could forge what we set.
   */
  lookalike: 24,
} as const;

export type FieldId = typeof FIELD[keyof typeof FIELD];

interface Candidate {
  readonly name: Uint8Array;
  readonly id: FieldId;
}

const NAMES: Readonly<Record<string, FieldId>> = {
  "host": FIELD.host,
  "content-length": FIELD.contentLength,
  "transfer-encoding": FIELD.transferEncoding,
  "connection": FIELD.connection,
  "keep-alive": FIELD.keepAlive,
  "proxy-connection": FIELD.proxyConnection,
  "proxy-authenticate": FIELD.proxyAuthenticate,
  "proxy-authorization": FIELD.proxyAuthorization,
  "te": FIELD.te,
  "trailer": FIELD.trailer,
  "upgrade": FIELD.upgrade,
  "http2-settings": FIELD.http2Settings,
  "expect": FIELD.expect,
  "via": FIELD.via,
  "forwarded": FIELD.forwarded,
  "x-forwarded-for": FIELD.xForwardedFor,
  "x-forwarded-proto": FIELD.xForwardedProto,
  "x-forwarded-host": FIELD.xForwardedHost,
  "x-forwarded-port": FIELD.xForwardedPort,
  "x-real-ip": FIELD.xRealIp,
  "x-request-id": FIELD.xRequestId,
  "accept": FIELD.accept,
  "authorization": FIELD.authorization,
};

const OWN_PREFIX = new TextEncoder().encode("x-revtun-");
const UNDERSCORE = 0x5f;
const HYPHEN = 0x2d;
const LETTER_X = 0x78;

const BY_LENGTH: readonly (readonly Candidate[])[] = Array.from(
  { length: 20 },
  (_, length) =>
    Object.entries(NAMES)
      .filter(([name]) => name.length === length)
      .map(([name, id]) => ({ name: new TextEncoder().encode(name), id })),
);

/** A bit for each of `ids`, as `Head.seen` has them. */
export function fieldMask(...ids: FieldId[]): number {
  let mask = 0;
  for (const id of ids) mask |= 1 << id;
  return mask;
}

/** Finds out which field the name from `start` up to `end` is. */
export function classifyField(bytes: Uint8Array, start: number, end: number): FieldId {
  const length = end - start;
  const first = bytes[start]! | 0x20;
  if (length < BY_LENGTH.length) {
    for (const candidate of BY_LENGTH[length]!) {
      if (candidate.name[0] !== first) continue;
      const match = compare(bytes, start, candidate.name);
      if (match !== MISMATCH) return match === EXACT ? candidate.id : FIELD.lookalike;
    }
  }
  if (first === LETTER_X && length > OWN_PREFIX.length) {
    const match = compare(bytes, start, OWN_PREFIX);
    if (match !== MISMATCH) return match === EXACT ? FIELD.xRevtun : FIELD.lookalike;
  }
  return FIELD.other;
}

const MISMATCH = 0;
const EXACT = 1;
const ALIKE = 2;

function compare(bytes: Uint8Array, start: number, name: Uint8Array): number {
  let result: number = EXACT;
  for (let i = 0; i < name.length; i++) {
    const byte = lowerCase(bytes[start + i]!);
    if (byte === name[i]) continue;
    if (byte !== UNDERSCORE || name[i] !== HYPHEN) return MISMATCH;
    result = ALIKE;
  }
  return result;
}
