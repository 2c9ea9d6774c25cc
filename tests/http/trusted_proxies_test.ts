import assert from "node:assert/strict";
import { TrustedProxies } from "../../lib/http/trusted_proxies.ts";
import { RequestIdLine } from "../../lib/http/request_id.ts";

const proxies = new TrustedProxies(["10.0.0.0/8", "fd00::/8"]);

for (
  const [list, client] of [
    ["203.0.113.9", "203.0.113.9"],
    ["6.6.6.6, 203.0.113.9", "203.0.113.9"],
    ["6.6.6.6, 203.0.113.9, 10.2.3.4", "203.0.113.9"],
    ["203.0.113.9,10.2.3.4,fd00::1", "203.0.113.9"],
    ["203.0.113.9:5555, [fd00::1]:80", "203.0.113.9"],
    ["10.1.1.1, 10.2.2.2", "10.1.1.1"],
    ["203.0.113.9, unknown", ""],
    ["evil", ""],
    [" , ", "10.0.0.1"],
    ["", "10.0.0.1"],
  ] as const
) {
  Deno.test(`TrustedProxies.clientOf() takes ${client || "nobody"} from "${list}"`, () => {
    assert.equal(proxies.clientOf("10.0.0.1", list), client);
  });
}

Deno.test("TrustedProxies has networks, unix sockets only by name", () => {
  assert.ok(proxies.has({ kind: "tcp", host: "::ffff:10.1.2.3", port: 1 }));
  assert.ok(!proxies.has({ kind: "tcp", host: "11.1.2.3", port: 1 }));
  assert.ok(!proxies.has({ kind: "unix", path: "/x" }));
  assert.ok(new TrustedProxies(["unix"]).has({ kind: "unix", path: "/x" }));
  assert.throws(() => new TrustedProxies(["10.0.0.1/8"]), RangeError);
});

Deno.test("RequestIdLine counts in hexadecimal", () => {
  const line = new RequestIdLine();
  const seen = new Set<string>();
  for (let i = 1; i <= 300; i++) {
    line.advance();
    const text = new TextDecoder().decode(line.bytes);
    assert.match(text, /^X-Request-Id: [0-9a-f]{32}\r\n$/);
    assert.ok(text.endsWith(`${i.toString(16).padStart(12, "0")}\r\n`), text);
    seen.add(text);
  }
  assert.equal(seen.size, 300);
});
