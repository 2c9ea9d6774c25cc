/** Many downloads at once, and one that its client does not read. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { testRuntime, until } from "../agent/support.ts";
import { pattern } from "../mux/rig.ts";
import { agentProcess, serverProcess } from "./commands.ts";
import { httpBackend } from "./http_backend.ts";
import { HttpClient } from "./http_client.ts";

const FILE_BYTES = 1 << 20;
const CLIENTS = 1000;
const STALLED_BYTES = 128 << 20;
const RUNNING = 50;

/** File n is what lies n bytes from its start on: all are different, and none is stored twice. */
const base = pattern(FILE_BYTES + CLIENTS);
const stalled = pattern(STALLED_BYTES, 7);

function file(path: string): Uint8Array {
  if (path === "/stalled") return stalled;
  const number = Number(path.slice(1));
  return base.subarray(number, number + FILE_BYTES);
}

/** Reads an answer and compares each byte. */
async function check(client: HttpClient, expected: Uint8Array): Promise<void> {
  let count = 0;
  const { status } = await client.read((piece, at) => {
    assert.equal(Buffer.compare(piece, expected.subarray(at, at + piece.length)), 0);
    count += piece.length;
  });
  assert.deepEqual([status, count], [200, expected.length]);
}

async function download(port: number, number: number): Promise<void> {
  using client = await HttpClient.connect(port);
  await client.send(`/${number}`);
  await check(client, file(`/${number}`));
}

Deno.test("1,000 clients download 1 MB each at once, and each gets its own bytes", async () => {
  using runtime = testRuntime();
  await using backend = httpBackend(runtime, file);
  await using server = await serverProcess(["127.0.0.1:0/edge-a"]);
  await using _agent = await agentProcess(server.tunnel, ["--target", backend.text]);
  const numbers = Array.from({ length: CLIENTS }, (_, number) => number);
  await Promise.all(numbers.map((number) => download(server.ports[0]!, number)));
});

Deno.test("a client that does not read costs 50 others on its connection nothing", async () => {
  using runtime = testRuntime();
  const counts = { written: 0 };
  await using backend = httpBackend(runtime, file, counts);
  await using server = await serverProcess(["127.0.0.1:0/edge-a"]);
  await using _agent = await agentProcess(server.tunnel, ["--target", backend.text], 1);
  const [port] = server.ports;
  using lazy = await HttpClient.connect(port!);
  await lazy.send("/stalled");
  // All buffers on its way are full once the backend gets no further.
  let before = 0;
  let still = 0;
  await until("the standstill", () => {
    still = counts.written > 0 && counts.written === before ? still + 1 : 0;
    before = counts.written;
    return still > 30;
  });
  const rounds = Array.from({ length: 4 * RUNNING }, (_, number) => number);
  await Promise.all(Array.from({ length: RUNNING }, async (_, index) => {
    for (const number of rounds.filter((round) => round % RUNNING === index)) {
      await download(port!, number);
    }
  }));
  const ofStalled = counts.written - rounds.length * FILE_BYTES;
  assert.ok(ofStalled < STALLED_BYTES, "the whole of it was taken");
  // It has lost nothing by its rest.
  await check(lazy, stalled);
});
