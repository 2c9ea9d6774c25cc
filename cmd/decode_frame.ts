/** `revtun decode-frame`. */
import { CaptureDecoder } from "../lib/decode/capture_decoder.ts";
import { INPUT_FORMATS } from "../lib/decode/capture_input.ts";
import { CaptureSummary } from "../lib/decode/capture_summary.ts";
import { formatRecord, formatRecordAsJson } from "../lib/decode/format_record.ts";
import { ConfigError } from "../lib/errors.ts";
import { ByteProgress } from "../lib/progress.ts";
import { openCapture } from "./capture_input.ts";
import { defineCommand, EXIT } from "./command.ts";
import type { Command } from "./command.ts";

/** What was printed leaves when this much has gathered, and whenever the input pauses. */
const WRITE_CHARS = 64 << 10;
/** Decoded at once: small frames become many times their size as lines. */
const PIECE_BYTES = 64 << 10;

export const command: Command = defineCommand({
  name: "decode-frame",
  summary: "Print what went over a tunnel connection, from a capture",
  description:
    "Reads FILE or stdin: the bytes of one direction of one connection, a hex dump, or a pcap or " +
    "pcapng file. Prints one line a frame, then a summary. Exit code 1 if something could not be " +
    "decoded, after all that could.",
  args: { placeholder: "FILE", min: 0, max: 1, areFiles: true },
  options: [
    {
      name: "input",
      kind: "string",
      placeholder: "FORMAT",
      choices: INPUT_FORMATS,
      default: "auto",
      description: "What the capture is",
    },
    {
      name: "port",
      kind: "number",
      placeholder: "PORT",
      min: 1,
      max: 65_535,
      description: "The server's port: only TCP connections with it, also such without handshake",
    },
    {
      name: "json",
      kind: "boolean",
      description: "One JSON object a line, see docs/decode-frame.md",
    },
    {
      name: "payload",
      kind: "boolean",
      description: "Payloads too, as they are: encode-frame makes the same bytes of them again",
    },
    {
      name: "follow",
      kind: "boolean",
      description: "Print at once what comes, and go on at the end of FILE as it grows",
    },
    {
      name: "show-credentials",
      kind: "boolean",
      description: "Print credentials, which are masked otherwise",
    },
  ],
  examples: [
    { line: "revtun decode-frame < capture.bin", description: "one direction's bytes" },
    { line: "revtun decode-frame --json tunnel.pcap", description: "a capture of tcpdump" },
    {
      line: "tcpdump -i lo -U -w - port 9000 | revtun decode-frame --follow",
      description: "live",
    },
  ],
  async run(context) {
    const { values, args, stdout, stderr, signal } = context;
    if (values.payload && !values["show-credentials"]) {
      throw new ConfigError("--payload", "may print credentials: give --show-credentials with it");
    }
    const input = await openCapture(args[0], () => context.stdin, {
      follow: values.follow,
      signal,
    });
    const progress = new ByteProgress(stderr, "decoding", input.totalBytes);
    const summary = new CaptureSummary();
    const format = values.json ? formatRecordAsJson : formatRecord;
    let lines = "";
    let errors = "";
    const decoder = new CaptureDecoder({
      input: values.input,
      isCredentialShown: values["show-credentials"],
      isPayloadKept: values.payload,
      ...(values.port === undefined ? {} : { port: values.port }),
    }, {
      record: (record) => {
        summary.add(record);
        lines += format(record) + "\n";
      },
      error: (error, connection) => {
        // Stopped by hand, a capture ends where it does.
        if (signal.aborted && error.reason === "truncated") return;
        summary.addError();
        const where = connection === undefined ? "" : `#${connection}: `;
        errors += `revtun: ${where}${error.message}\n`;
      },
    });
    const print = async () => {
      if (lines === "" && errors === "") return;
      await progress.clear();
      const [ready, failures] = [lines, errors];
      lines = errors = "";
      if (ready !== "") await stdout.write(ready);
      if (failures !== "") await stderr.write(failures);
    };

    for await (const chunk of input.chunks) {
      for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
        decoder.push(chunk.subarray(at, at + PIECE_BYTES));
        if (values.follow || lines.length >= WRITE_CHARS || errors !== "") await print();
      }
      await progress.advance(chunk.length);
    }
    decoder.end();
    await print();
    await progress.clear();
    if (!values.json) {
      await stdout.write(`${summary.toString(decoder.format, decoder.inputBytes)}\n`);
    }
    return summary.errors === 0 ? EXIT.ok : EXIT.failed;
  },
});
