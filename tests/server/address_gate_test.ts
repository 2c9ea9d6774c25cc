import assert from "node:assert/strict";
import { AddressGate } from "../../lib/server/address_gate.ts";

const LIMITS = { handshakesPerSecond: 10, freeFailures: 2 };

Deno.test("an address may dial at a rate, whatever others do", () => {
  const gate = new AddressGate(LIMITS);
  const dials = (ip: string, nowMs: number, count: number) =>
    Array.from({ length: count }, () => gate.dialled(ip, nowMs)).filter(Boolean).length;
  assert.equal(dials("10.0.0.1", 0, 100), 20);
  assert.equal(dials("10.0.0.2", 0, 5), 5);
  assert.equal(dials("10.0.0.1", 1000, 100), 10);
  // One IPv6 network is one address: its owner has 2^64 of them.
  assert.equal(dials("2001:db8::1", 0, 15), 15);
  assert.equal(dials("2001:db8::2", 0, 15), 5);
  assert.equal(dials("2001:db8:0:1::2", 0, 15), 15);
});

Deno.test("answers to wrong credentials are held back longer and longer, until they are forgiven", () => {
  const gate = new AddressGate(LIMITS);
  gate.dialled("10.0.0.1", 0);
  const delays = Array.from({ length: 10 }, () => gate.failed("10.0.0.1", 0));
  assert.deepEqual(delays, [0, 0, 100, 200, 400, 800, 1600, 3200, 4000, 4000]);
  assert.ok(!gate.isShut("10.0.0.1"));
  for (let i = 0; i < 24; i++) gate.failed("10.0.0.1", 0);
  assert.ok(gate.isShut("10.0.0.1"));
  assert.ok(!gate.isShut("10.0.0.2"));
  for (let i = 0; i < 32; i++) gate.answered("10.0.0.1");
  assert.ok(!gate.isShut("10.0.0.1"));
  assert.equal(gate.failed("10.0.0.1", 500_000), 0);
});

Deno.test("so many addresses as there may be are remembered, and no more", () => {
  const gate = new AddressGate(LIMITS);
  gate.dialled("10.0.0.1", 0);
  for (let i = 0; i < 3; i++) gate.failed("10.0.0.1", 0);
  for (let i = 0; i < 30_000; i++) gate.dialled(`10.1.${i >> 8}.${i & 255}`, 0);
  // Whoever waits for an answer is not forgotten.
  assert.equal(gate.failed("10.0.0.1", 0), 200);
  assert.equal(gate.failed("10.1.0.0", 0), 0);
});
