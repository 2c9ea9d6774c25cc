/** One JSON object a line; what there is not is left out. */
import { formatAddress } from "../../address.ts";
import type { HeadRange, WatchedRequest } from "../../http/watched_request.ts";
import type { WatchedConnection } from "../traffic_watch.ts";
import { JSON_ESCAPES } from "./escapes.ts";
import { protocolOf, targetOf } from "./format.ts";
import type { AccessFormat } from "./format.ts";
import type { LineBuffer } from "./line_buffer.ts";
import { isoSecond, TimeText } from "./time_text.ts";

export class JsonFormat implements AccessFormat {
  readonly #time = new TimeText(isoSecond);
  /** Of the frontend that the last line was of, as it stands there. */
  #frontend = "";
  #frontendText = "";

  request(line: LineBuffer, request: WatchedRequest, startMs: number): void {
    const { clock } = request;
    this.#begin(line, startMs, request.frontend);
    name(line, ',"client":"', request.clientIp);
    name(line, ',"method":"', request.method);
    range(line, ',"authority":"', request, request.host);
    range(line, ',"path":"', request, request.target);
    name(line, ',"protocol":"', protocolOf(request));
    line.text(',"status":');
    line.number(request.status);
    if (request.code !== undefined) name(line, ',"error":"', request.code);
    if (request.cluster !== undefined) {
      name(line, ',"cluster":"', request.cluster);
      name(line, ',"target":"', targetOf(request.targetName));
    }
    if (request.hostName !== undefined) name(line, ',"host":"', request.hostName);
    line.text(',"request_bytes":');
    line.number(request.requestBytes);
    line.text(',"response_bytes":');
    line.number(request.responseBytes);
    if (!request.isWhole) line.text(',"complete":false');
    line.text(',"duration_ms":');
    line.millis(request.endedMs - clock.headMs);
    const hops = clock.times(request.endedMs);
    line.text(',"frontend_ms":');
    line.millis(hops.frontendMs);
    line.text(',"queue_ms":');
    line.millis(hops.queueMs);
    line.text(',"tunnel_ms":');
    line.millis(hops.tunnelMs);
    line.text(',"dial_ms":');
    line.millis(hops.dialMs);
    line.text(',"first_byte_ms":');
    line.millis(hops.firstByteMs);
    range(line, ',"referer":"', request, request.referer);
    range(line, ',"user_agent":"', request, request.userAgent);
    range(line, ',"request_id":"', request, request.requestId);
    line.text("}");
  }

  connection(line: LineBuffer, connection: WatchedConnection, startMs: number): void {
    const { client, hostName, error, startedMs, endedMs, foundMs } = connection;
    this.#begin(line, startMs, connection.frontend);
    if (client !== undefined) text(line, ',"client":', formatAddress(client));
    name(line, ',"protocol":"', connection.protocol);
    line.text(',"status":');
    line.number(connection.status);
    if (error !== undefined) text(line, ',"error":', error.message);
    name(line, ',"cluster":"', connection.cluster);
    text(line, ',"target":', targetOf(connection.target));
    if (hostName !== undefined) name(line, ',"host":"', hostName);
    line.text(',"request_bytes":');
    line.number(connection.toTargetBytes);
    line.text(',"response_bytes":');
    line.number(connection.toClientBytes);
    line.text(',"duration_ms":');
    line.millis(endedMs - startedMs);
    line.text(',"queue_ms":');
    line.millis((foundMs === 0 ? endedMs : foundMs) - startedMs);
    line.text("}");
  }

  #begin(line: LineBuffer, startMs: number, frontend: string): void {
    line.text('{"ts":"');
    line.text(this.#time.of(startMs));
    const ms = Math.floor(startMs % 1000);
    line.text(ms < 10 ? "00" : ms < 100 ? "0" : "");
    line.number(ms);
    line.text('Z"');
    if (frontend !== this.#frontend) {
      this.#frontend = frontend;
      this.#frontendText = `,"frontend":${JSON.stringify(frontend)}`;
    }
    line.text(this.#frontendText);
  }
}

/** A value that has nothing to be escaped. */
function name(line: LineBuffer, key: string, value: string): void {
  if (value === "") return;
  line.text(key);
  line.text(value);
  line.text('"');
}

function range(line: LineBuffer, key: string, { bytes }: WatchedRequest, at: HeadRange): void {
  if (at.length === 0) return;
  line.text(key);
  line.escaped(bytes, at.start, at.end, JSON_ESCAPES);
  line.text('"');
}

const utf8 = new TextEncoder();
const MAX_TEXT = 500;

/** Any text. */
function text(line: LineBuffer, key: string, value: string): void {
  line.text(key);
  const quoted = utf8.encode(JSON.stringify(value.slice(0, MAX_TEXT)));
  line.escaped(quoted, 0, quoted.length, AS_IT_IS);
}

const AS_IT_IS: readonly undefined[] = [];
