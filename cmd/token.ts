/** `revtun token`: the tokens of single agents, in the file that a server reads. */
import { formatTargetName, parseNameRules, parseTargetNames } from "../lib/auth/permit.ts";
import type { NameRules } from "../lib/auth/permit.ts";
import { newTicket } from "../lib/auth/ticket.ts";
import type { Ticket } from "../lib/auth/ticket.ts";
import { addTicket, readTicketFile, revokeTickets } from "../lib/auth/ticket_file.ts";
import { readUses } from "../lib/auth/ticket_uses.ts";
import { ConfigError } from "../lib/errors.ts";
import { NAME_PATTERN } from "../lib/name.ts";
import { ANSWERS } from "./admin_answers.ts";
import { adminClientOf, CLIENT_TOKEN_OPTIONS } from "./admin_client.ts";
import { defineCommand, EXIT } from "./command.ts";
import type { Command, Context } from "./command.ts";
import { parseDuration } from "../lib/duration.ts";
import type { OptionSpec, OptionValues } from "./option.ts";
import { plural } from "../lib/plural.ts";

const OPTIONS = [
  {
    name: "token-file",
    kind: "string",
    placeholder: "FILE",
    description: "File of the tokens, the server's --token-file; new makes it",
  },
  {
    name: "cluster",
    kind: "list",
    placeholder: "NAME",
    description:
      "new: cluster that the agent may register in, edge-* for several; any unless given",
  },
  {
    name: "host-name",
    kind: "list",
    placeholder: "NAME",
    description: "new: host name that the agent may have; any unless given",
  },
  {
    name: "expose",
    kind: "list",
    placeholder: "TARGET",
    description:
      "new: target that clients may reach through it, default for the one without a name; " +
      "any unless given",
  },
  {
    name: "max-weight",
    kind: "number",
    placeholder: "N",
    min: 1,
    max: 10_000,
    description: "new: largest weight that the agent may give itself",
  },
  {
    name: "expires",
    kind: "string",
    placeholder: "TIME",
    description: "new: from now (24h), or a date (2027-01-31T12:00:00Z); never unless given",
  },
  {
    name: "uses",
    kind: "number",
    placeholder: "N",
    min: 1,
    description: "new: agents that may come with it, each start of one counts; any unless given",
  },
  {
    name: "note",
    kind: "string",
    placeholder: "TEXT",
    description: "new: what list shows beside it",
  },
  { name: "json", kind: "boolean", description: "list: print a JSON object for each" },
  {
    name: "admin",
    kind: "string",
    placeholder: "ADDRESS",
    description: "revoke: ask the server with this admin endpoint, in place of --token-file",
    group: "Admin",
  },
  ...CLIENT_TOKEN_OPTIONS,
] as const satisfies readonly OptionSpec[];

type TokenContext = Context<OptionValues<typeof OPTIONS>>;

export const command: Command = defineCommand({
  name: "token",
  summary: "Make, list and revoke the tokens of single agents",
  description: "new prints a token, which stands nowhere else: the file holds its hash. A server " +
    "started with --credential token-file follows changes of the file within a second: revoke " +
    "closes the agent's connections too.",
  usage: "revtun token new ID | list | revoke ID... --token-file FILE [options]\n" +
    "       revtun token revoke ID... --admin ADDRESS",
  args: {
    placeholder: "new|list|revoke",
    min: 1,
    max: 1000,
    choices: ["new", "list", "revoke"],
  },
  options: OPTIONS,
  examples: [
    {
      line: "revtun token new till-7 --token-file tokens --cluster edge-a --host-name till-7",
      description: "a token for one agent, in one place",
    },
    { line: "revtun token revoke till-7 --token-file tokens", description: "and it is out" },
    {
      line: "revtun token revoke till-7 --admin 127.0.0.1:9901",
      description: "the same from where the file is not",
    },
  ],
  async run(context) {
    const [action = "", ...ids] = context.args;
    const admin = action === "revoke" ? adminOf(context) : undefined;
    if (admin !== undefined) return await askToRevoke(context, admin, ids);
    const path = context.values["token-file"];
    if (path === undefined) {
      throw new ConfigError("--token-file", "missing, name the file of the tokens");
    }
    const source = context.sourceOf("token-file");
    switch (action) {
      case "new":
        return await makeToken(context, path, source, ids);
      case "list":
        return await listTokens(context, path, source, ids);
      case "revoke":
        return await revokeTokens(context, path, source, ids);
      default:
        throw new ConfigError(action, "is none of new, list, revoke");
    }
  },
});

async function makeToken(
  { values, sourceOf, stdout }: TokenContext,
  path: string,
  source: string,
  ids: readonly string[],
): Promise<number> {
  const [id, ...more] = ids;
  if (id === undefined || more.length > 0) {
    throw new ConfigError(
      "ID",
      "expected one name for the new token, e.g. revtun token new till-7",
    );
  }
  if (!NAME_PATTERN.test(id)) {
    throw new ConfigError(id, 'is no name for a token, use letters, digits, ".", "_" and "-"');
  }
  const nowMs = Date.now();
  const list = (option: "cluster" | "host-name" | "expose", parse: (n: NameRules) => unknown) =>
    readList(values[option], sourceOf(option), parse);
  const clusters = list("cluster", parseNameRules);
  const hosts = list("host-name", parseNameRules);
  const targets = list("expose", parseTargetNames);
  const expiresMs = values.expires === undefined
    ? undefined
    : readExpiry(values.expires, sourceOf("expires"), nowMs);
  const { line, token } = newTicket({
    id,
    ...(clusters !== undefined && { clusters }),
    ...(hosts !== undefined && { hosts }),
    ...(targets !== undefined && { targets }),
    ...(values["max-weight"] !== undefined && { maxWeight: values["max-weight"] }),
    ...(values.uses !== undefined && { uses: values.uses }),
    ...(expiresMs !== undefined && { expiresMs }),
    ...(values.note !== undefined && { note: values.note }),
  }, nowMs);
  await addTicket(path, source, line);
  await stdout.write(`${token.reveal()}\n`);
  return EXIT.ok;
}

async function listTokens(
  { values, stdout }: TokenContext,
  path: string,
  source: string,
  surplus: readonly string[],
): Promise<number> {
  if (surplus.length > 0) throw new ConfigError(surplus[0]!, "list takes no names");
  const { tickets } = await readTicketFile(path, source);
  const uses = await readUses(path);
  const rows = [...tickets.values()].map((ticket) =>
    rowOf(ticket, uses.get(ticket.hash)?.size ?? 0)
  );
  if (values.json) {
    for (const row of rows) await stdout.write(`${JSON.stringify(row)}\n`);
    return EXIT.ok;
  }
  const header = ["ID", "CLUSTERS", "HOSTS", "TARGETS", "WEIGHT", "USES", "EXPIRES", "NOTE"];
  const cells = rows.map((row) => [
    row.id,
    row.clusters?.join(",") ?? "any",
    row.hosts?.join(",") ?? "any",
    row.targets?.join(",") ?? "any",
    String(row["max_weight"]),
    row.uses === null ? String(row.used || "-") : `${row.used}/${row.uses}`,
    row.expires === null ? "never" : `${row.expires}${row.expired ? " (over)" : ""}`,
    row.note ?? "",
  ]);
  await stdout.write(columns([header, ...cells]));
  return EXIT.ok;
}

async function revokeTokens(
  { stdout }: TokenContext,
  path: string,
  source: string,
  ids: readonly string[],
): Promise<number> {
  checkIds(ids);
  await revokeTickets(path, source, ids);
  for (const id of ids) await stdout.write(`revoked ${id}\n`);
  return EXIT.ok;
}

/** Has a running server do it, which closes the agents' connections at once. */
async function askToRevoke(
  { values, sourceOf, signal, stdout }: TokenContext,
  admin: string,
  ids: readonly string[],
): Promise<number> {
  checkIds(ids);
  using client = await adminClientOf({ values: { ...values, admin }, sourceOf, signal });
  for (const id of ids) {
    const path = `/api/v1/tokens/${encodeURIComponent(id)}/revoke`;
    const answer = await client.post(path, {}, ANSWERS.closed);
    await stdout.write(
      `revoked ${id}: ${plural(answer.closed_connections, "connection")} closed\n`,
    );
  }
  return EXIT.ok;
}

/** The endpoint to ask, undefined to change the file here. @throws {ConfigError} both are told. */
function adminOf({ values, sourceOf }: TokenContext): string | undefined {
  const { admin, "token-file": file } = values;
  if (admin === undefined || file === undefined) return admin;
  // A variable is there for all commands: what this one was told goes before.
  const isFlag = (option: string) => sourceOf(option).startsWith("--");
  if (!isFlag("admin")) return undefined;
  if (!isFlag("token-file")) return admin;
  throw new ConfigError("--admin", "the server has its own file: leave --token-file out");
}

function checkIds(ids: readonly string[]): void {
  if (ids.length === 0) throw new ConfigError("ID", "name the tokens to revoke");
}

function rowOf(ticket: Ticket, used: number) {
  const { identity, clusters, hosts, targets, maxWeight, uses, expiresMs, note } = ticket;
  return {
    id: identity,
    clusters: clusters ?? null,
    hosts: hosts ?? null,
    targets: targets === undefined ? null : [...new Set([...targets].map(formatTargetName))],
    "max_weight": maxWeight,
    uses: uses === Infinity ? null : uses,
    used,
    expires: expiresMs === Infinity ? null : new Date(expiresMs).toISOString(),
    expired: expiresMs <= Date.now(),
    note: note ?? null,
  };
}

function readList(
  names: readonly string[],
  source: string,
  parse: (names: readonly string[]) => unknown,
): readonly string[] | undefined {
  if (names.length === 0) return undefined;
  try {
    parse(names);
  } catch (error) {
    throw new ConfigError(source, (error as Error).message, { cause: error });
  }
  return names;
}

function readExpiry(text: string, source: string, nowMs: number): number {
  const isDate = /^\d{4}-/.test(text);
  let ms: number;
  try {
    ms = isDate ? Date.parse(text) : nowMs + parseDuration(text);
  } catch (error) {
    throw new ConfigError(source, (error as Error).message, { cause: error });
  }
  if (Number.isNaN(ms)) throw new ConfigError(source, `"${text}" is no date`);
  if (ms <= nowMs) throw new ConfigError(source, `${new Date(ms).toISOString()} is over already`);
  return ms;
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  return rows.map((row) =>
    `${row.map((cell, at) => cell.padEnd(widths[at]!)).join("  ").trimEnd()}\n`
  ).join("");
}
