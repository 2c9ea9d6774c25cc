/**
 * Apache's combined format, which log readers know, with what is ours behind it:
 * `CLIENT - - [TIME] "METHOD TARGET PROTOCOL" STATUS BYTES "REFERER" "USER-AGENT"`
 * `cluster=C host=H time=MS first_byte=MS error=CODE`.
 */
import { formatAddress } from "../../address.ts";
import type { HeadRange, WatchedRequest } from "../../http/watched_request.ts";
import type { WatchedConnection } from "../traffic_watch.ts";
import { COMMON_ESCAPES } from "./escapes.ts";
import { protocolOf, targetOf } from "./format.ts";
import type { AccessFormat } from "./format.ts";
import type { LineBuffer } from "./line_buffer.ts";
import { commonTime, TimeText } from "./time_text.ts";

const utf8 = new TextEncoder();
const PROTOCOLS: Readonly<Record<string, Uint8Array>> = {
  "HTTP/1.1": utf8.encode(' HTTP/1.1" '),
  "HTTP/1.0": utf8.encode(' HTTP/1.0" '),
  "HTTP/2.0": utf8.encode(' HTTP/2.0" '),
};

export class CommonFormat implements AccessFormat {
  readonly #time = new TimeText(commonTime);
  /** What stands before the last line's request, and of whom and when it is. */
  #before: Uint8Array = utf8.encode("");
  #clientIp = "";
  #second = "";
  /** What the last line has of its way, and which that is. */
  #way: Uint8Array = utf8.encode("");
  #cluster: string | undefined;
  #hostName: string | undefined;

  request(line: LineBuffer, request: WatchedRequest, startMs: number): void {
    const { method, status, clock } = request;
    line.raw(this.#beforeOf(request.clientIp, this.#time.of(startMs)));
    if (method === "") {
      line.text('-" ');
    } else {
      line.text(method);
      line.text(" ");
      line.escaped(request.bytes, request.target.start, request.target.end, COMMON_ESCAPES);
      line.raw(PROTOCOLS[protocolOf(request)]!);
    }
    if (status === 0) line.text("499");
    else line.number(status);
    line.text(" ");
    line.number(request.responseBytes);
    quoted(line, request, request.referer);
    quoted(line, request, request.userAgent);
    line.raw(this.#wayOf(request.cluster, request.hostName));
    line.millis(request.endedMs - clock.headMs);
    line.text(" first_byte=");
    if (clock.answeredMs === 0) line.text("-");
    else line.millis(clock.answeredMs - clock.headMs);
    line.text(" error=");
    line.text(request.code ?? "-");
  }

  #beforeOf(clientIp: string, second: string): Uint8Array {
    if (clientIp === this.#clientIp && second === this.#second) return this.#before;
    this.#clientIp = clientIp;
    this.#second = second;
    return this.#before = utf8.encode(`${clientIp === "" ? "-" : clientIp} - - [${second}] "`);
  }

  #wayOf(cluster: string | undefined, hostName: string | undefined): Uint8Array {
    if (this.#way.length > 0 && cluster === this.#cluster && hostName === this.#hostName) {
      return this.#way;
    }
    this.#cluster = cluster;
    this.#hostName = hostName;
    return this.#way = utf8.encode(` cluster=${cluster ?? "-"} host=${hostName ?? "-"} time=`);
  }

  connection(line: LineBuffer, connection: WatchedConnection, startMs: number): void {
    const { client, protocol, target, cluster, hostName, error } = connection;
    line.text(client?.kind === "tcp" ? client.host : client === undefined ? "-" : "unix");
    line.text(" - - [");
    line.text(this.#time.of(startMs));
    line.text('] "');
    line.text(protocol.toUpperCase());
    line.text(" ");
    escapedText(line, targetOf(target));
    line.text('" ');
    line.number(connection.status);
    line.text(" ");
    line.number(connection.toClientBytes);
    line.text(' "-" "-" cluster=');
    line.text(cluster);
    line.text(" host=");
    line.text(hostName ?? "-");
    line.text(" time=");
    line.millis(connection.endedMs - connection.startedMs);
    line.text(" first_byte=- error=");
    line.text(error === undefined ? "-" : connection.status === 503 ? "no-host" : "broken");
    if (client?.kind === "tcp") line.text(` client=${formatAddress(client)}`);
  }
}

function quoted(line: LineBuffer, request: WatchedRequest, range: HeadRange): void {
  line.text(' "');
  if (range.length === 0) line.text("-");
  else line.escaped(request.bytes, range.start, range.end, COMMON_ESCAPES);
  line.text('"');
}

function escapedText(line: LineBuffer, text: string): void {
  const bytes = utf8.encode(text);
  line.escaped(bytes, 0, bytes.length, COMMON_ESCAPES);
}
