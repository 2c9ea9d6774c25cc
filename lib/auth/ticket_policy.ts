/** The policy `token-file`: a ticket for each agent, that says where it may register and as what. */
import type { Log } from "../log.ts";
import type { TimerWheel } from "../timer.ts";
import { missing, refused, sha256Hex } from "./credential_policy.ts";
import type { Claim, CredentialPolicy, Place, Verdict } from "./credential_policy.ts";
import { FileWatch } from "./file_watch.ts";
import { allowsName } from "./permit.ts";
import type { Permit } from "./permit.ts";
import { isTokenOf, ticketIdOf } from "./ticket.ts";
import type { Ticket } from "./ticket.ts";
import { readTicketFile, revokeTickets } from "./ticket_file.ts";
import { noteUse } from "./ticket_uses.ts";

/** Revoked tickets that are remembered, the latest. */
const MAX_REVOKED = 10_000;

/** What the policy needs. */
export interface TicketPolicyOptions {
  readonly path: string;
  /** The setting that names the file, for errors. */
  readonly source: string;
  readonly log: Log;
  readonly timers: TimerWheel;
  /** ms since 1970; the machine's clock by default. */
  readonly clockMs?: () => number;
}

/** Reads the file and makes the policy. @throws {ConfigError} the file cannot be used. */
export async function openTicketPolicy(options: TicketPolicyOptions): Promise<TicketPolicy> {
  const { tickets, version } = await readTicketFile(options.path, options.source);
  return new TicketPolicy(options, tickets, version);
}

/** Holds the tickets, and follows changes of their file within a second. */
export class TicketPolicy implements CredentialPolicy {
  readonly names = ["token-file", "token"] as const;
  onChange: (() => void) | undefined;
  readonly #options: TicketPolicyOptions;
  readonly #watch: FileWatch;
  #tickets: Map<string, Ticket>;
  /** Agents that were let in by tickets of limited use: they come again without a look at the file. */
  readonly #knownAgents = new Map<string, Set<string>>();
  /** Hashes of tickets that were revoked meanwhile: their agents are told so, and ask no more. */
  readonly #revoked = new Map<string, string>();
  /** Uses are noted one after the other. */
  #noting: Promise<unknown> = Promise.resolve();

  constructor(options: TicketPolicyOptions, tickets: Map<string, Ticket>, version: string) {
    this.#options = options;
    this.#tickets = tickets;
    this.#watch = new FileWatch(options.path, version, options.timers, () => this.#reload());
  }

  /** Tickets in the file. */
  get size(): number {
    return this.#tickets.size;
  }

  /** Of a file that is still empty nobody knows. */
  get isWithoutClusters(): boolean {
    return this.size > 0 && [...this.#tickets.values()].every((ticket) => !ticket.namesClusters);
  }

  decide(claim: Claim): Verdict | Promise<Verdict> {
    const { credential } = claim;
    if (credential === "") return missing("a token");
    const ticket = this.#tickets.get(ticketIdOf(credential) ?? "");
    if (!isTokenOf(ticket, credential) || ticket === undefined) {
      const revoked = this.#revoked.get(sha256Hex(credential));
      return revoked === undefined
        ? refused("wrong", "this server knows no such token")
        : refusedAsRevoked(revoked);
    }
    const verdict = this.#judge(ticket, claim);
    if (!verdict.isAllowed || ticket.uses === Infinity || claim.isProbe) return verdict;
    return this.#use(ticket, claim, verdict);
  }

  review(permit: Permit, place: Place): Verdict {
    const ticket = this.#tickets.get(permit.identity);
    // A ticket that was made anew under the same name has another token.
    if (ticket === undefined || ticket.hash !== (permit as Ticket).hash) {
      return refusedAsRevoked(permit.identity);
    }
    return this.#judge(ticket, place);
  }

  async revoke(identities: readonly string[]): Promise<void> {
    const { path, source } = this.#options;
    await revokeTickets(path, source, identities);
    // Not left to the watch: the answer means that they are out.
    await this.#reload();
  }

  async close(): Promise<void> {
    await this.#watch.close();
  }

  #judge(ticket: Ticket, { clusterName, hostName }: Place): Verdict {
    const { identity } = ticket;
    const nowMs = (this.#options.clockMs ?? Date.now)();
    if (ticket.expiresMs <= nowMs) {
      const since = new Date(ticket.expiresMs).toISOString();
      return refused("expired", `token "${identity}" expired at ${since}`);
    }
    if (!allowsName(ticket.clusters, clusterName)) {
      return refused("cluster", `token "${identity}" is not for cluster "${clusterName}"`);
    }
    if (!allowsName(ticket.hosts, hostName)) {
      return refused("host", `token "${identity}" is not for host name "${hostName}"`);
    }
    return { isAllowed: true, permit: ticket };
  }

  async #use(ticket: Ticket, claim: Claim, verdict: Verdict): Promise<Verdict> {
    const { path, log, clockMs = Date.now } = this.#options;
    // A MOSN agent has no id: each of its connections counts.
    const agentId = claim.agentId === "" ? crypto.randomUUID() : claim.agentId;
    let known = this.#knownAgents.get(ticket.hash);
    if (known?.has(agentId)) return verdict;
    if ((known?.size ?? 0) >= ticket.uses) return usedUp(ticket);
    const noted = this.#noting.then(() => noteUse(path, ticket, agentId, clockMs()));
    this.#noting = noted.catch(() => {});
    try {
      if (!await noted) return usedUp(ticket);
    } catch (error) {
      log.error("token.uses_failed", `Cannot note a token's use: ${(error as Error).message}`, {
        file: path,
      });
      return refused("unavailable", "this server cannot note the token's use now");
    }
    known = this.#knownAgents.get(ticket.hash);
    if (known === undefined) this.#knownAgents.set(ticket.hash, known = new Set());
    known.add(agentId);
    return verdict;
  }

  async #reload(): Promise<void> {
    const { path, source, log } = this.#options;
    try {
      const { tickets } = await readTicketFile(path, source);
      this.#noteRevoked(this.#tickets, tickets);
      this.#tickets = tickets;
      this.#knownAgents.clear();
      log.info("token.reloaded", "The tokens were read anew", { file: path, tokens: tickets.size });
    } catch (error) {
      // Agents that are there stay: a slip of the pen must not cut everybody off.
      const { message } = error as Error;
      log.error("token.reload_failed", `The old tokens stay in force: ${message}`, { file: path });
      return;
    }
    this.onChange?.();
  }

  #noteRevoked(before: ReadonlyMap<string, Ticket>, now: ReadonlyMap<string, Ticket>): void {
    // Whoever puts a line back has changed their mind.
    if (this.#revoked.size > 0) { for (const { hash } of now.values()) this.#revoked.delete(hash); }
    for (const { identity, hash } of before.values()) {
      if (now.get(identity)?.hash !== hash) this.#revoked.set(hash, identity);
    }
    for (const hash of this.#revoked.keys()) {
      if (this.#revoked.size <= MAX_REVOKED) break;
      this.#revoked.delete(hash);
    }
  }
}

function refusedAsRevoked(identity: string): Verdict {
  return refused("revoked", `token "${identity}" was revoked`);
}

function usedUp({ identity, uses }: Ticket): Verdict {
  return refused("usedUp", `token "${identity}" was used by ${uses} agents already`);
}
