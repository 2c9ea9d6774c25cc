/** Clients and targets of HTTP/2 whose behaviour a seed decides: patient, hasty, mute and broken. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pick } from "../soak/random.ts";
import { END_STREAM, field, FRAME, H2Wire } from "./h2_wire.ts";

type Random = () => number;

/** What came of requests. */
export interface StormCounts {
  /** Begun. */
  requests: number;
  /** Answered to the end. */
  answered: number;
  /** Reset by the far side, within an answer or before one. */
  reset: number;
  /** Given up by the client itself. */
  cancelled: number;
  /** Lost with their connection, which the client broke off. */
  lost: number;
}

/** A request that has neither answer nor error. */
export interface OpenRequest {
  readonly what: string;
  readonly sinceMs: number;
  hasAnswer: boolean;
}

const RESET_CODES = [0, 1, 2, 5, 7, 8, 11] as const;
const PIECE_BYTES = 4096;
const TARGETS = ["/h1", "/h2c"] as const;

/** A client's connection; makes requests until `untilMs` and waits for what it began. */
export async function stormClient(
  address: string,
  random: Random,
  untilMs: number,
  { counts, open }: { counts: StormCounts; open: Set<OpenRequest> },
): Promise<void> {
  const [hostname = "", port] = address.split(":");
  const conn = await Deno.connect({ hostname, port: Number(port) });
  const own = new Map<number, OpenRequest>();
  const end = (stream: number, how: "answered" | "reset" | "cancelled" | "lost") => {
    const request = own.get(stream);
    if (request === undefined) return;
    own.delete(stream);
    open.delete(request);
    counts[how] += 1;
  };
  let isBroken = false;
  const isGreedy = random() < 0.9;
  const wire = new H2Wire(conn, {
    onFrame(type, flags, stream) {
      if (type === FRAME.headers) {
        const request = own.get(stream);
        if (request !== undefined) request.hasAnswer = true;
      }
      if (type === FRAME.reset) end(stream, "reset");
      else if ((type === FRAME.headers || type === FRAME.data) && (flags & END_STREAM) !== 0) {
        end(stream, "answered");
      }
    },
    onGone() {
      for (const stream of [...own.keys()]) end(stream, isBroken ? "lost" : "reset");
    },
  }, { isClient: true, isGreedy });
  let next = 1;
  while (performance.now() < untilMs && !wire.isGone) {
    const begun = 1 + Math.floor(random() * 12);
    for (let i = 0; i < begun; i++) {
      const stream = next;
      next += 2;
      const target = pick(TARGETS, random);
      const request = {
        what: `stream ${stream} to ${target} of ${(conn.localAddr as Deno.NetAddr).port}`,
        sinceMs: performance.now(),
        hasAnswer: false,
      };
      own.set(stream, request);
      open.add(request);
      counts.requests += 1;
      const cancel = (code: number) => {
        if (!own.has(stream) || wire.isGone) return;
        wire.reset(stream, code);
        end(stream, "cancelled");
      };
      const pieces = random() < 0.5 ? 0 : 1 + Math.floor(random() * 6);
      wire.request(stream, pieces === 0 ? "GET" : "POST", target, pieces === 0);
      // Who reads nothing on has to give up in the end; so does who never ends its body.
      const isUnending = random() < 0.1;
      const isHasty = random() < 0.25 || isUnending || !isGreedy;
      if (isHasty) setTimeout(() => cancel(pick(RESET_CODES, random)), random() * 120);
      void sendBody(wire, { stream, pieces, isUnending, isWanted: () => own.has(stream) }, random)
        .then((isSent) => isSent || cancel(8));
    }
    await pause(random() * 25);
    if (random() < 0.04) break;
  }
  isBroken = random() < 0.4;
  if (isBroken) wire.destroy();
  while (own.size > 0) await pause(5);
  wire.destroy();
  await wire.reading;
}

/** False if there was no room for it. */
async function sendBody(
  wire: H2Wire,
  body: { stream: number; pieces: number; isUnending: boolean; isWanted(): boolean },
  random: Random,
): Promise<boolean> {
  for (let piece = 1; piece <= body.pieces; piece++) {
    if (random() < 0.5) await pause(random() * 10);
    if (!body.isWanted() || wire.isGone) return true;
    const isLast = piece === body.pieces && !body.isUnending;
    if (!wire.data(body.stream, Math.floor(random() * PIECE_BYTES) + 1, isLast)) return false;
  }
  return true;
}

/** A target, and what of it is still under way. */
export interface StormTarget extends AsyncDisposable {
  readonly address: string;
  /** Requests that have neither been answered nor cut off, by either side. */
  readonly openCount: number;
}

/** A target of HTTP/2 by prior knowledge. */
export function stormH2cTarget(random: Random): StormTarget {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const wires = new Map<H2Wire, Set<number>>();
  const readings = new Set<Promise<void>>();
  const accepting = (async () => {
    for await (const conn of listener) {
      const open = new Set<number>();
      /** Streams that both sides have to end. */
      const sending = new Set<number>();
      const wire: H2Wire = new H2Wire(conn, {
        onFrame(type, flags, stream) {
          if (type === FRAME.headers && !open.has(stream)) {
            open.add(stream);
            sending.add(stream);
            void serve(wire, stream, random, () => open.has(stream)).then((isWhole) => {
              sending.delete(stream);
              if (!isWhole) open.delete(stream);
            });
          }
          if (type === FRAME.reset) open.delete(stream);
          const isEnd = (type === FRAME.headers || type === FRAME.data) &&
            (flags & END_STREAM) !== 0;
          if (isEnd && !sending.has(stream)) open.delete(stream);
          if (isEnd) ended.add(stream);
        },
        onGone: () => void wires.delete(wire),
      }, { isClient: false });
      const ended = new Set<number>();
      wires.set(wire, open);
      const reading = wire.reading.finally(() => readings.delete(reading));
      readings.add(reading);
      // An answer that is whole before its request waits for the request's end.
      const sweep = setInterval(() => {
        for (const stream of open) {
          if (ended.has(stream) && !sending.has(stream)) open.delete(stream);
        }
        if (wire.isGone) clearInterval(sweep);
      }, 20);
    }
  })();
  return {
    address: `127.0.0.1:${(listener.addr as Deno.NetAddr).port}`,
    get openCount() {
      return [...wires.values()].reduce((sum, { size }) => sum + size, 0);
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const wire of wires.keys()) wire.destroy();
      await accepting;
      await Promise.all(readings);
      await pause(30);
    },
  };
}

/** False where it cut the stream off. */
async function serve(
  wire: H2Wire,
  stream: number,
  random: Random,
  isWanted: () => boolean,
): Promise<boolean> {
  const reset = () => {
    if (isWanted() && !wire.isGone) wire.reset(stream, pick(RESET_CODES, random));
    return false;
  };
  if (random() < 0.5) await pause(random() * 20);
  const mood = random();
  if (mood < 0.004) wire.destroy();
  if (mood < 0.006 && !wire.isGone) wire.send(FRAME.goAway, 0, 0, Array(8).fill(0));
  if (wire.isGone) return false;
  if (!isWanted()) return true;
  if (mood < 0.1) return reset();
  // Says nothing until it is given up.
  if (mood < 0.15) return true;
  if (mood < 0.3) {
    wire.answer(stream, true);
    return true;
  }
  wire.answer(stream, false);
  const pieces = Math.floor(random() * 8);
  for (let piece = 0; piece < pieces; piece++) {
    if (random() < 0.4) await pause(random() * 10);
    if (!isWanted() || wire.isGone) return true;
    if (random() < 0.03) return reset();
    wire.data(stream, Math.floor(random() * 4 * PIECE_BYTES) + 1, false);
  }
  if (random() < 0.3) wire.answer(stream, true, field("x-sum", "42"));
  else if (!wire.data(stream, 0, true)) return reset();
  return true;
}

/** A target of HTTP/1. */
export async function stormHttp1Target(random: Random): Promise<StormTarget> {
  let openCount = 0;
  const server = createServer((request, response) => {
    openCount += 1;
    response.once("close", () => openCount -= 1);
    request.on("error", () => {});
    response.on("error", () => {});
    const mood = random();
    if (mood < 0.06) return void response.destroy();
    // Says nothing until it is given up; its connection is watched by reading on.
    if (mood < 0.1) return void request.resume();
    const answer = async () => {
      if (random() < 0.3) response.setHeader("content-length", "5000");
      if (response.hasHeader("content-length")) return void response.end(new Uint8Array(5000));
      const pieces = Math.floor(random() * 8);
      for (let piece = 0; piece < pieces; piece++) {
        response.write(new Uint8Array(Math.floor(random() * 4 * PIECE_BYTES) + 1));
        if (random() < 0.4) await pause(random() * 10);
        if (random() < 0.02) return void response.destroy();
      }
      response.end();
    };
    request.resume();
    if (mood < 0.3) setTimeout(() => void answer(), random() * 20);
    else request.on("end", () => void answer());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get openCount() {
      return openCount;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
