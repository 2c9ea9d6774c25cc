/** HTTP/1.1 on an address of its own, for few users: nobody holds a connection without doing much. */
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Address } from "../address.ts";
import { formatAddress } from "../address.ts";
import { translateListenError } from "./socket_error.ts";

/** What a server takes, and for how long. */
export interface HttpServerLimits {
  /** Connections at once; more are closed unread. */
  readonly maxConnections: number;
  /** For a request's head, from the connection's beginning or the last answer's end on. */
  readonly headTimeoutMs: number;
  /** For a request with its body. */
  readonly requestTimeoutMs: number;
  /** Without a request. */
  readonly idleTimeoutMs: number;
  /** For a reader that takes nothing of its answer; up to twice as long where something had waited. */
  readonly stallTimeoutMs: number;
}

/** Enough for all that watch, and for dashboards; heads have as long as nginx and Apache give. */
export const HTTP_SERVER_LIMITS: HttpServerLimits = {
  maxConnections: 256,
  headTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  idleTimeoutMs: 30_000,
  stallTimeoutMs: 60_000,
};

/** Who answers. */
export interface HttpHandler {
  /** Must not reject. What is no event stream has to fit into memory. */
  answer(request: Request): Promise<Response>;
  /** To a request whose method, Host or fields mean nothing. */
  malformed(): Response;
  /** A connection was closed unread: there are as many as may be. */
  refused(): void;
}

/** A server that listens; owned by who made it. */
export interface HttpServer {
  /** With the actual port. */
  readonly address: Address;
  /** Stops listening, closes connections at rest, and resolves when the last one is closed. */
  close(): Promise<void>;
  /** Closes all connections. */
  closeAll(): void;
}

/**
 * Listens on `address`; host "" means all IPv4 addresses.
 *
 * @throws {ListenError} as a rejection.
 */
export async function serveHttp(
  address: Address,
  handler: HttpHandler,
  limits: HttpServerLimits = HTTP_SERVER_LIMITS,
): Promise<HttpServer> {
  const server = createServer({
    headersTimeout: limits.headTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.idleTimeoutMs,
    connectionsCheckingInterval: limits.headTimeoutMs / 4,
  }, (message, response) => void serve(message, response, handler));
  server.timeout = limits.stallTimeoutMs;
  // Not by maxConnections: the runtime says nothing of what it drops.
  let openCount = 0;
  server.on("connection", (socket: Socket) => {
    openCount += 1;
    socket.once("close", () => openCount -= 1);
    if (openCount <= limits.maxConnections) return;
    handler.refused();
    socket.destroy();
  });
  await listening(server, address);
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  return {
    address: address.kind === "unix" ? address : { ...address, port },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
    closeAll: () => server.closeAllConnections(),
  };
}

function listening(server: Server, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: unknown) => reject(translateListenError(error, formatAddress(address)));
    server.once("error", failed);
    try {
      if (address.kind === "unix") server.listen({ path: address.path }, resolve);
      else server.listen({ host: address.host || "0.0.0.0", port: address.port }, resolve);
    } catch (error) {
      failed(error);
    }
  });
}

/** Never rejects. */
async function serve(
  message: IncomingMessage,
  to: ServerResponse,
  handler: HttpHandler,
): Promise<void> {
  // A client that leaves in between is seen by what is read from it or written to it.
  message.on("error", () => {});
  to.on("error", () => {});
  const request = requestOf(message);
  const response = request === undefined ? handler.malformed() : await handler.answer(request);
  try {
    await write(response, to, message);
  } catch {
    to.destroy();
  }
}

/** Undefined where it makes none. */
function requestOf(message: IncomingMessage): Request | undefined {
  const { method = "", url = "", rawHeaders } = message;
  const hasBody = method !== "GET" && method !== "HEAD";
  try {
    const headers = new Headers();
    for (let at = 0; at < rawHeaders.length; at += 2) {
      headers.append(rawHeaders[at]!, rawHeaders[at + 1]!);
    }
    const target = url.startsWith("/") ? `http://${headers.get("host") ?? "localhost"}${url}` : url;
    return new Request(target, { method, headers, body: hasBody ? bodyOf(message) : null });
  } catch {
    return undefined;
  }
}

/** Reads no further than it is asked to. */
function bodyOf(message: IncomingMessage): ReadableStream<Uint8Array<ArrayBuffer>> {
  const pieces = message.iterator({ destroyOnReturn: false });
  return new ReadableStream({
    async pull(controller) {
      const step = await pieces.next();
      if (step.done) controller.close();
      else controller.enqueue(step.value);
    },
  }, { highWaterMark: 0 });
}

async function write(
  response: Response,
  to: ServerResponse,
  message: IncomingMessage,
): Promise<void> {
  to.statusCode = response.status;
  for (const [name, value] of response.headers) to.setHeader(name, value);
  // The rest of a body that nobody wants is not waited for.
  if (!message.complete) to.setHeader("connection", "close");
  const { body } = response;
  if (body === null) {
    to.end();
  } else if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
    const bytes = new Uint8Array(await response.arrayBuffer());
    to.setHeader("content-length", bytes.length);
    to.end(bytes);
  } else if (message.method === "HEAD") {
    await body.cancel();
    to.end();
  } else {
    await pump(body, to);
  }
}

/** Writes a stream as its reader takes it, until either side ends it. */
async function pump(body: ReadableStream<Uint8Array>, to: ServerResponse): Promise<void> {
  const reader = body.getReader();
  let roomy = () => {};
  to.on("drain", () => roomy());
  to.on("close", () => {
    reader.cancel().catch(() => {});
    roomy();
  });
  for (;;) {
    const step = await reader.read();
    if (step.done || to.destroyed) break;
    if (!to.write(step.value)) await new Promise<void>((resolve) => roomy = resolve);
  }
  to.end();
}
