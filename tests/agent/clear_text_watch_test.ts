import assert from "node:assert/strict";
import { parseAddress } from "../../lib/address.ts";
import { ClearTextWatch } from "../../lib/agent/clear_text_watch.ts";
import { parseProxy } from "../../lib/agent/proxy.ts";
import type { TlsClientSettings } from "../../lib/transport/tls_client_files.ts";
import { Secret } from "../../lib/secret.ts";
import { EventLog } from "./support.ts";

const TLS: TlsClientSettings = {
  ca: undefined,
  serverName: undefined,
  pins: [],
  isInsecure: false,
};
const OPEN = { credential: new Secret("s3cret"), tls: undefined };
const addresses = (...texts: string[]) => texts.map((text) => parseAddress(text));

Deno.test("ClearTextWatch names each server that a credential reaches unencrypted, once", () => {
  const log = new EventLog();
  const watch = new ClearTextWatch(log);
  const named = () => log.events.map(({ fields }) => fields["servers"]);
  watch.look(OPEN, addresses("127.0.0.1:1", "localhost:1", "[::1]:1", "unix:/x"));
  watch.look({ credential: undefined, tls: undefined }, addresses("cloud:9000"));
  watch.look({ ...OPEN, tls: TLS }, addresses("cloud:9000"));
  watch.look({ ...OPEN, proxy: parseProxy("http://localhost:1") }, addresses("127.0.0.1:1"));
  watch.look({ ...OPEN, proxy: parseProxy("http://proxy:1") }, addresses("unix:/x"));
  assert.deepEqual(named(), []);
  watch.look({ ...OPEN, proxy: parseProxy("http://proxy:1") }, addresses("127.0.0.1:1"));
  assert.deepEqual(named(), ["127.0.0.1:1"]);
  log.events.splice(0);
  watch.look(OPEN, addresses("cloud:9000", "127.0.0.1:1", "[2001:db8::1]:9000"));
  watch.look(OPEN, addresses("cloud:9000"));
  assert.deepEqual(named(), ["cloud:9000,[2001:db8::1]:9000"]);
  // Those that were taken out, or were inside TLS meanwhile, are news again.
  watch.look({ ...OPEN, tls: TLS }, addresses("cloud:9000"));
  watch.look(OPEN, addresses("cloud:9000"));
  assert.equal(named()[1], "cloud:9000");
  watch.look(OPEN, addresses(...Array.from({ length: 50 }, (_, index) => `s${index}:1`)));
  assert.equal(named()[2], "s0:1,s1:1,s2:1,s3:1,s4:1 and 45 more");
  assert.doesNotMatch(JSON.stringify(log.events), /s3cret/);
  assert.match(JSON.stringify(log.events[0]), /tls:\/\/ in front of the address, or --tls/);
});
