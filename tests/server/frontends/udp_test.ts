import assert from "node:assert/strict";
import { until } from "../../agent/support.ts";
import { frontendRig } from "../frontend_rig.ts";
import { UdpPeer } from "../udp_peer.ts";

Deno.test("udp:// passes datagrams as they are, each client by a stream of its own", async () => {
  await using target = new UdpPeer((text) => `got ${text.length}`);
  await using rig = await frontendRig({
    listen: ["udp://127.0.0.1:0/edge-a/dns"],
    targets: [`dns=udp://127.0.0.1:${target.port}`],
  });
  await using one = new UdpPeer();
  await using two = new UdpPeer();
  const [address = ""] = rig.addresses;
  await one.send("hello", address);
  assert.deepEqual(await one.got(1), ["got 5"]);
  // Empty ones are datagrams too, and so are the largest that loopback carries.
  await one.send("", address);
  await one.got(2);
  await one.send(new Uint8Array(65_507), address);
  assert.deepEqual(await one.got(3), ["got 5", "got 0", "got 65507"]);
  await two.send("from another", address);
  assert.deepEqual(await two.got(1), ["got 12"]);
  assert.equal(target.ports.size, 2);
  assert.equal(rig.server.gauges.clients, 2);
  assert.equal(rig.server.stats.streamsOpened, 2);
  assert.equal(rig.server.stats.datagramsDropped, 0);
});

Deno.test("udp:// forgets a client that is silent, and knows it when it comes again", async () => {
  await using target = new UdpPeer((text) => text.toUpperCase());
  await using rig = await frontendRig({
    listen: ["udp://127.0.0.1:0/edge-a/dns?idle=50ms"],
    targets: [`dns=udp://127.0.0.1:${target.port}`],
  });
  await using client = new UdpPeer();
  await client.send("a", rig.addresses[0]!);
  await client.got(1);
  await until("no client", () => rig.server.gauges.clients === 0);
  await client.send("b", rig.addresses[0]!);
  assert.deepEqual(await client.got(2), ["A", "B"]);
  assert.equal(target.ports.size, 2);
});

Deno.test("udp:// drops what cannot be served, and does not try with each datagram", async () => {
  await using rig = await frontendRig({
    listen: [
      "udp://127.0.0.1:0/edge-a/none",
      "udp://127.0.0.1:0/edge-b",
      "udp://127.0.0.1:0/edge-a/web",
      "udp://127.0.0.1:0/edge-a",
      "udp://127.0.0.1:0/edge-a?allow=192.0.2.1",
      "tcp://127.0.0.1:0/edge-a/dns",
    ],
    targets: ["web=127.0.0.1:80", "dns=udp://127.0.0.1:53"],
  });
  await using client = new UdpPeer();
  const udp = rig.addresses.slice(0, -1);
  for (const address of udp) await client.send("first", address);
  const { stats } = rig.server;
  await until(
    "all are refused",
    () => stats.frontendConnections === udp.length && rig.server.gauges.clients === 0,
  );
  assert.equal(stats.clientsRefused["address"], 1);
  const { streamsOpened, datagramsDropped } = stats;
  for (const address of udp) await client.send("second", address);
  await until("all are dropped", () => stats.datagramsDropped === datagramsDropped + udp.length);
  assert.equal(stats.streamsOpened, streamsOpened);
  assert.deepEqual(client.received, []);
});
