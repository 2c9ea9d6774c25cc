/** A tunnel's connections of HTTP/2 to the targets behind it, each shared by many requests. */
import type { Duplex } from "../duplex.ts";
import { TargetSession } from "../http/h2/target_session.ts";
import type { Runtime } from "../runtime.ts";
import type { Timer } from "../timer.ts";

/** A connection without a request is closed after this, as idle streams of HTTP/1 are. */
const MAX_IDLE_MS = 30_000;

interface Entry {
  readonly session: TargetSession;
  readonly idle: Timer;
}

/** Owned by its tunnel. */
export class H2Targets {
  readonly #timers: Runtime["timers"];
  readonly #openStream: (target: string) => Duplex;
  readonly #byTarget = new Map<string, Entry[]>();
  #count = 0;

  /** @param openStream makes a stream to a target, for a new connection. */
  constructor(timers: Runtime["timers"], openStream: (target: string) => Duplex) {
    this.#timers = timers;
    this.#openStream = openStream;
  }

  /**
   * Opens a request to `target`, which is written and read as one of HTTP/1.
   *
   * @param authority names the target in place of the request's Host.
   */
  open(target: string, authority: string | undefined): { duplex: Duplex; isReused: boolean } {
    let entries = this.#byTarget.get(target);
    if (entries === undefined) this.#byTarget.set(target, entries = []);
    const entry = entries.find(({ session }) => session.hasRoom) ?? this.#connect(target, entries);
    const { session, idle } = entry;
    idle.cancel();
    const { isReused } = session;
    const name = `${target || "default"}#h2/${++this.#count}`;
    const duplex = session.open(name, authority, () => {
      // The last request of a connection that is gone ends behind it.
      if (session.streamCount === 0 && entries.includes(entry)) idle.restart(MAX_IDLE_MS);
    });
    return { duplex, isReused };
  }

  /** Lets requests under way end, and takes no more on what is there. */
  leave(): void {
    for (const { session } of [...this.#byTarget.values()].flat()) session.leave();
  }

  close(): void {
    for (const { session } of [...this.#byTarget.values()].flat()) session.close();
  }

  #connect(target: string, entries: Entry[]): Entry {
    const session = new TargetSession(this.#openStream(target), this.#timers, () => {
      idle.cancel();
      entries.splice(entries.indexOf(entry), 1);
    });
    const idle = this.#timers.after(MAX_IDLE_MS, () => session.leave());
    const entry = { session, idle };
    entries.push(entry);
    return entry;
  }
}
