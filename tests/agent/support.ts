/** What the agent's tests share: a runtime, readers of byte streams, backends on loopback. */
import type { Address } from "../../lib/address.ts";
import type { Duplex, Sink } from "../../lib/duplex.ts";
import { silentLog } from "../../lib/log.ts";
import type { Log, LogFields } from "../../lib/log.ts";
import { createRuntime } from "../../lib/runtime.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { listen } from "../../lib/transport/listen.ts";
import type { Connection } from "../../lib/transport/connection.ts";

/** A runtime that ends with the block that made it. */
export type TestRuntime = Runtime & Disposable;

export function testRuntime(log: Log = silentLog): TestRuntime {
  const runtime = createRuntime(log);
  return { ...runtime, [Symbol.dispose]: () => runtime.timers.close() };
}

/** Keeps the events that were logged. */
export class EventLog implements Log {
  readonly isDebug = true;
  readonly events: { level: string; event: string; message: string; fields: LogFields }[];
  readonly #fields: LogFields;

  constructor(fields: LogFields = {}, events: EventLog["events"] = []) {
    this.#fields = fields;
    this.events = events;
  }

  debug(event: string, message: string, fields?: LogFields): void {
    this.#add("debug", event, message, fields);
  }
  info(event: string, message: string, fields?: LogFields): void {
    this.#add("info", event, message, fields);
  }
  warn(event: string, message: string, fields?: LogFields): void {
    this.#add("warn", event, message, fields);
  }
  error(event: string, message: string, fields?: LogFields): void {
    this.#add("error", event, message, fields);
  }
  child(fields: LogFields): Log {
    return new EventLog({ ...this.#fields, ...fields }, this.events);
  }

  /** Events of one name. */
  of(event: string): EventLog["events"] {
    return this.events.filter((entry) => entry.event === event);
  }

  #add(level: string, event: string, message: string, fields: LogFields = {}): void {
    this.events.push({ level, event, message, fields: { ...this.#fields, ...fields } });
  }
}

/** Resolves when `isTrue` gives something; looks every few ms, gives up after `deadlineMs`. */
export async function until<T>(
  what: string,
  isTrue: () => T | undefined | false | Promise<T | undefined | false>,
  deadlineMs = 10_000,
): Promise<T> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const result = await isTrue();
    if (result !== undefined && result !== false) return result;
    if (performance.now() > endMs) throw new Error(`Waited ${deadlineMs} ms for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Reads a duplex into memory. */
export class Reader implements Sink {
  readonly duplex: Duplex;
  bytes = new Uint8Array(0);
  hasEnded = false;
  isClosed = false;
  closeError: Error | undefined;

  constructor(duplex: Duplex) {
    this.duplex = duplex;
    duplex.attach(this);
  }

  get text(): string {
    return new TextDecoder().decode(this.bytes);
  }

  write(bytes: Uint8Array | string): void {
    this.duplex.write(typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes);
  }

  onData(bytes: Uint8Array): void {
    const all = new Uint8Array(this.bytes.length + bytes.length);
    all.set(this.bytes);
    all.set(bytes, this.bytes.length);
    this.bytes = all;
  }
  onEnd(): void {
    this.hasEnded = true;
  }
  onDrain(): void {}
  onClose(error?: Error): void {
    this.isClosed = true;
    this.closeError = error;
  }

  /** Resolves with the text once it ends in, or contains, `part`. */
  async textWith(part: string): Promise<string> {
    await until(`"${part}" in "${this.text}"`, () => this.text.includes(part));
    return this.text;
  }

  async end(): Promise<void> {
    await until("end of stream", () => this.hasEnded || this.isClosed);
  }

  async closed(): Promise<void> {
    await until("close", () => this.isClosed);
  }
}

/** A listener on loopback whose connections are closed with it. */
export class Backend implements AsyncDisposable {
  readonly connections: Connection[] = [];
  readonly address: Address & { kind: "tcp" };
  readonly #listener: ReturnType<typeof listen>;

  constructor(runtime: Runtime, onConnection: (connection: Connection) => void, port = 0) {
    this.#listener = listen({ kind: "tcp", host: "127.0.0.1", port }, runtime, {
      onConnection: (connection) => {
        this.connections.push(connection);
        onConnection(connection);
      },
    });
    this.address = this.#listener.address as Address & { kind: "tcp" };
  }

  get text(): string {
    return `127.0.0.1:${this.address.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listener.close();
    for (const connection of this.connections) connection.close();
  }
}

/** Sends back what comes, in capitals, and ends when its peer does. */
export function shout(connection: Duplex): void {
  connection.attach({
    onData: (bytes) => {
      connection.write(new TextEncoder().encode(new TextDecoder().decode(bytes).toUpperCase()));
    },
    onEnd: () => connection.end(),
    onDrain: () => {},
    onClose: () => {},
  });
}

/** An address on loopback where nothing listens. */
export async function deadAddress(runtime: Runtime): Promise<Address & { kind: "tcp" }> {
  const backend = new Backend(runtime, () => {});
  await backend[Symbol.asyncDispose]();
  return backend.address;
}
