/** `revtun encode-frame`. */
import { parseRecord } from "../lib/decode/parse_record.ts";
import type { ParsedRecord } from "../lib/decode/parse_record.ts";
import { DecodeError } from "../lib/errors.ts";
import { openCapture } from "./capture_input.ts";
import { defineCommand, EXIT } from "./command.ts";
import type { Command } from "./command.ts";
import { LineReader } from "./line_reader.ts";

/** Longest line that is read: a frame of the longest payload that decode-frame prints, in hex. */
const MAX_LINE_BYTES = 40 << 20;

export const command: Command = defineCommand({
  name: "encode-frame",
  summary: "Make frames from JSON lines, as decode-frame --json prints them",
  description: "Reads FILE or stdin and writes the frames' bytes to stdout. What decode-frame " +
    "--json --payload --show-credentials prints becomes the bytes that it was.",
  args: { placeholder: "FILE", min: 0, max: 1, areFiles: true },
  options: [
    {
      name: "connection",
      kind: "number",
      placeholder: "NUMBER",
      min: 1,
      description: "Only lines of this connection of a capture",
    },
    {
      name: "direction",
      kind: "string",
      placeholder: "DIRECTION",
      choices: ["agent-to-server", "server-to-agent"],
      description: "Only lines of this direction",
    },
  ],
  examples: [
    { line: "revtun encode-frame < frames.json", description: "one frame a line" },
    {
      line:
        `echo '{"frame":"ConnectionInitResponse","payload":{"status":1}}' | revtun encode-frame`,
      description: "one frame, written by hand",
    },
  ],
  async run(context) {
    const { args, values, stdout, signal } = context;
    const input = await openCapture(args[0], () => context.stdin, { follow: false, signal });
    const lines = new LineReader(MAX_LINE_BYTES);
    const encoder = new Encoder(values.connection, values.direction);
    try {
      for await (const chunk of input.chunks) {
        for (const line of lines.push(chunk)) await stdout.write(encoder.encode(line));
      }
      await stdout.write(encoder.encode(lines.end()));
      encoder.end();
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      const { detail, offset } = error;
      const at = offset > 0 ? `, byte ${offset}` : "";
      await context.stderr.write(`revtun: line ${encoder.lineNumber}${at}: ${detail}\n`);
      return EXIT.failed;
    }
    return EXIT.ok;
  },
});

const NO_BYTES = new Uint8Array(0);

/** Makes bytes of lines; all must be of one direction of one connection, or say nothing of it. */
class Encoder {
  readonly #connection: number | undefined;
  readonly #direction: string | undefined;
  readonly #seen: { connection?: unknown; direction?: unknown } = {};
  #hasFrames = false;
  #hasBytes = false;
  #hasSummary = false;
  lineNumber = 0;

  constructor(connection: number | undefined, direction: string | undefined) {
    this.#connection = connection;
    this.#direction = direction;
  }

  /** @throws {DecodeError} the line can't be made into bytes. */
  encode(line: Uint8Array): Uint8Array {
    this.lineNumber += 1;
    if (line.every((byte) => byte <= 0x20)) return NO_BYTES;
    const record = parseRecord(line);
    if (!this.#isWanted(record) || record.kind === "view") return NO_BYTES;
    if (this.#connection === undefined) this.#checkSame("connection", record.connection);
    if (this.#direction === undefined && record.direction !== "unknown") {
      this.#checkSame("direction", record.direction);
    }
    this.#hasFrames ||= record.kind === "frame";
    this.#hasBytes ||= record.kind === "bytes";
    this.#hasSummary ||= record.kind === "summary";
    return record.bytes;
  }

  /** @throws {DecodeError} something was missing. */
  end(): void {
    if (this.#hasSummary && !this.#hasBytes) {
      throw wrong(
        "the input tells of bytes behind the handshake without holding them, " +
          "decode it with --payload",
      );
    }
    if (!this.#hasFrames && !this.#hasBytes) throw wrong("there is no frame in the input");
  }

  #isWanted({ connection, direction }: ParsedRecord): boolean {
    return (this.#connection ?? connection) === connection &&
      (this.#direction ?? direction) === direction;
  }

  #checkSame(key: "connection" | "direction", value: unknown): void {
    if (value === undefined) return;
    this.#seen[key] ??= value;
    if (this.#seen[key] === value) return;
    const shown = JSON.stringify(value);
    throw wrong(`${key} is ${shown}, lines before have another one: choose with --${key}`);
  }
}

function wrong(detail: string): DecodeError {
  return new DecodeError({ format: "frame JSON", reason: "payload", offset: 0, detail });
}
