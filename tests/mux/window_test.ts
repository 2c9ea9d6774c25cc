import assert from "node:assert/strict";
import { INITIAL_WINDOW_BYTES, MAX_WINDOW_BYTES, ReceiveWindow } from "../../lib/mux/window.ts";

const MIB = 1 << 20;

/** A budget that grants `bytes` in all. */
class Budget {
  leftBytes: number;

  constructor(bytes = Infinity) {
    this.leftBytes = bytes;
  }

  tryReserve(bytes: number): boolean {
    if (bytes > this.leftBytes) return false;
    this.leftBytes -= bytes;
    return true;
  }

  release(bytes: number): void {
    this.leftBytes += bytes;
  }
}

/**
 * A sender with more than enough, a link of `rttMs` and a reader that takes all at once, in steps of
 * a ms: what arrives in each ms.
 */
function transfer(bytesPerMs: number, rttMs: number, forMs: number): number[] {
  const window = new ReceiveWindow(new Budget(), 0);
  const arrivals: number[] = Array(forMs + rttMs).fill(0);
  const credit: number[] = Array(forMs + rttMs).fill(0);
  let creditBytes = INITIAL_WINDOW_BYTES;
  for (let ms = 0; ms < forMs; ms++) {
    creditBytes += credit[ms]!;
    const size = Math.min(creditBytes, bytesPerMs);
    creditBytes -= size;
    arrivals[ms + rttMs / 2]! += size;
    const arrived = arrivals[ms]!;
    window.leftBytes -= arrived;
    assert.ok(window.leftBytes >= 0, "more arrived than was granted");
    if (arrived > 0 && window.take(arrived)) credit[ms + rttMs / 2]! += window.grant(ms, rttMs);
  }
  return arrivals.slice(0, forMs);
}

Deno.test("a window fills 400 Mbit/s at 200 ms within four round trips, and keeps it full", () => {
  const bytesPerMs = 50_000;
  const arrivals = transfer(bytesPerMs, 200, 6000);
  for (let ms = 800; ms < 6000; ms++) assert.equal(arrivals[ms], bytesPerMs, `at ${ms} ms`);
});

Deno.test("a window that is not the limit stays as it is", () => {
  const window = new ReceiveWindow(new Budget(), 0);
  for (let ms = 800; ms < 100_000; ms += 1000) {
    window.leftBytes -= INITIAL_WINDOW_BYTES / 2;
    assert.ok(window.take(INITIAL_WINDOW_BYTES / 2));
    assert.equal(window.grant(ms, 20), INITIAL_WINDOW_BYTES / 2);
  }
  assert.equal(window.sizeBytes, INITIAL_WINDOW_BYTES);
});

Deno.test("what was granted and is not used up is never more than the window", () => {
  const window = new ReceiveWindow(new Budget(), 0);
  for (let step = 1; step < 20_000; step++) {
    const size = Math.min(window.leftBytes, 1 + step * 7919 % 60_000);
    window.leftBytes -= size;
    if (window.take(size)) window.grant(step / 100, 5);
    assert.ok(window.leftBytes <= window.sizeBytes);
  }
  assert.equal(window.sizeBytes, MAX_WINDOW_BYTES);
});

Deno.test("a window grows as far as its budget goes, and gives it back", () => {
  const budget = new Budget(2 * MIB);
  const window = new ReceiveWindow(budget, 0);
  for (let count = 0; count < 20; count++) {
    const size = window.leftBytes;
    window.leftBytes = 0;
    if (window.take(size)) window.grant(1, 50);
  }
  assert.equal(window.sizeBytes, 2 * MIB);
  window.close();
  assert.equal(budget.leftBytes, 2 * MIB);
});

Deno.test("small pieces are granted together", () => {
  const window = new ReceiveWindow(new Budget(), 0);
  let grants = 0;
  for (let count = 0; count < 1024; count++) {
    window.leftBytes -= 512;
    if (window.take(512)) grants += window.grant(1e6 + count * 1000, 1) > 0 ? 1 : 0;
  }
  assert.equal(grants, 4);
});
