import assert from "node:assert/strict";
import { SERVER_DEFAULTS } from "../../lib/server/config.ts";
import { fitToFiles } from "../../lib/server/fit_to_files.ts";
import { parseListenSpec } from "../../lib/server/listen_spec.ts";
import { openFileLimit, parseLimits, tlsBacklog } from "../../lib/transport/file_limit.ts";

Deno.test("all connections together stay below the open files that there may be", () => {
  for (const files of [100, 256, 1024, 4096, 20_000, 65_536]) {
    const config = fitToFiles(SERVER_DEFAULTS, files);
    const { maxTunnels, maxHandshakes, maxFrontendConnections } = config;
    assert.ok(maxTunnels + 2 * maxHandshakes + maxFrontendConnections < files, `${files}`);
    for (const limit of [maxTunnels, maxHandshakes, maxFrontendConnections]) assert.ok(limit > 0);
    assert.ok(maxFrontendConnections > maxTunnels);
  }
});

Deno.test("what may come at once at listeners of TLS has files too", () => {
  for (const files of [256, 1024, 4096, 20_000]) {
    const frontends = ["https://:443", "https://:8443", "http://:80"].map(parseListenSpec);
    const config = fitToFiles({ ...SERVER_DEFAULTS, frontends }, files);
    const { maxTunnels, maxHandshakes, maxFrontendConnections } = config;
    const inAll = maxTunnels + 2 * maxHandshakes + maxFrontendConnections + 2 * tlsBacklog(files);
    assert.ok(inAll < files, `${inAll} of ${files}`);
  }
  assert.equal(tlsBacklog(undefined), 4096);
  assert.equal(tlsBacklog(64), 8);
});

Deno.test("limits that fit, and those of a system that does not tell, stay as they are", () => {
  assert.equal(fitToFiles(SERVER_DEFAULTS, 1 << 20), SERVER_DEFAULTS);
  assert.equal(fitToFiles(SERVER_DEFAULTS, undefined), SERVER_DEFAULTS);
  const small = { ...SERVER_DEFAULTS, maxTunnels: 1, maxHandshakes: 1, maxFrontendConnections: 5 };
  assert.equal(fitToFiles(small, 100), small);
});

Deno.test("the limit of open files is read as the system writes it", () => {
  const head = "Limit                     Soft Limit           Hard Limit           Units     \n";
  const line = (soft: string) => `${head}Max open files            ${soft}      524288     files\n`;
  assert.equal(parseLimits(line("1024")), 1024);
  assert.equal(parseLimits(line("unlimited")), undefined);
  assert.equal(parseLimits(head), undefined);
  if (Deno.build.os === "linux") assert.ok(openFileLimit()! > 16);
});
