/** One JSON object a line; what there is not is left out. */
import { formatAddress } from "../../address.ts";
import type { HeadRange, WatchedRequest } from "../../http/watched_request.ts";
import type { WatchedConnection } from "../traffic_watch.ts";
import { JSON_ESCAPES } from "./escapes.ts";
import { addRange, protocolOf, targetOf } from "./format.ts";
import type { AccessFormat } from "./format.ts";
import type { LineBuffer } from "./line_buffer.ts";
import { PairBytes } from "./pair_bytes.ts";
import { isoSecond, TimeText } from "./time_text.ts";

const utf8 = new TextEncoder();

/** What stands before a value; those of texts have their first quote. */
const KEY = {
  method: utf8.encode(',"method":"'),
  authority: utf8.encode(',"authority":"'),
  path: utf8.encode(',"path":"'),
  status: utf8.encode(',"status":'),
  requestBytes: utf8.encode(',"request_bytes":'),
  responseBytes: utf8.encode(',"response_bytes":'),
  duration: utf8.encode(',"duration_ms":'),
  frontend: utf8.encode(',"frontend_ms":'),
  queue: utf8.encode(',"queue_ms":'),
  tunnel: utf8.encode(',"tunnel_ms":'),
  dial: utf8.encode(',"dial_ms":'),
  firstByte: utf8.encode(',"first_byte_ms":'),
  referer: utf8.encode(',"referer":"'),
  userAgent: utf8.encode(',"user_agent":"'),
  requestId: utf8.encode(',"request_id":"'),
} as const;

export class JsonFormat implements AccessFormat {
  readonly #time = new TimeText(isoSecond);
  /** Where it came in, and from whom. */
  readonly #source = new PairBytes((frontend: string, clientIp: string) =>
    `Z","frontend":${JSON.stringify(frontend)}${member("client", clientIp)}`
  );
  /** What the client speaks. */
  readonly #protocol = new PairBytes((isHttp2: boolean, isHttp10: boolean) =>
    member("protocol", protocolOf({ isHttp2, isHttp10 }))
  );
  readonly #destination = new PairBytes((cluster: string | undefined, target: string) =>
    cluster === undefined ? "" : member("cluster", cluster) + member("target", targetOf(target))
  );
  readonly #host = new PairBytes((host: string | undefined, _: undefined) =>
    host === undefined ? "" : member("host", host)
  );

  request(line: LineBuffer, request: WatchedRequest, startMs: number): void {
    const { clock } = request;
    this.#begin(line, startMs, request.frontend, request.clientIp);
    if (request.method !== "") {
      line.raw(KEY.method);
      line.text(request.method);
      line.text('"');
    }
    range(line, KEY.authority, request, request.host);
    range(line, KEY.path, request, request.target);
    line.raw(this.#protocol.of(request.isHttp2, request.isHttp10));
    number(line, KEY.status, request.status);
    if (request.code !== undefined) line.text(member("error", request.code));
    line.raw(this.#destination.of(request.cluster, request.targetName));
    line.raw(this.#host.of(request.hostName, undefined));
    number(line, KEY.requestBytes, request.requestBytes);
    number(line, KEY.responseBytes, request.responseBytes);
    if (!request.isWhole) line.text(',"complete":false');
    millis(line, KEY.duration, request.endedMs - clock.headMs);
    const hops = clock.times(request.endedMs);
    millis(line, KEY.frontend, hops.frontendMs);
    millis(line, KEY.queue, hops.queueMs);
    millis(line, KEY.tunnel, hops.tunnelMs);
    millis(line, KEY.dial, hops.dialMs);
    millis(line, KEY.firstByte, hops.firstByteMs);
    range(line, KEY.referer, request, request.referer);
    range(line, KEY.userAgent, request, request.userAgent);
    range(line, KEY.requestId, request, request.requestId);
    line.text("}");
  }

  connection(line: LineBuffer, connection: WatchedConnection, startMs: number): void {
    const { client, hostName, error, startedMs, endedMs, foundMs } = connection;
    this.#begin(line, startMs, connection.frontend, "");
    if (client !== undefined) text(line, ',"client":', formatAddress(client));
    line.text(member("protocol", connection.protocol));
    number(line, KEY.status, connection.status);
    if (error !== undefined) text(line, ',"error":', error.message);
    line.text(member("cluster", connection.cluster));
    text(line, ',"target":', targetOf(connection.target));
    line.raw(this.#host.of(hostName, undefined));
    number(line, KEY.requestBytes, connection.toTargetBytes);
    number(line, KEY.responseBytes, connection.toClientBytes);
    millis(line, KEY.duration, endedMs - startedMs);
    millis(line, KEY.queue, (foundMs === 0 ? endedMs : foundMs) - startedMs);
    line.text("}");
  }

  #begin(line: LineBuffer, startMs: number, frontend: string, clientIp: string): void {
    line.text('{"ts":"');
    line.text(this.#time.of(startMs));
    const ms = Math.floor(startMs % 1000);
    line.text(ms < 10 ? "00" : ms < 100 ? "0" : "");
    line.number(ms);
    line.raw(this.#source.of(frontend, clientIp));
  }
}

/** A value that has nothing to be escaped; none for "". */
function member(key: string, value: string): string {
  return value === "" ? "" : `,"${key}":"${value}"`;
}

function number(line: LineBuffer, key: Uint8Array, value: number): void {
  line.raw(key);
  line.number(value);
}

function millis(line: LineBuffer, key: Uint8Array, ms: number): void {
  line.raw(key);
  line.millis(ms);
}

function range(line: LineBuffer, key: Uint8Array, request: WatchedRequest, at: HeadRange): void {
  if (at.length === 0) return;
  line.raw(key);
  addRange(line, request, at, JSON_ESCAPES);
  line.text('"');
}

const MAX_TEXT = 500;

/** Any text. */
function text(line: LineBuffer, key: string, value: string): void {
  line.text(key);
  const quoted = utf8.encode(JSON.stringify(value.slice(0, MAX_TEXT)));
  line.escaped(quoted, 0, quoted.length, AS_IT_IS);
}

const AS_IT_IS: readonly undefined[] = [];
