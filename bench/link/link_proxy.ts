/**
 * A long link in a process of its own: a TCP proxy with a rate, a delay and a bounded queue, shared
 * by its connections. Needs no privileges, unlike the kernel's netem.
 *
 *     deno run -A bench/link/link_proxy.ts LISTEN_HOST:PORT TARGET_HOST:PORT BITS_PER_SECOND RTT_MS
 */
import { LinkPacer } from "./link_pacer.ts";

/** Small enough that connections share the link finely: 1.3 ms of 400 Mbit/s. */
const READ_BYTES = 64 << 10;

interface Parcel {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly dueMs: number;
}

/** One direction of the link, with those who wait for room on it. */
class Direction {
  readonly #pacer: LinkPacer;
  readonly #waiting: (() => void)[] = [];

  constructor(pacer: LinkPacer) {
    this.#pacer = pacer;
  }

  /** Carries what `from` sends to `to`, then its end. */
  async carry(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const parcels: Parcel[] = [];
    let isEnded = false;
    let isBroken = false;
    let wake: (() => void) | undefined;
    const sending = this.#deliver(to, parcels, () => isEnded, (resolve) => wake = resolve)
      .catch(() => {
        isBroken = true;
        close(from);
      });
    try {
      while (!isBroken) {
        if (!this.#pacer.hasRoom) {
          await new Promise<void>((resolve) => this.#waiting.push(resolve));
          continue;
        }
        const bytes = new Uint8Array(READ_BYTES);
        const count = await from.read(bytes);
        if (count === null) break;
        const dueMs = this.#pacer.admit(performance.now(), count);
        parcels.push({ bytes: bytes.subarray(0, count), dueMs });
        wake?.();
      }
    } catch {
      isBroken = true;
      close(to);
    }
    isEnded = true;
    wake?.();
    await sending;
    for (const { bytes } of parcels.splice(0)) this.#left(bytes.length);
  }

  async #deliver(
    to: Deno.TcpConn,
    parcels: Parcel[],
    isEnded: () => boolean,
    onWait: (resolve: () => void) => void,
  ): Promise<void> {
    for (;;) {
      const parcel = parcels[0];
      if (parcel === undefined) {
        if (isEnded()) return await to.closeWrite();
        await new Promise<void>((resolve) => onWait(resolve));
        continue;
      }
      // Timers may come a little early.
      for (let leftMs; (leftMs = parcel.dueMs - performance.now()) > 0;) {
        await new Promise((resolve) => setTimeout(resolve, leftMs));
      }
      let rest = parcel.bytes;
      while (rest.length > 0) rest = rest.subarray(await to.write(rest));
      parcels.shift();
      this.#left(parcel.bytes.length);
    }
  }

  #left(bytes: number): void {
    this.#pacer.delivered(bytes);
    if (!this.#pacer.hasRoom) return;
    for (const proceed of this.#waiting.splice(0)) proceed();
  }
}

if (import.meta.main) {
  const [listen = "", target = "", bits = "", rtt = ""] = Deno.args;
  const settings = { bitsPerSecond: Number(bits), rttMs: Number(rtt) };
  const there = new Direction(new LinkPacer(settings));
  const back = new Direction(new LinkPacer(settings));
  for await (const near of Deno.listen(endpoint(listen))) {
    void join(near, endpoint(target), there, back);
  }
}

async function join(
  near: Deno.TcpConn,
  target: Deno.ConnectOptions,
  there: Direction,
  back: Direction,
): Promise<void> {
  let far: Deno.TcpConn;
  try {
    far = await Deno.connect(target);
  } catch {
    return close(near);
  }
  near.setNoDelay(true);
  far.setNoDelay(true);
  await Promise.allSettled([there.carry(near, far), back.carry(far, near)]);
  close(near);
  close(far);
}

function endpoint(text: string): Deno.ConnectOptions {
  const [hostname = "", port = ""] = text.split(":");
  return { hostname, port: Number(port) };
}

function close(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch {
    // Closed already.
  }
}
