/** HTTP/2 by hand, either end of it: what a library would not let a test do, and nothing more. */
import { H2_PREFACE } from "../../lib/codec/http2/frame_guard.ts";

/** Frames that a storm is made of. */
export const FRAME = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
} as const;
export const END_STREAM = 1;
const END_HEADERS = 4;
const ACK = 1;
const HEAD_BYTES = 9;
const INITIAL_WINDOW_SETTING = 4;
const DEFAULT_WINDOW_BYTES = 65_535;
/** ":status: 200" in HPACK's static table. */
const STATUS_200 = 0x88;

/** Who learns what the far side does. Header blocks are not unpacked. */
export interface WireEvents {
  onFrame(type: number, flags: number, stream: number, payload: Uint8Array): void;
  /** The connection is gone, by either side; called once. */
  onGone(): void;
}

/** One connection. Keeps to the far side's windows; `greedy` gives it as much as it likes. */
export class H2Wire {
  readonly #conn: Deno.Conn;
  readonly #events: WireEvents;
  readonly #isGreedy: boolean;
  #queue: Promise<void> = Promise.resolve();
  #isGone = false;
  #sessionWindow = DEFAULT_WINDOW_BYTES;
  #streamWindow = DEFAULT_WINDOW_BYTES;
  readonly #sentBytes = new Map<number, number>();
  readonly reading: Promise<void>;

  constructor(
    conn: Deno.Conn,
    events: WireEvents,
    { isClient, isGreedy = true }: { isClient: boolean; isGreedy?: boolean },
  ) {
    this.#conn = conn;
    this.#events = events;
    this.#isGreedy = isGreedy;
    if (isClient) this.#write(H2_PREFACE);
    const window = isGreedy ? [0, INITIAL_WINDOW_SETTING, ...u32(1 << 24)] : [];
    this.send(FRAME.settings, 0, 0, window);
    if (isGreedy) this.send(FRAME.windowUpdate, 0, 0, u32(1 << 30));
    this.reading = this.#read(isClient ? 0 : H2_PREFACE.length);
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  send(type: number, flags: number, stream: number, payload: ArrayLike<number>): void {
    const { length } = payload;
    const frame = new Uint8Array(HEAD_BYTES + length);
    frame.set([length >> 16, length >> 8 & 255, length & 255, type, flags, ...u32(stream)]);
    frame.set(payload, HEAD_BYTES);
    this.#write(frame);
  }

  /** Starts a request. */
  request(stream: number, method: string, path: string, isEnd: boolean): void {
    const block = [
      ...field(":method", method),
      ...field(":scheme", "http"),
      ...field(":path", path),
      ...field(":authority", "edge-a"),
    ];
    this.send(FRAME.headers, END_HEADERS | (isEnd ? END_STREAM : 0), stream, block);
  }

  /** Starts an answer, or ends it with trailers where it has begun. */
  answer(stream: number, isEnd: boolean, extra: readonly number[] = [STATUS_200]): void {
    this.send(FRAME.headers, END_HEADERS | (isEnd ? END_STREAM : 0), stream, extra);
  }

  /** Sends `bytes` of a body; false, and nothing of them, if the far side gives no room. */
  data(stream: number, bytes: number, isEnd: boolean): boolean {
    const sent = this.#sentBytes.get(stream) ?? 0;
    if (bytes > this.#sessionWindow || sent + bytes > this.#streamWindow) return false;
    this.#sessionWindow -= bytes;
    this.#sentBytes.set(stream, sent + bytes);
    this.send(FRAME.data, isEnd ? END_STREAM : 0, stream, new Uint8Array(bytes));
    return true;
  }

  reset(stream: number, code: number): void {
    this.send(FRAME.reset, 0, stream, u32(code));
  }

  /** Breaks the connection off, whatever is under way. */
  destroy(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    try {
      this.#conn.close();
    } catch {
      // The runtime has closed it already.
    }
    this.#events.onGone();
  }

  #write(bytes: Uint8Array): void {
    this.#queue = this.#queue.then(async () => {
      for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
    }).catch(() => this.destroy());
  }

  async #read(prefaceBytes: number): Promise<void> {
    let held = new Uint8Array(0);
    let skip = prefaceBytes;
    const buffer = new Uint8Array(64 << 10);
    for (;;) {
      const count = await this.#conn.read(buffer).catch(() => null);
      if (count === null) break;
      const all = new Uint8Array(held.length + count);
      all.set(held);
      all.set(buffer.subarray(0, count), held.length);
      let at = Math.min(skip, all.length);
      skip -= at;
      while (at + HEAD_BYTES <= all.length) {
        const length = all[at]! << 16 | all[at + 1]! << 8 | all[at + 2]!;
        const end = at + HEAD_BYTES + length;
        if (end > all.length) break;
        const stream = readU32(all, at + 5) & 0x7fffffff;
        this.#take(all[at + 3]!, all[at + 4]!, stream, all.subarray(at + HEAD_BYTES, end));
        at = end;
      }
      held = all.slice(at);
    }
    this.destroy();
  }

  #take(type: number, flags: number, stream: number, payload: Uint8Array): void {
    if (this.#isGone) return;
    if (type === FRAME.settings && (flags & ACK) === 0) {
      for (let at = 0; at + 6 <= payload.length; at += 6) {
        if (payload[at + 1] === INITIAL_WINDOW_SETTING) {
          this.#streamWindow = readU32(payload, at + 2);
        }
      }
      this.send(FRAME.settings, ACK, 0, []);
    } else if (type === FRAME.ping && (flags & ACK) === 0) {
      this.send(FRAME.ping, ACK, 0, payload);
    } else if (type === FRAME.windowUpdate) {
      const bytes = readU32(payload, 0);
      if (stream === 0) this.#sessionWindow += bytes;
      else this.#sentBytes.set(stream, (this.#sentBytes.get(stream) ?? 0) - bytes);
    } else if (type === FRAME.data && this.#isGreedy && payload.length > 0) {
      this.send(FRAME.windowUpdate, 0, 0, u32(payload.length));
    }
    this.#events.onFrame(type, flags, stream, payload);
  }
}

/** A literal header field without indexing, not compressed: RFC 7541 section 6.2.2. */
export function field(name: string, value: string): number[] {
  const text = (part: string) => [part.length, ...new TextEncoder().encode(part)];
  return [0x00, ...text(name), ...text(value)];
}

function u32(value: number): number[] {
  return [value >>> 24, value >> 16 & 255, value >> 8 & 255, value & 255];
}

function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!) >>> 0;
}
