/**
 * The silent connection that MOSN's agents keep beside the others: its only use is to announce the
 * end of the agent, in one frame.
 */
import { formatAddress } from "../address.ts";
import type { Address } from "../address.ts";
import { Backoff } from "../backoff.ts";
import { encodeMessage } from "../codec/encode_message.ts";
import type { Runtime } from "../runtime.ts";
import type { Timer } from "../timer.ts";
import type { Connection } from "../transport/connection.ts";
import type { Aside } from "./agent_peer.ts";
import type { AgentConfig } from "./config.ts";
import { dialServer } from "./open_tunnel.ts";
import type { TlsPlace } from "../transport/tls_dial.ts";

/** How long a server has to end its side once ours has ended. */
const LINGER_MS = 500;

/** Keeps one aside connection up; a MOSN agent does not dial it again, which loses its farewell. */
export class AsideConnection implements Aside {
  readonly #place: TlsPlace;
  readonly #config: AgentConfig;
  readonly #runtime: Runtime;
  readonly #backoff: Backoff;
  readonly #abort = new AbortController();
  #socket: Connection | undefined;
  #dialling: Promise<void> | undefined;
  #timer: Timer | undefined;
  #onClosed: (() => void) | undefined;

  constructor(place: TlsPlace, config: AgentConfig, runtime: Runtime) {
    this.#place = place;
    this.#config = config;
    this.#runtime = runtime;
    this.#backoff = new Backoff({
      baseMs: config.reconnectBaseMs,
      maxMs: config.reconnectMaxMs,
      random: () => runtime.random(),
    });
    this.#dialling = this.#dial();
  }

  async sendGracefulClose(addresses: readonly Address[]): Promise<void> {
    await this.#dialling;
    if (this.#socket === undefined && !this.#abort.signal.aborted) {
      this.#timer?.cancel();
      await this.#dial();
    }
    const socket = this.#socket;
    if (socket === undefined) return;
    // One frame: a MOSN server decodes one frame a read and drops what is behind it.
    socket.write(encodeMessage({
      type: "gracefulClose",
      addresses: addresses.map(formatAddress),
      clusterName: this.#config.cluster,
    }));
    socket.end();
  }

  async close(): Promise<void> {
    this.#abort.abort();
    this.#timer?.cancel();
    await this.#dialling;
    const socket = this.#socket;
    if (socket === undefined) return;
    // The farewell leaves first; the server ends its side when it sees ours ended, or we do.
    socket.end();
    const linger = this.#runtime.timers.after(LINGER_MS, () => socket.close());
    await new Promise<void>((resolve) => this.#onClosed = resolve);
    linger.cancel();
  }

  /** Never rejects. */
  async #dial(): Promise<void> {
    const { signal } = this.#abort;
    try {
      const timeoutMs = this.#config.connectTimeoutMs;
      const { tls } = this.#config;
      const socket = await dialServer(this.#place, tls, this.#runtime, { timeoutMs, signal });
      if (signal.aborted) {
        socket.close();
        return;
      }
      this.#socket = socket;
      const upSinceMs = this.#runtime.nowMs();
      socket.attach({
        onData: () => {},
        onEnd: () => socket.close(),
        onDrain: () => {},
        onClose: () => {
          this.#socket = undefined;
          this.#onClosed?.();
          this.#retry(this.#backoff.lost(this.#runtime.nowMs() - upSinceMs));
        },
      });
    } catch {
      // The tunnel connections to the same address report what is wrong there.
      this.#retry(this.#backoff.failed());
    } finally {
      this.#dialling = undefined;
    }
  }

  #retry(waitMs: number): void {
    if (this.#abort.signal.aborted) return;
    this.#timer = this.#runtime.timers.after(waitMs, () => this.#dialling = this.#dial());
  }
}
