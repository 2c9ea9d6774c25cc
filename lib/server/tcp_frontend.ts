/** A frontend that passes bytes: each client gets a stream of its own. */
import type { Address } from "../address.ts";
import type { Duplex } from "../duplex.ts";
import { UpstreamError } from "../upstream.ts";
import type { Upstream, Upstreams } from "../upstream.ts";
import type { Runtime } from "../runtime.ts";
import { splice } from "../splice.ts";

/** How a TCP frontend serves its clients. */
export interface TcpFrontendOptions {
  cluster: string;
  target: string;
  upstreams: Upstreams;
  runtime: Runtime;
  /** How long a client may wait for a host, ms. */
  waitMs: number;
  idleTimeoutMs: number;
}

/** Serves one client until it or the target ends. */
export function serveTcpClient(
  client: Duplex & { readonly remote: Address },
  options: TcpFrontendOptions,
): void {
  const { cluster, target, upstreams, runtime, waitMs, idleTimeoutMs } = options;
  const join = (upstream: Upstream) => {
    // A client that left while it waited has no use for it any more.
    if (client.isClosed) return upstream.release(false);
    splice(client, upstream.duplex, {
      timers: runtime.timers,
      idleTimeoutMs,
      onClose: (error) => {
        upstream.release(false);
        if (error !== undefined) {
          runtime.log.debug("frontend.closed", error.message, { cluster, target });
        }
      },
    });
  };
  const refuse = (error: unknown) => {
    if (!(error instanceof UpstreamError)) throw error;
    runtime.log.debug("frontend.refused", error.message, { cluster, target });
    client.close();
  };
  try {
    const upstream = upstreams.acquire({
      cluster,
      target,
      protocol: "tcp",
      source: client.remote,
      waitMs,
    });
    if (upstream instanceof Promise) upstream.then(join, refuse);
    else join(upstream);
  } catch (error) {
    refuse(error);
  }
}
