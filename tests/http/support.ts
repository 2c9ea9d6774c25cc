/** Clients, targets and a clock in memory, for tests of the HTTP frontend. */
import { BufferPool } from "../../lib/buffer.ts";
import type { SharedBuffer } from "../../lib/buffer.ts";
import type { Address } from "../../lib/address.ts";
import { latin1 } from "../../lib/codec/http1/latin1.ts";
import type { Duplex, Sink } from "../../lib/duplex.ts";
import { HttpFrontend } from "../../lib/http/http_frontend.ts";
import type { AnswerRecord, HttpFrontendOptions } from "../../lib/http/http_frontend.ts";
import { defaultRoute } from "../../lib/http/default_route.ts";
import { silentLog } from "../../lib/log.ts";
import { memoryPair } from "../../lib/memory_duplex.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { TimerWheel } from "../../lib/timer.ts";
import { UpstreamError } from "../../lib/upstream.ts";
import type { Upstream, UpstreamRequest, Upstreams } from "../../lib/upstream.ts";

/** One byte a character. */
export function toBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A head with its made-up request name taken for the word "ID"; throws if it has none. */
export function withoutId(head: string): string {
  const plain = head.replace(/^(X-Request-Id): [0-9a-f]{32}\r$/m, "$1: ID\r");
  if (plain === head) throw new Error(`No X-Request-Id in ${JSON.stringify(head)}`);
  return plain;
}

/** Lets everything run that is due, until `isTrue`; throws if it never gets so. */
export async function until(isTrue: () => boolean, what = "the condition"): Promise<void> {
  for (let turn = 0; turn < 500; turn++) {
    if (isTrue()) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  throw new Error(`${what} did not come true`);
}

/** Lets everything run that is due. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}

/** A peer that speaks by hand. */
export class TextPeer implements Sink {
  readonly duplex: Duplex;
  received = "";
  receivedBytes = 0;
  hasEnded = false;
  isClosed = false;
  error: Error | undefined;
  /** Bytes are counted, not kept. */
  isCounting = false;
  drains = 0;

  constructor(duplex: Duplex) {
    this.duplex = duplex;
    duplex.attach(this);
  }

  onData(bytes: Uint8Array): void {
    this.receivedBytes += bytes.length;
    if (!this.isCounting) this.received += latin1(bytes, 0, bytes.length);
  }

  onEnd(): void {
    this.hasEnded = true;
  }

  onDrain(): void {
    this.drains += 1;
  }

  onClose(error?: Error): void {
    this.isClosed = true;
    this.error = error;
  }

  write(text: string): boolean {
    return this.duplex.write(toBytes(text));
  }

  /** Waits for `text`, gives all that came up to its end and forgets it. */
  async read(text: string): Promise<string> {
    await until(
      () => this.received.includes(text),
      `${JSON.stringify(text)} in ${JSON.stringify(this.received.slice(0, 2000))}`,
    );
    const end = this.received.indexOf(text) + text.length;
    const taken = this.received.slice(0, end);
    this.received = this.received.slice(end);
    return taken;
  }
}

/** One stream that the frontend was given, seen from the target's side. */
export class FakeStream {
  readonly target: TextPeer;
  readonly request: UpstreamRequest;
  readonly hostId: string;
  readonly duplex: Duplex;
  uses = 0;
  /** How the last user gave it back; undefined while there is one. */
  releasedAs: boolean | undefined;

  constructor(request: UpstreamRequest, hostId: string) {
    this.request = request;
    this.hostId = hostId;
    const [near, far] = memoryPair([`${hostId}#near`, `${hostId}#far`]);
    this.duplex = near;
    this.target = new TextPeer(far);
  }
}

/** Clusters of hosts, each stream of them played by the test. */
export class FakeUpstreams implements Upstreams {
  clusters: string[] = ["edge-a"];
  hosts: string[] = ["host-1"];
  readonly streams: FakeStream[] = [];
  readonly requests: UpstreamRequest[] = [];
  /** Set to make the next acquisitions wait until it resolves. */
  gate: Promise<void> | undefined;
  /** Called for each new stream before it is handed out. */
  onOpen: ((stream: FakeStream) => void) | undefined;
  readonly #idle: FakeStream[] = [];

  clusterNames(): Iterable<string> {
    return this.clusters;
  }

  hasCluster(name: string): boolean {
    return this.clusters.includes(name);
  }

  acquire(request: UpstreamRequest): Upstream | Promise<Upstream> {
    this.requests.push(request);
    if (this.gate !== undefined) return this.gate.then(() => this.#find(request));
    return this.#find(request);
  }

  #find(request: UpstreamRequest): Upstream {
    if (!this.clusters.includes(request.cluster)) {
      throw new UpstreamError("noCluster", `There is no cluster "${request.cluster}"`);
    }
    for (;;) {
      const idle = this.#idle.pop();
      if (idle === undefined) break;
      if (!idle.duplex.isClosed) return this.#use(idle);
    }
    const host = this.hosts.find((id) => request.excludedHosts?.has(id) !== true);
    if (host === undefined) throw new UpstreamError("noHost", "No host is connected");
    const stream = new FakeStream(request, host);
    this.streams.push(stream);
    this.onOpen?.(stream);
    return this.#use(stream);
  }

  #use(stream: FakeStream): Upstream {
    stream.releasedAs = undefined;
    stream.uses += 1;
    return {
      duplex: stream.duplex,
      cluster: stream.request.cluster,
      hostId: stream.hostId,
      hostName: stream.hostId,
      rttMs: 0,
      isReused: stream.uses > 1,
      release: (isReusable) => {
        if (stream.releasedAs !== undefined) throw new Error("The stream was released twice");
        stream.releasedAs = isReusable;
        if (isReusable) {
          stream.duplex.attach(NOBODY);
          this.#idle.push(stream);
        } else {
          stream.duplex.close();
        }
      },
    };
  }
}

const NOBODY: Sink = {
  onData: (_bytes: Uint8Array, _buffer: SharedBuffer) => {},
  onEnd: () => {},
  onDrain: () => {},
  onClose: () => {},
};

/** A frontend, its upstreams and a clock that only the test moves. */
export class World {
  readonly upstreams = new FakeUpstreams();
  readonly records: AnswerRecord[] = [];
  readonly runtime: Runtime;
  readonly frontend: HttpFrontend;
  #nowMs = 0;

  constructor(options: Partial<HttpFrontendOptions> = {}) {
    const timers = new TimerWheel(50, () => this.#nowMs);
    const pool = new BufferPool();
    this.runtime = { log: silentLog, timers, pool, nowMs: () => this.#nowMs, random: () => 0.5 };
    this.frontend = new HttpFrontend({
      upstreams: this.upstreams,
      route: defaultRoute(this.upstreams),
      runtime: this.runtime,
      onAnswer: (record) => this.records.push(record),
      ...options,
    });
  }

  /** Connects a client. */
  connect(remote: Address = { kind: "tcp", host: "192.0.2.7", port: 4711 }): TextPeer {
    const [near, far] = memoryPair(["frontend", "client"]);
    this.frontend.serve(near, remote);
    return new TextPeer(far);
  }

  /** The stream opened as the `index`th, from 0. */
  async stream(index: number): Promise<TextPeer> {
    await until(() => this.upstreams.streams.length > index, `stream ${index}`);
    return this.upstreams.streams[index]!.target;
  }

  /** Lets `ms` pass. */
  async advance(ms: number): Promise<void> {
    await settle();
    this.#nowMs += ms;
    this.runtime.timers.advance();
    await settle();
  }

  [Symbol.dispose](): void {
    this.frontend.close();
    this.runtime.timers.close();
  }
}
