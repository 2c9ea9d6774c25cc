/** Where a message's body ends: RFC 9112 section 6.3. */
import type { RequestHead } from "./request_head.ts";
import type { ResponseHead } from "./response_head.ts";

/**
 * - `none`: there is no body;
 * - `length`: as many bytes as Content-Length says, at least 1;
 * - `chunked`: chunks and trailers, see chunk_scanner.ts;
 * - `close`: everything until the sender ends the connection;
 * - `tunnel`: no message any more, bytes of another protocol both ways until the connection ends.
 */
export type Framing = "none" | "length" | "chunked" | "close" | "tunnel";

/** How a request's body is framed. */
export function requestFraming(head: RequestHead): Framing {
  if (head.method === "CONNECT") return "tunnel";
  if (head.isChunked) return "chunked";
  return head.contentLength > 0 ? "length" : "none";
}

/** How the body of a response to a request with this method is framed. */
export function responseFraming(head: ResponseHead, requestMethod: string): Framing {
  const { status } = head;
  if (status === 101) return "tunnel";
  if (status < 200 || status === 204 || status === 304 || requestMethod === "HEAD") return "none";
  if (requestMethod === "CONNECT" && status < 300) return "tunnel";
  if (head.isChunked) return "chunked";
  if (head.contentLength === -1) return "close";
  return head.contentLength > 0 ? "length" : "none";
}
