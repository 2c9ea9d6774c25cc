/** `revtun hash-password`. */
import { DEFAULT_ROUNDS, hashPassword } from "../lib/auth/password_hash.ts";
import { ConfigError } from "../lib/errors.ts";
import { defineCommand, EXIT } from "./command.ts";
import type { Command } from "./command.ts";

/** Longest password that makes sense; a file given by mistake is longer. */
const MAX_BYTES = 1024;

export const command: Command = defineCommand({
  name: "hash-password",
  summary: "Make a line for a file of users, of a password on stdin",
  description: "Reads a password from stdin, up to the end of its line, and prints NAME:HASH for " +
    "the file that a frontend's users=FILE names. The hash is PBKDF2 with SHA-256.",
  args: { placeholder: "NAME", min: 1, max: 1 },
  options: [
    {
      name: "rounds",
      kind: "number",
      placeholder: "N",
      default: String(DEFAULT_ROUNDS),
      min: 1000,
      max: 10_000_000,
      description: "How often it is hashed: what each guess costs",
    },
  ],
  examples: [
    {
      line: "revtun hash-password alice < password.txt >> users",
      description: "one more user",
    },
  ],
  async run({ args, values, stdin, stdout }) {
    const [name = ""] = args;
    if (!/^[^:#\p{Cc}][^:\p{Cc}]*$/u.test(name)) {
      throw new ConfigError("NAME", `"${name}" cannot be a user: no colon, no control character`);
    }
    const password = await readLine(stdin);
    if (password === "") throw new ConfigError("stdin", "has no password");
    await stdout.write(`${name}:${await hashPassword(password, values.rounds)}\n`);
    return EXIT.ok;
  },
});

async function readLine(stdin: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for await (const chunk of stdin) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_BYTES) {
      throw new ConfigError("stdin", `has more than ${MAX_BYTES} bytes, which is no password`);
    }
  }
  return (text + decoder.decode()).replace(/\r?\n$/, "");
}
