/**
 * Looks at the heads of HTTP/2 frames as they pass, and tells when their sender makes more work than
 * requests explain: resets, settings, pings, empty frames and endless header blocks.
 *
 * The runtime's HTTP/2 keeps to the protocol; what a protocol allows without bound is bounded here.
 * Source: RFC 9113 sections 4.1 and 10.5; CVE-2023-44487, CVE-2019-9511 to 9518, CERT VU#421644.
 */

/** What a client begins with: RFC 9113 section 3.4. */
export const H2_PREFACE: Uint8Array = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** What a sender did too much of. */
export type FrameAbuse =
  | "preface"
  | "frameSize"
  | "headerBlock"
  | "resets"
  | "control"
  | "emptyFrames";

/** What is borne: so many at once, and so many a second on and on. */
interface Allowance {
  readonly burst: number;
  readonly perSecond: number;
}

/** Bounds of one connection. */
export interface FrameLimits {
  /** Largest payload of a frame, bytes: what our settings say. 16 KiB. */
  readonly maxFrameBytes: number;
  /** HEADERS and what CONTINUATION adds to it, still compressed, bytes. 64 KiB. */
  readonly maxHeaderBlockBytes: number;
  /** Frames of one header block. 32. */
  readonly maxHeaderBlockFrames: number;
  /** RST_STREAM. */
  readonly resets: Allowance;
  /** SETTINGS, PING, PRIORITY and frames that we do not know. */
  readonly control: Allowance;
  /** DATA and CONTINUATION that carry nothing and end nothing. */
  readonly emptyFrames: Allowance;
}

export const DEFAULT_FRAME_LIMITS: FrameLimits = {
  maxFrameBytes: 16 << 10,
  maxHeaderBlockBytes: 64 << 10,
  maxHeaderBlockFrames: 32,
  // gRPC clients cancel calls in storms, and ping with each window of data.
  resets: { burst: 1000, perSecond: 100 },
  control: { burst: 5000, perSecond: 500 },
  emptyFrames: { burst: 100, perSecond: 10 },
};

/** Targets end streams early as they like; the rest is as for clients. */
export const TARGET_FRAME_LIMITS: FrameLimits = {
  ...DEFAULT_FRAME_LIMITS,
  resets: { burst: 100_000, perSecond: 10_000 },
};

const TYPE = {
  data: 0,
  headers: 1,
  reset: 3,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
const FLAG = { endStream: 1, endHeaders: 4 } as const;
const HEAD_BYTES = 9;

/** One sender's frames. */
export class FrameGuard {
  readonly #limits: FrameLimits;
  /** Told of each GOAWAY. */
  readonly #onGoAway: (() => void) | undefined;
  /** Told of each request that begins, in their order. */
  readonly #onRequest: ((stream: number) => void) | undefined;
  #lastStream = 0;
  /** The frame at hand is a GOAWAY. */
  #isLeftOut = false;
  readonly #head = new Uint8Array(HEAD_BYTES);
  #headCount = 0;
  /** Bytes of the frame at hand that are still to come. */
  #leftBytes = 0;
  #prefaceCount: number;
  #blockBytes = 0;
  #blockFrames = 0;
  readonly #resets: Tokens;
  readonly #control: Tokens;
  readonly #emptyFrames: Tokens;

  /** @param init `hasPreface`: the sender is a client, and begins as one. */
  constructor(
    init: {
      hasPreface: boolean;
      limits?: FrameLimits;
      onGoAway?: (() => void) | undefined;
      onRequest?: ((stream: number) => void) | undefined;
    },
  ) {
    const { hasPreface, limits = DEFAULT_FRAME_LIMITS } = init;
    this.#limits = limits;
    this.#onGoAway = init.onGoAway;
    this.#onRequest = init.onRequest;
    this.#prefaceCount = hasPreface ? 0 : H2_PREFACE.length;
    this.#resets = new Tokens(limits.resets);
    this.#control = new Tokens(limits.control);
    this.#emptyFrames = new Tokens(limits.emptyFrames);
  }

  /**
   * Takes the next bytes, and hands those on that are to be read.
   *
   * GOAWAY is left out: Deno 2.9.6 ends streams within the library's own walk over them when it reads
   * one, and dies of it. Its sender ends the connection itself once its streams have ended.
   *
   * @returns what is wrong with the bytes, after which nothing more may be given; undefined if nothing.
   */
  push(
    bytes: Uint8Array,
    nowMs: number,
    pass: (bytes: Uint8Array) => void,
  ): FrameAbuse | undefined {
    let at = 0;
    while (at < bytes.length && this.#prefaceCount < H2_PREFACE.length) {
      if (bytes[at++] !== H2_PREFACE[this.#prefaceCount++]) return "preface";
    }
    // What is passed on in one piece starts here.
    let from = 0;
    while (at < bytes.length) {
      if (this.#leftBytes > 0) {
        const skipped = Math.min(this.#leftBytes, bytes.length - at);
        this.#leftBytes -= skipped;
        at += skipped;
        if (this.#isLeftOut) from = at;
        continue;
      }
      const headStart = at;
      const heldBytes = this.#headCount;
      while (at < bytes.length && this.#headCount < HEAD_BYTES) {
        this.#head[this.#headCount++] = bytes[at++]!;
      }
      if (this.#headCount < HEAD_BYTES || heldBytes > 0) {
        // A head in pieces is held until it is known what it is.
        if (headStart > from) pass(bytes.subarray(from, headStart));
        from = at;
        if (this.#headCount < HEAD_BYTES) return undefined;
      }
      this.#headCount = 0;
      const abuse = this.#takeHead(nowMs);
      if (abuse !== undefined) return abuse;
      this.#isLeftOut = this.#head[3] === TYPE.goAway;
      if (this.#isLeftOut) {
        if (headStart > from) pass(bytes.subarray(from, headStart));
        from = at;
        this.#onGoAway?.();
      } else if (heldBytes > 0) {
        pass(this.#head.slice());
      }
    }
    if (at > from) pass(bytes.subarray(from, at));
    return undefined;
  }

  #takeHead(nowMs: number): FrameAbuse | undefined {
    const head = this.#head;
    const length = head[0]! << 16 | head[1]! << 8 | head[2]!;
    const type = head[3]!;
    const flags = head[4]!;
    this.#leftBytes = length;
    const { maxFrameBytes, maxHeaderBlockBytes, maxHeaderBlockFrames } = this.#limits;
    if (length > maxFrameBytes) return "frameSize";
    switch (type) {
      case TYPE.data: {
        const isEmpty = length === 0 && (flags & FLAG.endStream) === 0;
        return isEmpty && !this.#emptyFrames.take(nowMs) ? "emptyFrames" : undefined;
      }
      case TYPE.headers:
      case TYPE.continuation:
        if (type === TYPE.headers) this.#beginBlock();
        this.#blockBytes += length;
        this.#blockFrames += 1;
        if (this.#blockBytes > maxHeaderBlockBytes || this.#blockFrames > maxHeaderBlockFrames) {
          return "headerBlock";
        }
        if (length === 0 && (flags & FLAG.endHeaders) === 0 && !this.#emptyFrames.take(nowMs)) {
          return "emptyFrames";
        }
        return undefined;
      case TYPE.reset:
        return this.#resets.take(nowMs) ? undefined : "resets";
      case TYPE.windowUpdate:
        // Answers data of ours, of which there is a bound.
        return undefined;
      default:
        return this.#control.take(nowMs) ? undefined : "control";
    }
  }

  #beginBlock(): void {
    this.#blockBytes = this.#blockFrames = 0;
    const head = this.#head;
    const stream = head[5]! << 24 | head[6]! << 16 | head[7]! << 8 | head[8]!;
    // Trailers come on a stream that is known.
    if (this.#onRequest === undefined || stream <= this.#lastStream) return;
    this.#lastStream = stream;
    this.#onRequest(stream);
  }
}

/** A bucket of tokens that fills up by itself. */
class Tokens {
  readonly #allowance: Allowance;
  #count: number;
  #atMs = 0;

  constructor(allowance: Allowance) {
    this.#allowance = allowance;
    this.#count = allowance.burst;
  }

  take(nowMs: number): boolean {
    if (this.#count < 1) {
      const { burst, perSecond } = this.#allowance;
      const added = Math.floor((nowMs - this.#atMs) * perSecond / 1000);
      if (added < 1) return false;
      this.#count = Math.min(burst, added);
      this.#atMs = nowMs;
    } else if (this.#count === this.#allowance.burst) {
      this.#atMs = nowMs;
    }
    this.#count -= 1;
    return true;
  }
}
