/** `revtun decode-frame` and `encode-frame`: formats, exit codes, bad input, live captures. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { freePort } from "../../bench/ports.ts";
import { FRAME_FLAG } from "../../lib/codec/frame.ts";
import { hasProgram, runProgram } from "../programs.ts";
import { TextOutput } from "./run_cli.ts";
import { runCli } from "./run_cli.ts";
import { spawnCli } from "./spawn_cli.ts";

const DATA = new URL("../../testdata/", import.meta.url);
const pathOf = (name: string) => fileURLToPath(new URL(name, DATA));
const bytesOf = (name: string) => Deno.readFile(new URL(name, DATA));
const AGENT_BYTES = "captures/mosn-agent-to-server.bin";
const UNMASKED = ["--json", "--payload", "--show-credentials"];

Deno.test("a capture is read from stdin and from a file, and summed up", async () => {
  const fromFile = await runCli(["decode-frame", pathOf(AGENT_BYTES)]);
  const fromStdin = await runCli(["decode-frame"], { stdin: await bytesOf(AGENT_BYTES) });
  assert.deepEqual(fromStdin, fromFile);
  assert.equal(fromFile.code, 0);
  assert.equal(fromFile.stderr, "");
  const [init, response, summary] = fromFile.stdout.split("\n");
  assert.match(
    init!,
    /^ +0 {2}agent>server {2}ConnectionInitInfo {2}cluster_name=clientCluster {2}w/,
  );
  assert.match(
    response!,
    /^ +119 {2}agent>server {2}HTTP\/1 response {2}start_line="HTTP\/1.1 200 OK"/,
  );
  assert.equal(
    summary,
    "2 frames in 263 bytes (raw): 1 ConnectionInitInfo, 1 HTTP/1 response; all decoded",
  );
});

Deno.test("--json prints lines of JSON and nothing else", async () => {
  const { stdout, code } = await runCli(["decode-frame", "--json", pathOf("pcap/mux.pcap")]);
  assert.equal(code, 0);
  const lines = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.equal(lines.length, 31);
  assert.deepEqual(lines[0], {
    offset: 0,
    direction: "unknown",
    layer: "capture",
    bytes: 0,
    connection: 1,
    time: lines[0].time,
    frame: "connection",
    from: "127.0.0.1:36348",
    to: "127.0.0.1:19001",
  });
  assert.equal(lines[1].payload.credential, "***");
});

Deno.test("encode-frame undoes decode-frame", async () => {
  for (const name of [AGENT_BYTES, "captures/mosn-server-to-agent.bin"]) {
    const decoded = await runCli(["decode-frame", ...UNMASKED, pathOf(name)]);
    const output = new BytesOutput();
    const encoded = await runCli(["encode-frame"], { stdin: decoded.stdout, stdout: output });
    assert.deepEqual([encoded.code, encoded.stderr], [0, ""]);
    assert.deepEqual(output.bytes, await bytesOf(name));
  }
});

Deno.test("encode-frame takes one direction of one connection of a capture", async () => {
  const { stdout } = await runCli(["decode-frame", ...UNMASKED, pathOf("pcap/merged.pcapng")]);
  const all = await runCli(["encode-frame"], { stdin: stdout });
  assert.deepEqual([all.code, all.stderr], [
    1,
    'revtun: line 3: direction is "server-to-agent", lines before have another one: choose with ' +
    "--direction\n",
  ]);
  const output = new BytesOutput();
  const one = await runCli(
    ["encode-frame", "--connection", "2", "--direction", "server-to-agent"],
    { stdin: stdout, stdout: output },
  );
  assert.deepEqual([one.code, one.stderr], [0, ""]);
  const again = await runCli(["decode-frame"], { stdin: output.bytes });
  assert.match(
    again.stdout,
    /4 frames .*: 1 ConnectionInitResponse, 3 HTTP\/1 request; all decoded/,
  );
});

Deno.test("what cannot be decoded is one line with offset and reason, behind all that could", async () => {
  const whole = await bytesOf(AGENT_BYTES);
  const flipped = whole.slice();
  flipped[3] = 0x41;
  const bomb = jsonFrame("[".repeat(5000));
  const cases: [stdin: Uint8Array | string, frames: number, stderr: RegExp][] = [
    ["", 0, /^revtun: Cannot decode capture at byte 0: there is no input$/],
    ["\n", 0, /^revtun: Cannot decode MOSN frame at byte 0: first byte is 0x0a, expected 0x20$/],
    ["no capture at all", 0, /at byte 0: first byte is 0x6e, expected 0x20$/],
    [whole.subarray(0, 7), 0, /MOSN frame at byte 0: the capture ends within it, 1 bytes are/],
    [whole.subarray(0, 100), 0, /MOSN frame at byte 0: the capture ends within it, 19 bytes are/],
    [whole.subarray(0, 250), 2, /HTTP\/1 response at byte 119: the capture ends within its body$/],
    [whole.subarray(0, 150), 1, /HTTP\/1 response at byte 119: the capture ends within its head$/],
    [flipped, 0, /MOSN frame at byte 3: flag is 0x41, expected 0x01 to 0x03 or 0x10 to 0x1f$/],
    [bomb, 0, /ConnectionInitInfo at byte \d+: .*(deep|level)/],
    [jsonFrame("[1]"), 0, /ConnectionInitInfo at byte 8: JSON is a list, expected an object$/],
    [jsonFrame('"x"'), 0, /at byte 8: JSON is a string, expected an object$/],
    [jsonFrame('{"weight":"x"}'), 0, /at byte 8: weight is a string, expected a whole number$/],
    [jsonFrame("{"), 0, /ConnectionInitInfo at byte 9: /],
    [jsonFrame(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d)), 0, /at byte \d+: .*UTF-8/],
    ["00000000: 2088 01zz\n", 0, /hex dump|first byte/],
  ];
  for (const [stdin, frames, stderr] of cases) {
    const result = await runCli(["decode-frame"], { stdin });
    assert.equal(result.code, 1, String(stderr));
    const lines = result.stderr.trimEnd().split("\n");
    assert.equal(lines.length, 1, result.stderr);
    assert.match(lines[0]!, stderr);
    assert.match(result.stdout, new RegExp(`^${frames} frames? in .*; 1 error\n$`, "m"));
  }
});

Deno.test("wrong usage and files that cannot be read are exit code 2", async () => {
  const cases: [argv: string[], stderr: RegExp][] = [
    [["--input", "pdf"], /--input/],
    [["--port", "0"], /--port/],
    [["--nonsense"], /--nonsense/],
    [["a", "b"], /b: unexpected argument/],
    [["/nonexistent/tunnel.pcap"], /there is no such file/],
    [[pathOf("pcap")], /is a directory, expected a capture file/],
    [["--payload"], /--payload: may print credentials: give --show-credentials with it/],
  ];
  for (const [argv, stderr] of cases) {
    const result = await runCli(["decode-frame", ...argv]);
    assert.equal(result.code, 2, argv.join(" "));
    assert.match(result.stderr, stderr);
    assert.equal(result.stdout, "");
  }
});

Deno.test("encode-frame says which line is wrong, and how", async () => {
  const cases: [stdin: string, stderr: RegExp][] = [
    ["", /there is no frame in the input/],
    ["nonsense", /line 1: /],
    ["[1]", /line 1: it is not a JSON object/],
    ['{"frame":"Nonsense"}', /line 1: frame is "Nonsense", expected one of ConnectionInitInfo,/],
    ['\n\n{"layer":"pdf"}', /line 3: layer is "pdf"/],
    [`{"frame":"Drain","payload":${"[".repeat(99)}}`, /line 1, byte \d+: /],
    ['{"frame":"yamux.data","stream":1,"length":5}', /the payload has 0 bytes, decode it with --p/],
    ['{"frame":"ConnectionInitInfo","payload":{"credential":"***"}}', /--show-credentials/],
    ['{"layer":"http1","frame":"HTTP/1 request"}', /decode it with --payload/],
  ];
  for (const [stdin, stderr] of cases) {
    const result = await runCli(["encode-frame"], { stdin });
    assert.equal(result.code, 1, stdin);
    assert.match(result.stderr, stderr);
    assert.equal(result.stderr.trimEnd().split("\n").length, 1);
  }
});

Deno.test("--follow goes on as a file grows, until it is told to stop", async () => {
  const whole = await bytesOf("pcap/mux.pcap");
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, whole.subarray(0, 2000));
    const output = new WatchedOutput();
    const stop = new AbortController();
    const run = runCli(["decode-frame", "--follow", path], { stdout: output, signal: stop.signal });
    await output.printed(/preface {2}stream=1/);
    assert.doesNotMatch(output.text, /go_away/);
    await Deno.writeFile(path, whole.subarray(2000), { append: true });
    await output.printed(/yamux\.go_away/);
    stop.abort();
    const { code, stderr } = await run;
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(
      output.text,
      /30 frames of 1 connection in 5707 bytes \(pcap\): .*; all decoded\n$/,
    );
  } finally {
    await Deno.remove(path);
  }
});

const canCapture = await hasProgram("tcpdump") &&
  (await runProgram("tcpdump", ["-i", "lo", "-L"])).code === 0;

Deno.test({
  name: "a tunnel of our own is decoded live from tcpdump (needs tcpdump)",
  ignore: !canCapture,
  fn: () =>
    captureTunnel("mux", async (output) => {
      await output.printed(/server>agent {2}preface {2}stream=2/);
      await output.printed(/agent>server {2}answer {2}stream=2 {2}status=open/);
    }, /yamux\.data/),
});

Deno.test({
  name: "a raw connection of our own is decoded live from tcpdump (needs tcpdump)",
  ignore: !canCapture,
  fn: () =>
    captureTunnel("raw", async (output) => {
      await output.printed(/HTTP\/1 request {2}start_line="GET \/ HTTP\/1.1"/);
      await output.printed(/HTTP\/1 response {2}start_line="HTTP\/1.1 200 OK".* framing=length/);
    }, /HTTP\/1 response/),
});

/** Starts tcpdump, a server, an agent; asks once; then everything that passed must decode. */
async function captureTunnel(
  mode: "mux" | "raw",
  seen: (output: WatchedOutput) => Promise<void>,
  summed: RegExp,
): Promise<void> {
  const port = freePort();
  const tcpdump = new Deno.Command("tcpdump", {
    // In immediate mode each packet takes a place of the snap length in the kernel's buffer: with
    // their defaults there is room for eight.
    args: [
      ...["-i", "lo", "--immediate-mode", "-s", "8192", "-B", "16384"],
      ...["-U", "-w", "-", "port", String(port)],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = new WatchedOutput();
  let run: ReturnType<typeof runCli> | undefined;
  try {
    // It says so when it listens; what comes before is not in the capture.
    const reader = tcpdump.stderr.getReader();
    let said = "";
    while (!/listening on/.test(said)) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`tcpdump ended: ${said}`);
      said += new TextDecoder().decode(value);
    }
    reader.releaseLock();
    run = runCli(["decode-frame", "--follow"], { stdin: tcpdump.stdout, stdout: output });
    await using server = spawnCli([
      ...["server", "--listen", "http://127.0.0.1:0/edge-a", "--tunnel", `127.0.0.1:${port}`],
    ]);
    const [, client] = await server.printed(/event=frontend\.listening .*\/\/([\d.]+:\d+)/);
    await using agent = spawnCli([
      ...["agent", "--server", `127.0.0.1:${port}`, "--cluster", "edge-a", "--mode", mode],
    ]);
    await server.printed(/event=tunnel\.registered/);
    const response = await fetch(`http://${client}/`, { headers: { connection: "close" } });
    await response.text();
    await seen(output);
    for (const process of [agent, server]) {
      process.kill("SIGTERM");
      assert.equal((await process.status).code, 0, process.stderr);
    }
  } finally {
    tcpdump.kill("SIGINT");
    await tcpdump.stderr.cancel();
    await tcpdump.status;
    const result = await run;
    if (result !== undefined) assert.deepEqual([result.code, result.stderr], [0, ""], output.text);
  }
  assert.match(output.text, summed);
  assert.match(output.text, /frames of \d+ connections? in \d+ bytes \(pcap\): .*; all decoded\n$/);
}

/** A frame with a ConnectionInitInfo whose payload is whatever is given. */
function jsonFrame(payload: string | Uint8Array): Uint8Array {
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  const frame = new Uint8Array(8 + bytes.length);
  frame.set([0x20, 0x88, 1, FRAME_FLAG.initInfo, 1, 0, bytes.length >> 8, bytes.length & 0xff]);
  frame.set(bytes, 8);
  return frame;
}

/** An output of bytes that are no text. */
class BytesOutput extends TextOutput {
  bytes = new Uint8Array(0);

  override write(chunk: string | Uint8Array): Promise<void> {
    const piece = typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk;
    const joined = new Uint8Array(this.bytes.length + piece.length);
    joined.set(this.bytes);
    joined.set(piece, this.bytes.length);
    this.bytes = joined;
    return Promise.resolve();
  }
}

/** An output that says when something was printed. */
class WatchedOutput extends TextOutput {
  readonly #watchers = new Set<() => void>();

  override async write(chunk: string | Uint8Array): Promise<void> {
    await super.write(chunk);
    for (const look of this.#watchers) look();
  }

  printed(pattern: RegExp): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#watchers.delete(look);
        reject(new Error(`${pattern} did not come:\n${this.text}`));
      }, 20_000);
      const look = () => {
        if (!pattern.test(this.text)) return;
        clearTimeout(timer);
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }
}
