/** Says what came of the frontends that servers were asked for, each news once. */
import { formatAddress } from "../address.ts";
import type { Address } from "../address.ts";
import type { ExposeRequest, ExposeResult } from "../codec/message.ts";
import type { Log } from "../log.ts";

/** Each connection to a server asks, and is answered: most answers are no news. */
export class ExposeLog {
  readonly #requests: () => readonly ExposeRequest[];
  readonly #log: Log;
  /** What was said last, by server and url. */
  readonly #said = new Map<string, string>();

  /** @param requests what is asked for now. */
  constructor(requests: () => readonly ExposeRequest[], log: Log) {
    this.#requests = requests;
    this.#log = log;
  }

  report(results: readonly ExposeResult[], server: Address): void {
    for (const { url, address, reason } of results) {
      const target = this.#requests().find((request) => request.url === url)?.target;
      // What nobody asked for says nothing, and must not pile up.
      if (target === undefined) continue;
      const key = `${formatAddress(server)} ${url}`;
      const news = reason ?? address ?? "";
      if (this.#said.get(key) === news) continue;
      this.#said.set(key, news);
      const fields = {
        server: formatAddress(server),
        frontend: url,
        target: target === "" ? "default" : target,
      };
      if (reason === undefined) {
        this.#log.info("frontend.exposed", "Clients reach a target by a frontend of its own", {
          ...fields,
          address,
        });
      } else {
        this.#log.error("frontend.refused", `The server opens no such frontend: ${reason}`, fields);
      }
    }
  }
}
