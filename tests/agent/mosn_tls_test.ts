import assert from "node:assert/strict";
import { mosnTls } from "../../lib/agent/mosn_tls.ts";
import { ConfigError } from "../../lib/errors.ts";

Deno.test("a tls_context is taken as MOSN means it", () => {
  const tlsOf = (value: unknown) => mosnTls(value, "tls_context");
  assert.equal(tlsOf(undefined), undefined);
  assert.equal(tlsOf({ status: false, "ca_cert": "ca.pem" }), undefined);
  assert.deepEqual(
    tlsOf({
      status: true,
      "ca_cert": "/etc/ca.pem",
      "cert_chain": "/etc/agent.pem",
      "private_key": "/etc/agent.key",
      "server_name": "tunnel.test",
      "min_version": "TLS_AUTO",
      alpn: "h2,http/1.1",
    }),
    {
      ca: "/etc/ca.pem",
      keyPair: { cert: "/etc/agent.pem", key: "/etc/agent.key" },
      serverName: "tunnel.test",
      pins: [],
      isInsecure: false,
    },
  );
  assert.equal(tlsOf({ status: true, "insecure_skip": true, "ca_cert": "x" })?.isInsecure, true);
});

Deno.test("a tls_context that cannot be kept to is refused by its field", () => {
  const cases: [unknown, string, RegExp][] = [
    [[], "tls_context", /an object was expected/],
    [{ stat: true }, "tls_context.stat", /did you mean status\?/],
    [{ status: "on" }, "tls_context.status", /true or false/],
    [{ status: true, "ca_cert": 1 }, "tls_context.ca_cert", /text was expected/],
    [{ status: true, "cert_chain": "a.pem" }, "tls_context.private_key", /missing/],
    [{ status: true, "cipher_suites": "RC4" }, "tls_context.cipher_suites", /cannot be set/],
    [{ status: true, "max_version": "TLSv1_1" }, "tls_context.max_version", /TLSv1_2 is the/],
    [{ status: true, "min_version": "SSLv3" }, "tls_context.min_version", /is none of/],
  ];
  for (const [value, path, message] of cases) {
    assert.throws(
      () => mosnTls(value, "tls_context"),
      (error) => error instanceof ConfigError && error.path === path && message.test(error.message),
      JSON.stringify(value),
    );
  }
});
