/**
 * Enrolment tickets and the file that lists them: one JSON object a line, `#` before comments.
 * The file holds no secret, only hashes of them.
 */
import { Buffer } from "node:buffer";
import { NAME_PATTERN } from "../name.ts";
import { Secret } from "../secret.ts";
import { sha256Hex } from "./credential_policy.ts";
import { MAX_WEIGHT, parseNameRules, parseTargetNames } from "./permit.ts";
import type { NameRules, Permit } from "./permit.ts";

/** One entry of the file. */
export interface Ticket extends Permit {
  /** Its name: in the file, in the token and in logs. */
  readonly identity: string;
  /** SHA-256 of the token, hexadecimal. */
  readonly hash: string;
  readonly clusters: NameRules | undefined;
  readonly hosts: NameRules | undefined;
  /** Agents' processes that may come with it; Infinity for any number. */
  readonly uses: number;
  readonly note: string | undefined;
}

/** What a new ticket allows; what is left out is not limited. */
export interface TicketInit {
  readonly id: string;
  readonly clusters?: readonly string[];
  readonly hosts?: readonly string[];
  readonly targets?: readonly string[];
  readonly maxWeight?: number;
  readonly uses?: number;
  readonly expiresMs?: number;
  readonly note?: string;
}

const TOKEN_PREFIX = "rvt";
const SECRET_BYTES = 32;
const HASH_PATTERN = /^sha256:[0-9a-f]{64}$/;
/** Compared with where there is no such ticket, so that both take the same time. */
const NO_HASH = "0".repeat(64);
/** Limits repeat in a file of thousands: one list serves all that are the same. */
type Shared = Map<string, NameRules | ReadonlySet<string>>;

/** The id that a token names, or undefined if it is none of ours. */
export function ticketIdOf(token: string): string | undefined {
  const [prefix, ...rest] = token.split(".");
  const id = rest.slice(0, -1).join(".");
  return prefix === TOKEN_PREFIX && NAME_PATTERN.test(id) ? id : undefined;
}

/** True if `token` is the ticket's; takes the same time for any other, and without a ticket. */
export function isTokenOf(ticket: Ticket | undefined, token: string): boolean {
  return isSameHash(sha256Hex(token), ticket?.hash ?? NO_HASH) && ticket !== undefined;
}

/** Compares all of it, whatever differs first: two buffers would cost more than the hash itself. */
function isSameHash(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  for (let i = 0; i < one.length; i++) difference |= one.charCodeAt(i) ^ other.charCodeAt(i);
  return difference === 0;
}

/** Makes a ticket: its line for the file, and the token, which stands nowhere else. */
export function newTicket(init: TicketInit, nowMs: number): { line: string; token: Secret } {
  const secret = Buffer.from(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)));
  const token = `${TOKEN_PREFIX}.${init.id}.${secret.toString("base64url")}`;
  const line = JSON.stringify({
    id: init.id,
    hash: `sha256:${sha256Hex(token)}`,
    clusters: init.clusters,
    hosts: init.hosts,
    targets: init.targets,
    "max_weight": init.maxWeight,
    uses: init.uses,
    expires: init.expiresMs === undefined ? undefined : new Date(init.expiresMs).toISOString(),
    created: new Date(nowMs).toISOString(),
    note: init.note,
  });
  return { line, token: new Secret(token) };
}

/**
 * Reads a file of tickets, by id.
 *
 * @throws {RangeError} naming the line that is wrong; a key that is not known is an error too, since
 * a limit that is misspelt would be no limit.
 */
export function parseTickets(text: string): Map<string, Ticket> {
  const tickets = new Map<string, Ticket>();
  const shared: Shared = new Map();
  let number = 0;
  for (const line of text.split("\n")) {
    number += 1;
    if (isBlank(line)) continue;
    try {
      const ticket = parseTicket(line, shared);
      if (tickets.has(ticket.identity)) {
        throw new RangeError(`id "${ticket.identity}" is there already`);
      }
      tickets.set(ticket.identity, ticket);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new RangeError(`line ${number}: ${error.message}`);
    }
  }
  return tickets;
}

/** True for lines that hold no ticket. */
export function isBlank(line: string): boolean {
  return /^\s*(?:#|$)/.test(line);
}

/** Reads one line. @throws {RangeError} */
export function parseTicket(line: string, shared: Shared = new Map()): Ticket {
  const fields = parseObject(line);
  const { id, hash, created, note, expires, uses, max_weight: maxWeight } = fields;
  if (typeof id !== "string" || !NAME_PATTERN.test(id)) {
    throw new RangeError(`id is ${quote(id)}, expected letters, digits, ".", "_" and "-"`);
  }
  if (typeof hash !== "string" || !HASH_PATTERN.test(hash)) {
    throw new RangeError(`hash of "${id}" is not "sha256:" and 64 hexadecimal digits`);
  }
  for (const [key, value] of Object.entries({ created, note })) {
    if (value !== undefined && typeof value !== "string") {
      throw new RangeError(`${key} of "${id}" is ${quote(value)}, expected a text`);
    }
  }
  const rules = (key: string) =>
    sharedList(fields[key], `${key} of "${id}"`, shared, parseNameRules);
  const clusters = rules("clusters");
  return {
    identity: id,
    isPersonal: true,
    hash: hash.slice("sha256:".length),
    clusters,
    namesClusters: clusters !== undefined,
    hosts: rules("hosts"),
    targets: sharedList(fields.targets, `targets of "${id}"`, shared, parseTargetNames),
    maxWeight: readCount(maxWeight, `max_weight of "${id}"`, MAX_WEIGHT) ?? MAX_WEIGHT,
    uses: readCount(uses, `uses of "${id}"`, Number.MAX_SAFE_INTEGER) ?? Infinity,
    expiresMs: readTime(expires, `expires of "${id}"`),
    note: note as string | undefined,
  };
}

const KEYS: readonly string[] = [
  ...["id", "hash", "clusters", "hosts", "targets", "max_weight", "uses", "expires", "created"],
  "note",
];

function parseObject(line: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    // The parser's message would repeat the line, which may hold a hash.
    throw new RangeError("it is not a JSON object on one line");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new RangeError("it is not a JSON object");
  }
  const unknown = Object.keys(value).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) {
    throw new RangeError(`"${unknown}" is unknown, expected ${KEYS.join(", ")}`);
  }
  return value as Record<string, unknown>;
}

function sharedList<T extends NameRules | ReadonlySet<string>>(
  value: unknown,
  what: string,
  shared: Shared,
  parse: (names: readonly string[]) => T,
): T | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.some((name) => typeof name !== "string")) {
    throw new RangeError(`${what} is ${quote(value)}, expected a list of names`);
  }
  const key = `${parse.name} ${value.join(" ")}`;
  let list = shared.get(key) as T | undefined;
  if (list !== undefined) return list;
  try {
    list = parse(value);
  } catch (error) {
    throw new RangeError(`${what}: ${(error as Error).message}`);
  }
  // A ticket for one host has lists of its own: remembering those would cost what it saves.
  if (shared.size < 1000) shared.set(key, list);
  return list;
}

function readCount(value: unknown, what: string, max: number): number | undefined {
  if (value === undefined) return undefined;
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= max) {
    return value as number;
  }
  throw new RangeError(`${what} is ${quote(value)}, expected a number from 1 to ${max}`);
}

function readTime(value: unknown, what: string): number {
  if (value === undefined) return Infinity;
  // Only a whole time with its zone: a bare date would end at another hour on each machine.
  const isWhole = typeof value === "string" &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(value);
  const ms = isWhole ? Date.parse(value) : NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new RangeError(`${what} is ${quote(value)}, expected a time as 2027-01-31T12:00:00Z`);
}

function quote(value: unknown): string {
  return value === undefined ? "missing" : JSON.stringify(value).slice(0, 100);
}
