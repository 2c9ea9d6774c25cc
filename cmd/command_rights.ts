/** What each command may still do once its options are read: nothing unless it stands here. */
import { ALL_RIGHTS } from "./give_up.ts";
import type { Right } from "./give_up.ts";

/** The rights that one command keeps. */
export interface CommandRights {
  /** With these options and arguments. */
  kept(values: Readonly<Record<string, unknown>>, args: readonly string[]): readonly Right[];
  /** The same in words, for docs/security.md. */
  readonly words: string;
}

const NOTHING: CommandRights = { kept: () => [], words: "nothing" };

/** Asks a running server or agent. */
const ADMIN: CommandRights = {
  kept: (values) => clientRights(values),
  words: "connections; files where a token's file or a Unix socket is named",
};

const CAPTURE: CommandRights = {
  kept: (_, [file = "-"]) => file === "-" ? [] : ["read"],
  words: "nothing, or to read files where one is named",
};

/** By the commands' names. */
export const COMMAND_RIGHTS: Readonly<Record<string, CommandRights>> = {
  // They give up more as soon as they have begun.
  server: { kept: () => ALL_RIGHTS, words: "what its settings need, see below" },
  agent: { kept: () => ALL_RIGHTS, words: "what its settings need, see below" },
  demo: {
    kept: ({ listen, tunnel }) => {
      const isUnix = [listen, tunnel].some(isUnixAddress);
      // How many files it may have open stands in one.
      return isUnix ? ["net", "read", "write"] : ["net", "read"];
    },
    words: "connections, to read files",
  },
  config: {
    // Keys of a token's issuer may be at a URL.
    kept: () => ["net", "read", "env", "sys"],
    words: "connections, to read files and variables, the machine's name",
  },
  probe: {
    kept: ({ config }, [server]) => {
      // An agent's whole settings, wherever their servers are.
      if (config !== undefined) return ["net", "read", "write", "env", "sys"];
      return isUnixAddress(server) ? ["net", "read", "write"] : ["net", "read"];
    },
    words: "connections, to read files; with --config as an agent",
  },
  doctor: {
    kept: () => ["net", "read", "write", "env", "sys"],
    words: "connections, files, variables, the machine's name",
  },
  token: {
    kept: (values, [action]) => {
      if (action === "revoke" && values["admin"] !== undefined) {
        const file = values["token-file"] === undefined ? [] : ["write"] as const;
        return [...clientRights(values), "read", ...file];
      }
      return action === "list" ? ["read"] : ["read", "write"];
    },
    words: "files; only to read them for list; connections for revoke --admin",
  },
  status: ADMIN,
  explain: ADMIN,
  top: ADMIN,
  events: ADMIN,
  drain: ADMIN,
  undrain: ADMIN,
  weight: ADMIN,
  "log-level": ADMIN,
  disconnect: ADMIN,
  "decode-frame": CAPTURE,
  "encode-frame": CAPTURE,
  "hash-password": NOTHING,
  service: {
    kept: () => ["read", "write", "env"],
    words: "files, to read variables",
  },
  completion: {
    kept: (values, [what]) => what === "hosts" ? clientRights(values) : [],
    words: "nothing; for hosts what status has",
  },
  help: NOTHING,
  version: NOTHING,
};

function clientRights(values: Readonly<Record<string, unknown>>): Right[] {
  if (isUnixAddress(values["admin"])) return ["net", "read", "write"];
  return values["admin-token-file"] === undefined ? ["net"] : ["net", "read"];
}

function isUnixAddress(text: unknown): boolean {
  return typeof text === "string" && text.startsWith("unix:");
}
