/** What stands between a duplex and its user. */
import type { SharedBuffer } from "./buffer.ts";
import type { Duplex, Sink } from "./duplex.ts";

/**
 * Passes everything on, both ways: a subclass overrides what it does otherwise. `inner` delivers
 * to it from the first `attach()` on.
 */
export abstract class ForwardingDuplex<D extends Duplex = Duplex> implements Duplex, Sink {
  protected readonly inner: D;
  /** The user's; undefined until it attaches one. */
  protected sink: Sink | undefined;

  constructor(inner: D) {
    this.inner = inner;
  }

  get name(): string {
    return this.inner.name;
  }

  get queuedBytes(): number {
    return this.inner.queuedBytes;
  }

  get isClosed(): boolean {
    return this.inner.isClosed;
  }

  attach(sink: Sink): void {
    const isFirst = this.sink === undefined;
    this.sink = sink;
    if (isFirst) this.inner.attach(this);
  }

  write(bytes: Uint8Array, buffer?: SharedBuffer): boolean {
    return this.inner.write(bytes, buffer);
  }

  end(): void {
    this.inner.end();
  }

  pause(): void {
    this.inner.pause();
  }

  resume(): void {
    this.inner.resume();
  }

  close(error?: Error): void {
    this.inner.close(error);
  }

  onData(bytes: Uint8Array, buffer: SharedBuffer): void {
    this.sink?.onData(bytes, buffer);
  }

  onEnd(): void {
    this.sink?.onEnd();
  }

  onDrain(): void {
    this.sink?.onDrain();
  }

  onClose(error?: Error): void {
    this.sink?.onClose(error);
  }
}
