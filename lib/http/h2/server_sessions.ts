/** HTTP/2 with clients: their connections, and what of it is bounded. */
import { createServer } from "node:http2";
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { Address } from "../../address.ts";
import { FrameGuard } from "../../codec/http2/frame_guard.ts";
import type { FrameAbuse } from "../../codec/http2/frame_guard.ts";
import type { ResponseHead } from "../../codec/http1/response_head.ts";
import type { Duplex } from "../../duplex.ts";
import { ClosedError } from "../../errors.ts";
import type { Runtime } from "../../runtime.ts";
import type { Timer } from "../../timer.ts";
import { ClientStream } from "./client_stream.ts";
import { DuplexStream } from "../../duplex_stream.ts";
import { MalformedHeaders } from "./header_text.ts";
import { H2_CODE } from "./reset.ts";

/** Why a client's HTTP/2 was ended or one of its requests refused: a counter for each. */
export type H2Refusal = FrameAbuse | "headers" | "protocol" | "refused";

/** What sessions need of their frontend. */
export interface ServerSessionsDeps {
  readonly runtime: Runtime;
  readonly responseHead: ResponseHead;
  /** A connection without a request is closed after this, ms. */
  readonly idleTimeoutMs: number;
  /** Serves one request, which comes as a connection of HTTP/1. */
  serve(client: Duplex, remote: Address | undefined): void;
  onRefused?(refusal: H2Refusal): void;
  /** A connection is gone. */
  onGone(): void;
}

/** What clients are told: RFC 9113 section 6.5.2. */
const SETTINGS = {
  enablePush: false,
  maxConcurrentStreams: 256,
  initialWindowSize: 1 << 20,
  maxHeaderListSize: 64 << 10,
} as const;
const SERVER_OPTIONS = {
  settings: SETTINGS,
  // Headers and data that pile up in one session, MB.
  maxSessionMemory: 16,
  maxOutstandingPings: 10,
  maxSessionInvalidFrames: 100,
  maxSessionRejectedStreams: 100,
  maxHeaderListPairs: 128,
} as const;
/** How long a client that leaves has to end its connection; what came before has been read by then. */
const LEAVING_MS = 100;
/** Receive window of a whole connection. */
const SESSION_WINDOW_BYTES = 4 << 20;

/** A frontend's connections of HTTP/2. */
export class ServerSessions {
  readonly #deps: ServerSessionsDeps;
  readonly #server: ReturnType<typeof createServer> = createServer(SERVER_OPTIONS);
  readonly #sessions = new Set<Session>();
  /** While a connection is handed to Node: its session comes within that call. */
  #opening:
    | {
      remote: Address | undefined;
      transport: DuplexStream;
      asked: number[];
      opened(session: Session): void;
    }
    | undefined;

  constructor(deps: ServerSessionsDeps) {
    this.#deps = deps;
    this.#server.on("session", (h2: ServerHttp2Session) => {
      const { remote, transport, asked, opened } = this.#opening!;
      const place = { remote, transport, asked };
      const session = new Session(h2, place, deps, () => this.#forget(session));
      this.#sessions.add(session);
      opened(session);
    });
    this.#server.on("sessionError", () => {});
  }

  /** Connections now. */
  get count(): number {
    return this.#sessions.size;
  }

  /** Serves a client; `first` are bytes of it that were read already. */
  serve(client: Duplex, remote: Address | undefined, first?: Uint8Array): void {
    const guard = new FrameGuard({
      hasPreface: true,
      onGoAway: () => session?.clientLeaves(),
      onRequest: (stream) => asked.push(stream),
    });
    const asked: number[] = [];
    const { runtime, onRefused } = this.#deps;
    let session: Session | undefined;
    const transport = new DuplexStream(client, (bytes, pass) => {
      const abuse = guard.push(bytes, runtime.timers.coarseNowMs, pass);
      if (abuse === undefined) return;
      onRefused?.(abuse);
      asked.length = 0;
      runtime.log.debug("h2.abuse", "Closed a connection of HTTP/2 that does too much", { abuse });
      throw new ClosedError("us", `HTTP/2 abuse: ${abuse}`);
    }, first);
    transport.on("error", () => {});
    if (transport.destroyed) return;
    this.#opening = { remote, transport, asked, opened: (opened) => session = opened };
    this.#server.emit("connection", transport);
    this.#opening = undefined;
  }

  /** Lets the requests under way end, and takes no more. */
  drain(): void {
    for (const session of this.#sessions) session.drain();
  }

  close(): void {
    for (const session of this.#sessions) session.close();
  }

  #forget(session: Session): void {
    this.#sessions.delete(session);
    this.#deps.onGone();
  }
}

/** One client's connection. */
class Session {
  readonly #session: ServerHttp2Session;
  readonly #transport: DuplexStream;
  readonly #remote: Address | undefined;
  readonly #deps: ServerSessionsDeps;
  readonly #idle: Timer;
  /** Requests that have begun and that the library has not told of. */
  readonly #asked: number[];
  #idleMs: number;
  #streams = 0;
  #isDraining = false;

  constructor(
    session: ServerHttp2Session,
    { remote, transport, asked }: {
      remote: Address | undefined;
      transport: DuplexStream;
      asked: number[];
    },
    deps: ServerSessionsDeps,
    onGone: () => void,
  ) {
    this.#session = session;
    this.#transport = transport;
    this.#remote = remote;
    this.#asked = asked;
    this.#deps = deps;
    this.#idleMs = deps.idleTimeoutMs;
    this.#idle = deps.runtime.timers.after(deps.idleTimeoutMs, () => this.#onIdle());
    session.setLocalWindowSize(SESSION_WINDOW_BYTES);
    session.on("stream", (stream, headers, flags) => this.#opened(stream, headers, flags));
    session.on("error", (error: Error & { code?: unknown }) => {
      // Other errors are the connection's own; what we cut off ourselves has been counted.
      const isProtocol = !transport.destroyed && String(error.code).startsWith("ERR_HTTP2");
      if (!isProtocol) return;
      deps.onRefused?.("protocol");
      asked.length = 0;
    });
    // Nobody half-closes HTTP/2: who has ended its side is gone, and waits for no answer.
    transport.once("end", () => transport.destroy());
    transport.once("close", () => {
      this.#refusedUpTo(Infinity);
      this.#idle.cancel();
      // Streams that a broken connection leaves behind end with it.
      if (!session.destroyed) session.destroy();
      onGone();
    });
    session.once("close", () => transport.destroy());
  }

  /** The client makes no more requests: once those under way have ended, so does the connection. */
  clientLeaves(): void {
    this.#idleMs = LEAVING_MS;
    if (this.#streams === 0) this.#idle.restart(LEAVING_MS);
  }

  #onIdle(): void {
    if (this.#idleMs !== LEAVING_MS) this.drain();
    else if (this.#transport.writableLength > 0) this.#idle.restart(LEAVING_MS);
    // Both have said goodbye, or need not: who leaves may wait for us to end the connection.
    else this.close();
  }

  drain(): void {
    this.#isDraining = true;
    this.#idle.cancel();
    if (!this.#session.destroyed) this.#session.close();
  }

  close(): void {
    this.#transport.destroy();
  }

  #opened(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number): void {
    this.#streams += 1;
    this.#refusedUpTo(stream.id ?? 0);
    this.#idle.cancel();
    stream.once("close", () => {
      this.#streams -= 1;
      if (this.#streams === 0 && !this.#isDraining && !this.#session.destroyed) {
        this.#idle.restart(this.#idleMs);
      }
    });
    let client: ClientStream;
    try {
      const isEnded = (flags & END_STREAM) !== 0;
      const name = `${this.#transport.name}#${stream.id}`;
      client = new ClientStream(name, stream, headers, isEnded, this.#deps.responseHead);
    } catch (error) {
      if (!(error instanceof MalformedHeaders)) throw error;
      this.#deps.onRefused?.("headers");
      stream.on("error", () => {});
      stream.close(H2_CODE.protocolError);
      return;
    }
    this.#deps.serve(client, this.#remote);
  }

  /**
   * The library refuses requests by itself, those that are too many or whose headers are, and tells
   * nobody: they come in their order, so what began before `stream` and never came was refused.
   */
  #refusedUpTo(stream: number): void {
    const asked = this.#asked;
    while (asked.length > 0 && asked[0]! <= stream) {
      if (asked.shift() !== stream) this.#deps.onRefused?.("refused");
    }
  }
}

const END_STREAM = 0x1;
