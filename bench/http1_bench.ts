/** Heads a second of the HTTP/1 codec, on one core: `deno bench bench/http1_bench.ts`. */
import { BodyScanner } from "../lib/codec/http1/body_scanner.ts";
import { RequestHead } from "../lib/codec/http1/request_head.ts";
import { ResponseHead } from "../lib/codec/http1/response_head.ts";

const encoder = new TextEncoder();

/** What a browser sends: 13 fields, about 750 bytes. */
const BROWSER_REQUEST = encoder.encode(
  [
    "GET /search?q=reverse+tunnel&lang=en HTTP/1.1",
    "Host: edge-a.example.com",
    "Connection: keep-alive",
    'sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24"',
    "sec-ch-ua-mobile: ?0",
    'sec-ch-ua-platform: "Linux"',
    "Upgrade-Insecure-Requests: 1",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) " +
    "Chrome/140.0.0.0 Safari/537.36",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Sec-Fetch-Site: none",
    "Sec-Fetch-Mode: navigate",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Accept-Language: en-GB,en;q=0.9,de;q=0.8",
    "Cookie: session=6f1d2c3b4a5968778695a4b3c2d1e0f0; theme=dark; consent=all; id=1234567890",
    "",
    "",
  ].join("\r\n"),
);

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
