import assert from "node:assert/strict";
import { proxyHeader } from "../../lib/agent/proxy_header.ts";
import { ProxyHeaderDecoder } from "../../lib/codec/proxy_protocol.ts";

const TARGET = { kind: "tcp", host: "10.0.0.2", port: 80 } as const;

function decoded(...args: Parameters<typeof proxyHeader>): unknown {
  return new ProxyHeaderDecoder().push(proxyHeader(...args))?.header;
}

Deno.test("proxyHeader() gives the client and the target's address", () => {
  const text = new TextDecoder().decode(proxyHeader("v1", "192.0.2.1:5000", TARGET));
  assert.equal(text, "PROXY TCP4 192.0.2.1 10.0.0.2 5000 80\r\n");
  assert.deepEqual(decoded("v2", "192.0.2.1:5000", TARGET), {
    kind: "tcp",
    source: { host: "192.0.2.1", port: 5000 },
    destination: { host: "10.0.0.2", port: 80 },
  });
});

Deno.test("proxyHeader() keeps the client where the target has no address", () => {
  const unix = { kind: "unix", path: "/run/x.sock" } as const;
  assert.deepEqual(decoded("v2", "192.0.2.1:5000", unix), {
    kind: "tcp",
    source: { host: "192.0.2.1", port: 5000 },
    destination: { host: "127.0.0.1", port: 0 },
  });
});

Deno.test("proxyHeader() takes nothing for a client that is no IP address", () => {
  assert.deepEqual(decoded("v2", undefined, TARGET), { kind: "local" });
  assert.deepEqual(decoded("v1", undefined, TARGET), { kind: "unknown" });
  for (const source of ["", "unix:/x", "edge:80", "1.2.3.4", "1.2.3.4:99999", "a\r\nb:1"]) {
    assert.deepEqual(decoded("v1", source, TARGET), { kind: "unknown" }, source);
  }
});
