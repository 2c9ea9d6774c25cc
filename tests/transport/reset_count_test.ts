import assert from "node:assert/strict";
import { parseOutRsts, ResetCount } from "../../lib/transport/reset_count.ts";

Deno.test("parseOutRsts() finds the field by its name", () => {
  const text = "Ip: Forwarding DefaultTTL\nIp: 1 64\n" +
    "Tcp: RtoAlgorithm OutRsts InCsumErrors\nTcp: 1 42 0\nUdp: InDatagrams\nUdp: 3\n";
  assert.equal(parseOutRsts(text), 42);
  assert.equal(parseOutRsts("Tcp: RtoAlgorithm\nTcp: 1\n"), undefined);
  assert.equal(parseOutRsts(""), undefined);
});

Deno.test({
  name: "ResetCount grows with a connection that its listener never accepted",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using resets = new ResetCount();
    const before = resets.read()!;
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    listener.close();
    await assert.rejects(conn.read(new Uint8Array(1)));
    assert.ok(resets.read()! > before);
  },
});
