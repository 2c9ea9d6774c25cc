/** Answers of our own to gRPC calls, which look at trailers and not at the status. */
import type { OutgoingHttpHeaders } from "node:http2";

/** gRPC's codes for statuses of HTTP: grpc/doc/http-grpc-status-mapping.md. */
const CODES: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
};
const UNKNOWN = 2;

/** True for the content type of a gRPC call. */
export function isGrpc(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/grpc(?:[+;]|$)/i.test(contentType);
}

/** A whole answer, "trailers only", that says what `status` and `code` mean to a caller. */
export function grpcAnswer(status: number, code: string): OutgoingHttpHeaders {
  return {
    ":status": 200,
    "content-type": "application/grpc",
    "grpc-status": String(CODES[status] ?? UNKNOWN),
    "grpc-message": `${code} (HTTP ${status})`,
    "x-revtun-error": code,
  };
}
