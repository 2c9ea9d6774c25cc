/** What those who watch a server were told last of one of its hosts. */
import type { Host } from "../server/host.ts";
import type { RunningServer } from "../server/server.ts";
import { keyOfHost } from "./host_list.ts";
import { figuresOf, ratesOf } from "./live_changes.ts";
import type { Fields } from "./live_changes.ts";
import { connectionView, HOST_STATE, rounded } from "./server_views.ts";

/**
 * Texts and numbers, each compared with what is so now: of a host that works as ever, nothing is
 * made but its row.
 */
export class ToldHost {
  readonly host: Host;
  /** Its figures, as a {@link Row}: always the same array. */
  readonly row: number[];
  readonly #names: Fields;
  readonly #state: Record<string, unknown> = {};
  #connections: readonly Fields[] = [];
  /** Counts that its next rates are made from, and the rates told last. */
  #counts: Fields = {};
  #rates: Fields = {};

  /** @param n names it in rows @param since wall clock of its coming */
  constructor(host: Host, n: number, since: string) {
    this.host = host;
    this.row = [n];
    this.#names = { n, cluster: host.cluster, name: host.hostName, id: host.id, since };
  }

  /** Takes all of it in for the first time: its rates begin at 0. */
  begin(server: RunningServer, nowMs: number): void {
    this.readConnections();
    this.readState(server, nowMs, true);
    this.readFigures();
    this.count();
    this.#rates = ratesOf(this.#counts, this.#counts, 0);
  }

  /** What lists of hosts are sorted by. */
  get key(): string {
    return keyOfHost(this.host);
  }

  /** Whether `readConnections()` is due. */
  get hasOtherConnections(): boolean {
    const { connections } = this.host;
    return connections.length !== this.#connections.length ||
      connections.some(({ id }, index) => id !== this.#connections[index]!["id"]);
  }

  /** Its connections, as they are told when others come or go. */
  readConnections(): readonly Fields[] {
    const { connections } = this.host;
    this.row.length = 2 + 4 * connections.length;
    return this.#connections = connections.map(connectionView);
  }

  /**
   * Takes in what changes seldom; gives the fields that are others now, if any.
   *
   * @param hasDepartures false spares the asking how often it left, where nobody left
   */
  readState(server: RunningServer, nowMs: number, hasDepartures: boolean): Fields | undefined {
    let changed: Record<string, unknown> | undefined;
    for (const name in HOST_STATE) {
      if (name === "times_left" && !hasDepartures) continue;
      const value = HOST_STATE[name]!(this.host, server, nowMs);
      if (value === this.#state[name]) continue;
      changed ??= {};
      changed[name] = this.#state[name] = value;
    }
    return changed;
  }

  /** Takes in its figures; true if they are others. */
  readFigures(): boolean {
    const { row, host } = this;
    let isNew = put(row, 1, host.requests);
    let at = 2;
    for (const connection of host.connections) {
      isNew = put(row, at, connection.inFlight) || isNew;
      isNew = put(row, at + 1, rounded(connection.rttMs)) || isNew;
      isNew = put(row, at + 2, connection.receivedBytes) || isNew;
      isNew = put(row, at + 3, connection.sentBytes) || isNew;
      at += 4;
    }
    return isNew;
  }

  /** Its rates begin here; with `seconds`, those since the last time end here. */
  count(seconds?: number): void {
    const { row } = this;
    let receivedBytes = 0;
    let sentBytes = 0;
    for (let at = 2; at < row.length; at += 4) {
      receivedBytes += row[at + 2]!;
      sentBytes += row[at + 3]!;
    }
    const now = { requests: row[1], "received_bytes": receivedBytes, "sent_bytes": sentBytes };
    if (seconds !== undefined) this.#rates = ratesOf(this.#counts, now, seconds);
    this.#counts = now;
  }

  /** It as a whole. */
  view(): Fields {
    return {
      ...this.#names,
      ...this.#state,
      ...figuresOf(this.#connections, this.row),
      ...this.#rates,
    };
  }
}

function put(row: number[], at: number, value: number): boolean {
  if (row[at] === value) return false;
  row[at] = value;
  return true;
}
