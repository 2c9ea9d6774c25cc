/**
 * Apache's combined format, which log readers know, with what is ours behind it:
 * `CLIENT - - [TIME] "METHOD TARGET PROTOCOL" STATUS BYTES "REFERER" "USER-AGENT"`
 * `cluster=C host=H time=MS first_byte=MS error=CODE`.
 */
import { formatAddress } from "../../address.ts";
import type { HeadRange, WatchedRequest } from "../../http/watched_request.ts";
import type { WatchedConnection } from "../traffic_watch.ts";
import { COMMON_ESCAPES } from "./escapes.ts";
import { addRange, protocolOf, targetOf } from "./format.ts";
import type { AccessFormat } from "./format.ts";
import type { LineBuffer } from "./line_buffer.ts";
import { PairBytes } from "./pair_bytes.ts";
import { commonTime, TimeText } from "./time_text.ts";

const utf8 = new TextEncoder();
const PROTOCOLS: Readonly<Record<string, Uint8Array>> = {
  "HTTP/1.1": utf8.encode(' HTTP/1.1" '),
  "HTTP/1.0": utf8.encode(' HTTP/1.0" '),
  "HTTP/2.0": utf8.encode(' HTTP/2.0" '),
};
const FIRST_BYTE = utf8.encode(" first_byte=");
const NO_ERROR = utf8.encode(" error=-");
type Text = string | undefined;

export class CommonFormat implements AccessFormat {
  readonly #time = new TimeText(commonTime);
  /** What stands before a request: of whom and when it is. */
  readonly #before = new PairBytes((clientIp: string, second: string) =>
    `${clientIp === "" ? "-" : clientIp} - - [${second}] "`
  );
  /** What stands behind what the client sent: the request's way. */
  readonly #way = new PairBytes((cluster: Text, host: Text) =>
    ` cluster=${cluster ?? "-"} host=${host ?? "-"} time=`
  );

  request(line: LineBuffer, request: WatchedRequest, startMs: number): void {
    const { method, status, clock } = request;
    line.raw(this.#before.of(request.clientIp, this.#time.of(startMs)));
    if (method === "") {
      line.text('-" ');
    } else {
      line.text(method);
      line.text(" ");
      addRange(line, request, request.target, COMMON_ESCAPES);
      line.raw(PROTOCOLS[protocolOf(request)]!);
    }
    if (status === 0) line.text("499");
    else line.number(status);
    line.text(" ");
    line.number(request.responseBytes);
    quoted(line, request, request.referer);
    quoted(line, request, request.userAgent);
    line.raw(this.#way.of(request.cluster, request.hostName));
    line.millis(request.endedMs - clock.headMs);
    line.raw(FIRST_BYTE);
    if (clock.answeredMs === 0) line.text("-");
    else line.millis(clock.answeredMs - clock.headMs);
    if (request.code === undefined) line.raw(NO_ERROR);
    else line.text(` error=${request.code}`);
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
  else addRange(line, request, range, COMMON_ESCAPES);
  line.text('"');
}

function escapedText(line: LineBuffer, text: string): void {
  const bytes = utf8.encode(text);
  line.escaped(bytes, 0, bytes.length, COMMON_ESCAPES);
}
