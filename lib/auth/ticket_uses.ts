/**
 * How often tickets were used: a file beside theirs that only grows, a line for each agent, so that
 * servers which share it need no database and a restart forgets nothing.
 */
import { sha256Hex } from "./credential_policy.ts";
import type { Ticket } from "./ticket.ts";
import { replaceFile, withLock } from "./shared_file.ts";

/** Agents that came with each ticket, by the ticket's hash: one made anew starts from 0. */
export type Uses = Map<string, Set<string>>;

/** Reads what was noted for the tickets at `path`; nothing if there is no such file. */
export async function readUses(path: string): Promise<Uses> {
  const uses: Uses = new Map();
  for (const line of await readLines(path)) {
    const [hash, agent] = line.split(" ");
    if (hash === undefined || agent === undefined) continue;
    const agents = uses.get(hash);
    if (agents === undefined) uses.set(hash, new Set([agent]));
    else agents.add(agent);
  }
  return uses;
}

/**
 * Notes that an agent came with a ticket, unless others have used it up; an agent that came before
 * comes again for nothing. True if it may come.
 */
export async function noteUse(
  path: string,
  ticket: Ticket,
  agentId: string,
  nowMs: number,
): Promise<boolean> {
  return await withLock(usesPathOf(path), async () => {
    // Another server may have noted some since we looked.
    const agents = (await readUses(path)).get(ticket.hash);
    // What an agent calls itself may be anything, also lines of this file.
    const agent = sha256Hex(agentId).slice(0, 32);
    if (agents?.has(agent)) return true;
    if ((agents?.size ?? 0) >= ticket.uses) return false;
    const line = `${ticket.hash} ${agent} ${new Date(nowMs).toISOString()} ${ticket.identity}\n`;
    await Deno.writeTextFile(usesPathOf(path), line, { append: true, create: true, mode: 0o600 });
    return true;
  });
}

/** Forgets the uses of tickets that are no more. */
export async function pruneUses(path: string, tickets: Iterable<Ticket>): Promise<void> {
  const hashes = new Set([...tickets].map(({ hash }) => hash));
  if ((await readLines(path)).length === 0) return;
  await withLock(usesPathOf(path), async () => {
    const lines = await readLines(path);
    const kept = lines.filter((line) => hashes.has(line.split(" ", 1)[0]!));
    if (kept.length < lines.length) await replaceFile(usesPathOf(path), toText(kept));
  });
}

function usesPathOf(path: string): string {
  return `${path}.uses`;
}

async function readLines(path: string): Promise<string[]> {
  try {
    const text = await Deno.readTextFile(usesPathOf(path));
    return text.split("\n").filter((line) => line !== "");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function toText(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}
