/** Changes to a file of tickets: one at a time, whole or not at all, readable by its owner only. */
import { ConfigError } from "../errors.ts";
import { readPrivateFile, readPrivateFileIfThere } from "./private_file.ts";
import { replaceFile, withLock } from "./shared_file.ts";
import { isBlank, parseTickets } from "./ticket.ts";
import type { Ticket } from "./ticket.ts";
import { pruneUses } from "./ticket_uses.ts";

/** A file of tickets as it was read. */
export interface TicketFile {
  readonly tickets: Map<string, Ticket>;
  readonly version: string;
}

/** 10,000 tickets have 2 to 3 MB. */
const MAX_FILE_BYTES = 64 << 20;

/** Reads the tickets at `path`. @throws {ConfigError} */
export async function readTicketFile(path: string, source: string): Promise<TicketFile> {
  const { text, version } = await readPrivateFile(path, source, MAX_FILE_BYTES);
  return { tickets: checked(text, path, source), version };
}

/**
 * Adds a line; the file is made if it is not there.
 *
 * @throws {ConfigError} the file cannot be used, or has a ticket of that id.
 */
export async function addTicket(path: string, source: string, line: string): Promise<void> {
  await change(path, source, (text) => {
    const separator = text === "" || text.endsWith("\n") ? "" : "\n";
    return `${text}${separator}${line}\n`;
  });
}

/**
 * Takes tickets out, with what was noted of their use.
 *
 * @throws {ConfigError} the file cannot be used, or lacks one of them: then none is taken out.
 */
export async function revokeTickets(
  path: string,
  source: string,
  ids: readonly string[],
): Promise<void> {
  await change(path, source, (text) => {
    const tickets = checked(text, path, source);
    const lacking = ids.find((id) => !tickets.has(id));
    if (lacking !== undefined) {
      throw new ConfigError(lacking, `there is no ticket of that id in ${path}`);
    }
    return text.split("\n").filter((line) => isBlank(line) || !ids.includes(idIn(line))).join("\n");
  });
  const { tickets } = await readTicketFile(path, source);
  await pruneUses(path, tickets.values());
}

async function change(
  path: string,
  source: string,
  edit: (text: string) => string,
): Promise<void> {
  try {
    await withLock(path, async () => {
      const text = (await readPrivateFileIfThere(path, source, MAX_FILE_BYTES))?.text ?? "";
      const edited = edit(text);
      checked(edited, path, source);
      await replaceFile(path, edited);
    });
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(source, `${path} cannot be changed: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function checked(text: string, path: string, source: string): Map<string, Ticket> {
  try {
    return parseTickets(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ConfigError(source, `${path} ${error.message}`, { cause: error });
  }
}

function idIn(line: string): string {
  return (JSON.parse(line) as { id: string }).id;
}
