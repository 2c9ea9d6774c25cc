/** Where agents come in: listeners that may be replaced while a server runs. */
import { formatAddress } from "../address.ts";
import type { Address } from "../address.ts";
import type { Runtime } from "../runtime.ts";
import type { Listener } from "../transport/listen.ts";

/** A change of listeners that was prepared: what is new listens, what is to go does still. */
export interface PortChange {
  /** Closes what is to go. */
  commit(): Promise<void>;
  /** Closes what is new. */
  undo(): Promise<void>;
}

/** The tunnel ports of a server. */
export class TunnelPorts {
  readonly #runtime: Runtime;
  readonly #listen: (address: Address) => Promise<Listener>;
  /** By their addresses as given; in the order of the configuration. */
  #listeners = new Map<string, Listener>();

  /** @param listen opens one. @throws {ListenError} */
  constructor(runtime: Runtime, listen: (address: Address) => Promise<Listener>) {
    this.#runtime = runtime;
    this.#listen = listen;
  }

  /** With actual ports. */
  get addresses(): Address[] {
    return [...this.#listeners.values()].map((listener) => listener.address);
  }

  /** Opens what is new in `addresses`. @throws {ListenError} all is as it was then. */
  async prepare(addresses: readonly Address[]): Promise<PortChange> {
    const before = this.#listeners;
    const after = new Map<string, Listener>();
    const opened: Listener[] = [];
    const undo = async () => {
      await Promise.all(opened.map((listener) => listener.close()));
    };
    try {
      for (const address of addresses) {
        const name = formatAddress(address);
        const kept = before.get(name);
        const listener = kept ?? await this.#listen(address);
        if (kept === undefined) opened.push(listener);
        after.set(name, listener);
      }
    } catch (error) {
      await undo();
      throw error;
    }
    return {
      undo,
      commit: async () => {
        this.#listeners = after;
        for (const { address } of opened) {
          this.#runtime.log.info("tunnel.listening", "Agents may connect", {
            address: formatAddress(address),
          });
        }
        const gone = [...before].filter(([name]) => !after.has(name));
        await Promise.all(gone.map(([, listener]) => listener.close()));
      },
    };
  }

  /** Takes who waits to be accepted; resolves with their number. */
  async drainQueues(): Promise<number> {
    const counts = await Promise.all(
      [...this.#listeners.values()].map((listener) => listener.drainQueue?.() ?? 0),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Listens at paths again that another process took. @throws {ListenError} */
  reclaim(): void {
    for (const listener of this.#listeners.values()) listener.reclaim?.();
  }

  /** Closes all of them: nobody comes in any more. */
  async close(): Promise<void> {
    const listeners = [...this.#listeners.values()];
    this.#listeners.clear();
    await Promise.all(listeners.map((listener) => listener.close()));
  }
}
