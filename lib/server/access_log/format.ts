/** What a line of the access log is made of. */
import type { HeadRange, WatchedRequest } from "../../http/watched_request.ts";
import type { WatchedConnection } from "../traffic_watch.ts";
import type { LineBuffer } from "./line_buffer.ts";

/** Writes lines of one form, without their ends. */
export interface AccessFormat {
  /** @param startMs when it came, wall clock. */
  request(line: LineBuffer, request: WatchedRequest, startMs: number): void;
  connection(line: LineBuffer, connection: WatchedConnection, startMs: number): void;
}

/** How a client's protocol stands in a line. */
export function protocolOf(
  { isHttp2, isHttp10 }: Pick<WatchedRequest, "isHttp2" | "isHttp10">,
): string {
  return isHttp2 ? "HTTP/2.0" : isHttp10 ? "HTTP/1.0" : "HTTP/1.1";
}

/** A target's name as it stands in lines. */
export function targetOf(name: string): string {
  return name === "" ? "default" : name;
}

/** Adds what a client sent, so that it can't end the text it stands in. */
export function addRange(
  line: LineBuffer,
  { bytes }: WatchedRequest,
  { isPlain, start, end }: HeadRange,
  escapes: readonly (string | undefined)[],
): void {
  if (isPlain) line.plain(bytes, start, end);
  else line.escaped(bytes, start, end, escapes);
}
