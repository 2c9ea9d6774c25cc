/** A request for benchmarks. */

/** What a browser sends: 13 fields, about 750 bytes. */
export const BROWSER_REQUEST: Uint8Array = new TextEncoder().encode(
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
