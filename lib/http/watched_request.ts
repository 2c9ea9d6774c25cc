/** What is kept of a request for those who want to know of it: nothing is made a text of before. */
import { FIELD } from "../codec/http1/field_id.ts";
import { equalsIgnoringCase, latin1 } from "../codec/http1/latin1.ts";
import type { RequestHead } from "../codec/http1/request_head.ts";
import { HopClock } from "./hop_clock.ts";

/** Who wants to know of requests. */
export interface RequestWatch {
  /** Requests that begin now are to be told of. */
  readonly isOn: boolean;
  /**
   * Asked of each request just before it is begun: false where it is to be told nothing of it, by
   * its choice. Absent: of all of them. `head` is undefined where what came is no request.
   */
  wants?(head: RequestHead | undefined): boolean;
  /**
   * A request is about to go to its target.
   *
   * @returns a `traceparent` that goes with it in place of the client's.
   */
  requestBegun?(request: WatchedRequest): string | undefined;
  /** A request is over; it is used for the next one after this call. */
  requestEnded(request: WatchedRequest): void;
}

/** Bytes of one text that are kept; a request line has no more. */
const MAX_TEXT_BYTES = 8 << 10;
/** A head up to this size is kept by one copy, of a larger one what is of use. */
const WHOLE_BYTES = 2 << 10;
const MIN_BYTES = 512;
/** Hexadecimal digits of names that we give to requests. */
const ID_BYTES = 32;

/** A text within the kept head, from `start` up to `end`; both 0 for none. */
export class HeadRange {
  start = 0;
  end = 0;
  /** It is known to have none but printable ASCII, without quotes and backslashes. */
  isPlain = false;

  get length(): number {
    return this.end - this.start;
  }

  set(start: number, end: number, isPlain = false): void {
    this.start = start;
    this.end = end;
    this.isPlain = isPlain;
  }
}

/** One request; each connection has one, for its requests one after the other. */
export class WatchedRequest {
  readonly clock: HopClock = new HopClock();
  /** The frontend as its listener was set. */
  readonly frontend: string;
  /** What the client speaks. */
  readonly isHttp2: boolean;
  /** The client's IP address as it is believed; "" if it is not known. */
  clientIp = "";
  /** "" for what is no request. */
  method = "";
  isHttp10 = false;
  /** What is kept of the head as it came, for the ranges below. */
  bytes: Uint8Array = new Uint8Array(MIN_BYTES);
  readonly target: HeadRange = new HeadRange();
  readonly host: HeadRange = new HeadRange();
  readonly referer: HeadRange = new HeadRange();
  readonly userAgent: HeadRange = new HeadRange();
  /** Value of X-Request-Id as the target gets it. */
  readonly requestId: HeadRange = new HeadRange();
  /** Undefined where no route was found. */
  cluster: string | undefined;
  /** "" for the default one. */
  targetName = "";
  hostName: string | undefined;
  /** Of the answer; 0 if the client left before there was one. */
  status = 0;
  /** Our own answer's code; undefined for a target's. */
  code: string | undefined;
  /** Bytes of the bodies, with the framing of their chunks. */
  requestBytes = 0;
  responseBytes = 0;
  /** Both bodies passed to their ends. */
  isWhole = false;
  endedMs = 0;
  #end = 0;

  constructor(frontend: string, isHttp2: boolean) {
    this.frontend = frontend;
    this.isHttp2 = isHttp2;
  }

  /** A request begins: `head` is undefined where what came is none. */
  begin(
    head: RequestHead | undefined,
    clientIp: string,
    headMs: number,
    nowMs: number,
  ): void {
    this.clock.begin(headMs, nowMs);
    this.clientIp = clientIp;
    this.cluster = this.hostName = this.code = undefined;
    this.targetName = "";
    this.status =
      this.requestBytes =
      this.responseBytes =
      this.#end =
        0;
    this.isWhole = false;
    this.host.set(0, 0);
    this.referer.set(0, 0);
    this.userAgent.set(0, 0);
    this.requestId.set(0, 0);
    this.target.set(0, 0);
    this.method = head?.method ?? "";
    this.isHttp10 = head?.minorVersion === 0;
    if (head !== undefined) this.#keep(head);
  }

  /** The name that the request got from us. */
  named(line: Uint8Array, end: number): void {
    this.#put(this.requestId, line, end - ID_BYTES, end, true);
  }

  /** A range as text, one character a byte. */
  text(range: HeadRange): string {
    return latin1(this.bytes, range.start, range.end);
  }

  #keep(head: RequestHead): void {
    const { bytes, targetStart, targetEnd, hostStart, hostEnd, fieldsEnd } = head;
    const size = fieldsEnd - targetStart;
    const isWhole = size <= WHOLE_BYTES;
    if (isWhole) {
      this.#room(size);
      this.bytes.set(bytes.subarray(targetStart, fieldsEnd));
      this.#end = size;
    }
    // From an offset in the head to that in what is kept; a copy of its own takes its place.
    const shift = isWhole ? targetStart : -1;
    this.#keepPart(this.target, bytes, targetStart, targetEnd, head.isTargetPlain, shift);
    // Without a Host its range is an empty one before the target.
    if (hostEnd > hostStart) this.#keepPart(this.host, bytes, hostStart, hostEnd, true, shift);
    for (let i = 0; i < head.fieldCount; i++) {
      const range = this.#rangeOf(head, i);
      if (range === undefined) continue;
      const isPlain = head.isPlain(i);
      this.#keepPart(range, bytes, head.valueStart(i), head.valueEnd(i), isPlain, shift);
    }
  }

  #keepPart(
    range: HeadRange,
    bytes: Uint8Array,
    start: number,
    end: number,
    isPlain: boolean,
    shift: number,
  ): void {
    if (shift === -1) this.#put(range, bytes, start, end, isPlain);
    else range.set(start - shift, end - shift, isPlain);
  }

  #rangeOf(head: RequestHead, index: number): HeadRange | undefined {
    const start = head.nameStart(index);
    const end = head.nameEnd(index);
    switch (end - start) {
      case 7:
        return equalsIgnoringCase(head.bytes, start, end, "referer") ? this.referer : undefined;
      case 10:
        return equalsIgnoringCase(head.bytes, start, end, "user-agent")
          ? this.userAgent
          : undefined;
      case 12:
        return head.fieldId(index) === FIELD.xRequestId ? this.requestId : undefined;
      default:
        return undefined;
    }
  }

  /** By a loop: for texts this short it takes less than a view and a call. */
  #put(
    range: HeadRange,
    from: Uint8Array,
    start: number,
    end: number,
    isPlain: boolean,
  ): void {
    const at = this.#end;
    const size = Math.min(end - start, MAX_TEXT_BYTES);
    this.#room(at + size);
    const into = this.bytes;
    for (let i = 0; i < size; i++) into[at + i] = from[start + i]!;
    this.#end = at + size;
    range.set(at, at + size, isPlain);
  }

  #room(size: number): void {
    if (size <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(size, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.#end));
    this.bytes = larger;
  }
}
