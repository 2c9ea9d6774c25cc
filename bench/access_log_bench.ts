/** What a watched request costs, on one core: `deno bench bench/access_log_bench.ts`. */
import { RequestHead } from "../lib/codec/http1/request_head.ts";
import { WatchedRequest } from "../lib/http/watched_request.ts";
import { silentLog } from "../lib/log.ts";
import { createRuntime } from "../lib/runtime.ts";
import { AccessLog } from "../lib/server/access_log/access_log.ts";
import { BROWSER_REQUEST } from "./browser_request.ts";

const LINES = 100;

const head = new RequestHead();
head.parse(BROWSER_REQUEST, 0, BROWSER_REQUEST.length);
const kept = new WatchedRequest("http://:8080", false);
const request = new WatchedRequest("http://:8080", false);
request.begin(head, "203.0.113.7", 1, 1);
Object.assign(request, { cluster: "edge-a", hostName: "h1", status: 200, isWhole: true });
request.responseBytes = 12;
request.clock.answeredMs = 4.321;
request.endedMs = 5.678;

Deno.bench("keep what is told of a browser's request", () => {
  kept.begin(head, "203.0.113.7", 1, 1);
});

for (const format of ["common", "json"] as const) {
  const settings = { output: { write: () => Promise.resolve() }, format, sample: 1 };
  const log = new AccessLog(settings, createRuntime(silentLog));
  Deno.bench(`${LINES} lines of the access log, ${format}`, async () => {
    for (let i = 0; i < LINES; i++) log.requestEnded(request);
    await undefined;
  });
}
