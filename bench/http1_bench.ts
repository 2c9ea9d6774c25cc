/** Heads a second of the HTTP/1 codec, on one core: `deno bench bench/http1_bench.ts`. */
import { BodyScanner } from "../lib/codec/http1/body_scanner.ts";
import { RequestHead } from "../lib/codec/http1/request_head.ts";
import { ResponseHead } from "../lib/codec/http1/response_head.ts";
import { BROWSER_REQUEST } from "./browser_request.ts";

const encoder = new TextEncoder();

const WRK_REQUEST = encoder.encode("GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n");

const NGINX_RESPONSE = encoder.encode(
  [
    "HTTP/1.1 200 OK",
    "Server: nginx/1.22.1",
    "Date: Sun, 23 Nov 2025 08:45:24 GMT",
    "Content-Type: text/plain",
    "Content-Length: 12",
    "Connection: keep-alive",
    "",
    "",
  ].join("\r\n"),
);

const SMALL_CHUNKS = encoder.encode(
  "40\r\n" + "x".repeat(64) + "\r\n",
);

const request = new RequestHead();
const response = new ResponseHead();
const body = new BodyScanner();
body.start("chunked", 0);

Deno.bench(`parse a browser's request head, ${BROWSER_REQUEST.length} bytes`, () => {
  request.parse(BROWSER_REQUEST, 0, BROWSER_REQUEST.length);
});

Deno.bench(`parse wrk's request head, ${WRK_REQUEST.length} bytes`, () => {
  request.parse(WRK_REQUEST, 0, WRK_REQUEST.length);
});

Deno.bench(`parse nginx's response head, ${NGINX_RESPONSE.length} bytes`, () => {
  response.parse(NGINX_RESPONSE, 0, NGINX_RESPONSE.length);
});

Deno.bench("scan a chunk of 64 bytes", () => {
  body.scan(SMALL_CHUNKS, 0, SMALL_CHUNKS.length);
});
