/** The stand-ins speak with each other as two MOSNs do, and write the bytes that MOSN wrote. */
import assert from "node:assert/strict";
import { until } from "../../agent/support.ts";
import { encodeFrame, FLAG, MosnReadBuffer, STATUS } from "./mosn_frame.ts";
import { StandInAgent } from "./stand_in_agent.ts";
import { StandInServer } from "./stand_in_server.ts";

// Recorded between two processes of MOSN 1.6 (707d635b), see testdata/frames.
const RECORDED_INIT_INFO = "208801010100006f" +
  "7b22636c75737465725f6e616d65223a22636c69656e74436c7573746572222c22776569676874223a31302c" +
  "22686f73745f6e616d65223a22222c2263726564656e7469616c5f706f6c696379223a22222c" +
  "2263726564656e7469616c223a22222c226578747261223a6e756c6c7d";
const RECORDED_INIT_RESPONSE = "208801020200000c7b22737461747573223a317d";

Deno.test("the stand-ins' frames are those that MOSN sent", () => {
  const info = {
    "cluster_name": "clientCluster",
    "weight": 10,
    "host_name": "",
    "credential_policy": "",
    "credential": "",
    "extra": null,
  };
  assert.equal(toHex(encodeFrame(FLAG.initInfo, info)), RECORDED_INIT_INFO);
  assert.equal(toHex(encodeFrame(FLAG.initResponse, { status: 1 })), RECORDED_INIT_RESPONSE);
  const buffer = new MosnReadBuffer();
  assert.deepEqual(buffer.push(encodeFrame(FLAG.initInfo, info)), { flag: 1, payload: info });
});

Deno.test("the stand-ins serve requests, keep asides silent and close gracefully", async () => {
  await using server = new StandInServer();
  await using agent = new StandInAgent({
    port: server.port,
    connectionNum: 2,
    gracefulCloseMaxWaitMs: 1,
  });
  await until("two hosts and an aside", () => server.hosts.size === 2 && server.silent.size === 1);
  assert.equal((await server.request("/a")).body, "GET /a HTTP/1.1");
  assert.equal((await server.request("/b")).body, "GET /b HTTP/1.1");
  const addresses = [...server.hosts.keys()];
  await agent.stop();
  await until("no host", () => server.hosts.size === 0);
  assert.deepEqual(server.frames.at(-1)?.payload, {
    "addresses": addresses,
    "cluster_name": "edge-a",
  });
});

Deno.test("the stand-in agent takes a refusal for success and a close for failure", async () => {
  await using server = new StandInServer({ clusters: [] });
  await using agent = new StandInAgent({ port: server.port });
  await until("boot", () => agent.isBooted);
  assert.deepEqual(agent.statuses, [STATUS.clusterNotExist]);
  assert.equal(agent.dialCount, 2);
  assert.equal(agent.connections.size, 0);
});

Deno.test("the stand-in agent dials again when its connection ends", async () => {
  await using server = new StandInServer();
  await using agent = new StandInAgent({ port: server.port, reconnectBaseMs: 1 });
  await until("boot", () => agent.isBooted && server.hosts.size === 1);
  const [first] = server.hosts.keys();
  server.kill();
  await until("another host", () => server.hosts.size === 1 && !server.hosts.has(first!));
});

function toHex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
