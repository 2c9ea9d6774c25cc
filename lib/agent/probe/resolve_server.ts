/** A name's addresses, as a step. */
import { formatAddress } from "../../address.ts";
import type { Address } from "../../address.ts";
import { parseIp } from "../../ip_network.ts";
import type { Runtime } from "../../runtime.ts";
import { runStep } from "../../step.ts";
import type { Step } from "../../step.ts";
import { resolve } from "../../transport/resolve.ts";

/** Finds a server's addresses; without a step where it is given as one. */
export async function resolveServer(
  server: Address,
  timeoutMs: number,
  runtime: Runtime,
): Promise<readonly [Step | undefined, readonly Address[] | undefined]> {
  if (server.kind === "unix" || parseIp(server.host) !== undefined) return [undefined, [server]];
  const { host, port } = server;
  return await runStep<Address[]>({
    name: "resolve",
    subject: formatAddress(server),
    nowMs: runtime.nowMs,
    run: async () => {
      const ips = await resolve(host, runtime.timers, timeoutMs);
      return {
        value: ips.map((ip) => ({ kind: "tcp", host: ip, port })),
        detail: ips.map((ip) => `${ip} (IPv${ip.includes(":") ? 6 : 4})`).join(", "),
        facts: { addresses: ips.map((ip) => ({ ip, family: ip.includes(":") ? "6" : "4" })) },
      };
    },
    explain: () => ({
      advice: "check the name, and this machine's name servers; or give an address instead",
    }),
  });
}
