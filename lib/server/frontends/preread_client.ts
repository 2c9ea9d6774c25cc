/** A client that is listened to before it is served: what it says first decides how. */
import type { Address } from "../../address.ts";
import { SharedBuffer } from "../../buffer.ts";
import type { Sink } from "../../duplex.ts";
import { ForwardingDuplex } from "../../forwarding_duplex.ts";
import type { Timer, TimerWheel } from "../../timer.ts";
import type { ClientDuplex } from "./frontend.ts";

/** Who listens. */
export interface Preread {
  /**
   * Takes what came. Calls {@link PrereadClient.hold} with what is for whoever serves the client,
   * once it has heard enough. May throw what `failed` then gets.
   */
  take(bytes: Uint8Array): void;
  /** The client said nothing sensible: `take` threw, or the client ended, or its time is up. */
  failed(failure: unknown): void;
}

/** The client ended its side before it had said where to. */
export class EndedEarlyError extends Error {
  override name = "EndedEarlyError";
}

/** The client did not say where to in time. */
export class PrereadTimeoutError extends Error {
  override name = "PrereadTimeoutError";
}

/**
 * Stands for a client from its first byte on. Whoever serves it later gets the bytes that are held
 * here, and then is attached to the client itself.
 */
export class PrereadClient extends ForwardingDuplex<ClientDuplex> implements ClientDuplex {
  local: Address;
  /** Who the client is believed to be. */
  remote: Address;
  /** Called if the client is closed after it was heard and before anybody serves it. */
  onLeft: (() => void) | undefined;
  readonly #deadline: Timer;
  #preread: Preread | undefined;
  #held: Uint8Array[] = [];
  #isPaused = false;
  #hasEnded = false;
  #isDelivering = false;
  readonly #timeoutMs: number;

  constructor(client: ClientDuplex, timers: TimerWheel, timeoutMs: number) {
    super(client);
    this.local = client.local;
    this.remote = client.remote;
    this.#timeoutMs = timeoutMs;
    this.#deadline = timers.after(timeoutMs, () => this.#fail(new PrereadTimeoutError()));
  }

  get tls(): ClientDuplex["tls"] {
    return this.inner.tls;
  }

  /** Lets `preread` have what is held and what comes; may be called again after `hold()`. */
  listen(preread: Preread): void {
    this.#preread = preread;
    this.#deadline.restart(this.#timeoutMs);
    this.inner.attach(this);
    for (const bytes of this.#held.splice(0)) this.onData(bytes);
    if (this.#preread === undefined) return;
    if (this.#hasEnded) this.#fail(new EndedEarlyError());
    else this.inner.resume();
  }

  /** Enough was heard; `parts` are the first bytes that whoever serves the client gets. */
  hold(...parts: readonly Uint8Array[]): void {
    this.#deadline.cancel();
    this.#preread = undefined;
    this.inner.pause();
    for (const part of parts) if (part.length > 0) this.#held.push(part.slice());
  }

  override attach(sink: Sink): void {
    this.sink = sink;
    // Never from within the call itself.
    queueMicrotask(() => this.#deliver());
  }

  override pause(): void {
    this.#isPaused = true;
    this.inner.pause();
  }

  override resume(): void {
    this.#isPaused = false;
    if (this.#held.length > 0) this.#deliver();
    else this.inner.resume();
  }

  override onData(bytes: Uint8Array): void {
    if (this.#preread === undefined) {
      // What was under way when the client was paused.
      this.#held.push(bytes.slice());
      return;
    }
    try {
      this.#preread.take(bytes);
    } catch (error) {
      this.#fail(error);
    }
  }

  override onEnd(): void {
    this.#hasEnded = true;
    if (this.#preread !== undefined) this.#fail(new EndedEarlyError());
  }

  override onClose(error?: Error): void {
    this.#deadline.cancel();
    const preread = this.#preread;
    this.#preread = undefined;
    this.#held = [];
    if (this.sink !== undefined) this.sink.onClose(error);
    else if (preread === undefined) this.onLeft?.();
  }

  #fail(failure: unknown): void {
    const preread = this.#preread;
    this.#preread = undefined;
    this.#deadline.cancel();
    preread?.failed(failure);
  }

  #deliver(): void {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    // Each piece may make its reader hand the client over.
    while (this.#held.length > 0 && !this.#isPaused && !this.isClosed) {
      const bytes = this.#held.shift()! as Uint8Array<ArrayBuffer>;
      this.sink!.onData(bytes, new SharedBuffer(bytes));
    }
    this.#isDelivering = false;
    if (this.#held.length > 0 || this.isClosed) return;
    const sink = this.sink!;
    this.inner.attach(sink);
    if (this.#hasEnded) sink.onEnd();
    if (!this.#isPaused) this.inner.resume();
  }
}
