import assert from "node:assert/strict";
import { formatAddress } from "../../lib/address.ts";
import { parseProxy } from "../../lib/agent/proxy.ts";

Deno.test("parseProxy() reads a proxy's host and port", () => {
  const cases: [string, string][] = [
    ["http://proxy:3128", "proxy:3128"],
    ["HTTP://10.1.2.3:80/", "10.1.2.3:80"],
    ["http://[fd00::1]:3128", "[fd00::1]:3128"],
    ["http://till-7:p%40ss:w%2Ford@proxy.example.com:8080", "proxy.example.com:8080"],
    ["http://till-7@proxy:8080", "proxy:8080"],
    ["http://@proxy:8080", "proxy:8080"],
    ["socks5://till-7:pw@proxy:1080", "proxy:1080"],
    ["socks5h://proxy:1080", "proxy:1080"],
  ];
  for (const [text, place] of cases) assert.equal(formatAddress(parseProxy(text).address), place);
});

Deno.test("parseProxy() says what it expected and nothing of a password", () => {
  for (
    const text of [
      "",
      "proxy:3128",
      "till-7:s3cret@proxy:3128",
      "http://till-7:s3cret",
      "http://proxy",
      "http://:3128",
      "http://proxy:0",
      "http://proxy:70000",
      "http://till-7:s3cret@unix:/run/x",
      "http://till-7:s3cret@proxy:3128/path",
      "http://till-7:s3cret/@proxy:3128",
      "http://till-7:s3cret@more@proxy:3128",
      "http://till-7:s3cret%zz@proxy:3128",
      "http://till%3A7:s3cret@proxy:3128",
      "constructor://till-7:s3cret@proxy:3128",
      "https://till-7:s3cret@proxy:3128",
      "http://till-7:s3cret@pro xy:3128",
    ]
  ) {
    assert.throws(() => parseProxy(text), (error) => {
      assert.ok(error instanceof RangeError);
      assert.match(error.message, /expected http:\/\/ or socks5:\/\/\[USER:PASSWORD@\]HOST:PORT/);
      assert.doesNotMatch(error.message, /s3cret/, text);
      return true;
    });
  }
});

Deno.test("parseProxy() takes what SOCKS 5 has no room for as wrong", () => {
  for (const user of ["till-7:", "till-7", `till-7:${"s3cret".repeat(50)}`, ":s3cret"]) {
    assert.throws(() => parseProxy(`socks5://${user}@proxy:1080`), {
      name: "RangeError",
      message: "SOCKS 5 takes hosts, users and passwords of 1 to 255 bytes",
    });
  }
});
