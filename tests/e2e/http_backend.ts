/** An HTTP backend of few words, on loopback. */
import type { Runtime } from "../../lib/runtime.ts";
import type { Connection } from "../../lib/transport/connection.ts";
import { Backend } from "../agent/support.ts";

/** What is answered to a path: a whole body, written as the client takes it. */
export type Answerer = (path: string) => Uint8Array;

/** Bytes of bodies that all connections of a backend have written. */
export interface BackendCounts {
  written: number;
}

/** Starts one; each request is a head alone, in one read. */
export function httpBackend(
  runtime: Runtime,
  answer: Answerer,
  counts: BackendCounts = { written: 0 },
): Backend {
  return new Backend(runtime, (connection) => serve(connection, answer, counts));
}

const PIECE_BYTES = 64 << 10;

function serve(connection: Connection, answer: Answerer, counts: BackendCounts): void {
  let body = new Uint8Array(0);
  let at = 0;
  const step = () => {
    while (at < body.length) {
      const piece = body.subarray(at, at + PIECE_BYTES);
      at += piece.length;
      counts.written += piece.length;
      if (!connection.write(piece)) return;
    }
  };
  connection.attach({
    onData: (bytes) => {
      const path = new TextDecoder().decode(bytes).split(" ")[1]!;
      body = answer(path) as Uint8Array<ArrayBuffer>;
      at = 0;
      const head = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`;
      const isSmall = body.length < PIECE_BYTES;
      const first = new TextEncoder().encode(
        isSmall ? head + new TextDecoder().decode(body) : head,
      );
      connection.write(first);
      if (isSmall) at = body.length;
      step();
    },
    onEnd: () => connection.end(),
    onDrain: step,
    onClose: () => {},
  });
}
