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

export class CommonFormat implements AccessFormat {
  readonly #time = new TimeText(commonTime);

  request(line: LineBuffer, request: WatchedRequest, startMs: number): void {
    const { method, status, clock } = request;
    line.text(request.clientIp === "" ? "-" : request.clientIp);
    line.text(" - - [");
    line.text(this.#time.of(startMs));
    line.text('] "');
    if (method === "") {
      line.text("-");
    } else {
      line.text(method);
      line.text(" ");
      line.escaped(request.bytes, request.target.start, request.target.end, COMMON_ESCAPES);
      line.text(" ");
      line.text(protocolOf(request));
    }
    line.text('" ');
    if (status === 0) line.text("499");
    else line.number(status);
    line.text(" ");
    line.number(request.responseBytes);
    quoted(line, request, request.referer);
    quoted(line, request, request.userAgent);
    line.text(" cluster=");
    line.text(request.cluster ?? "-");
    line.text(" host=");
    line.text(request.hostName ?? "-");
    line.text(" time=");
    line.millis(request.endedMs - clock.headMs);
    line.text(" first_byte=");
    if (clock.answeredMs === 0) line.text("-");
    else line.millis(clock.answeredMs - clock.headMs);
    line.text(" error=");
    line.text(request.code ?? "-");
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

const utf8 = new TextEncoder();

function escapedText(line: LineBuffer, text: string): void {
  const bytes = utf8.encode(text);
  line.escaped(bytes, 0, bytes.length, COMMON_ESCAPES);
}
