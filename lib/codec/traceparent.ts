/** What a request says of its trace: W3C Trace Context, version 00. */

/** A span of somebody else's, and whether its trace is wanted. */
export interface TraceParent {
  /** 32 hexadecimal digits, not all of them 0. */
  readonly traceId: string;
  /** 16 hexadecimal digits, not all of them 0. */
  readonly spanId: string;
  /** Whoever made it records its trace. */
  readonly isSampled: boolean;
}

const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;
const SAMPLED = 0x01;

/** Reads a `traceparent`; undefined for what is none, which is then passed over as W3C wants it. */
export function parseTraceparent(text: string): TraceParent | undefined {
  const match = TRACEPARENT.exec(text);
  if (match === null) return undefined;
  const flags = parseInt(match[3]!, 16);
  return { traceId: match[1]!, spanId: match[2]!, isSampled: (flags & SAMPLED) !== 0 };
}

/** Writes one. */
export function formatTraceparent({ traceId, spanId, isSampled }: TraceParent): string {
  return `00-${traceId}-${spanId}-0${isSampled ? 1 : 0}`;
}
