/**
 * How fast `revtun decode-frame` reads large captures of a session with frames of 64 KiB, and what
 * memory it takes: the decode-frame section of `npm run bench`.
 */
import { fileURLToPath } from "node:url";
import { encodeMessage } from "../lib/codec/encode_message.ts";
import { encodePreface } from "../lib/codec/preface.ts";
import { FLAG, FRAME_TYPE, HEADER_BYTES, writeHeader } from "../lib/codec/yamux.ts";
import { routeFlags } from "../npm/route.ts";

/** One capture, decoded by the command as a whole. */
export interface DecodeRow {
  readonly name: string;
  readonly what: string;
  readonly mbPerSecond: number;
  /** Peak resident set of the process. */
  readonly peakMb: number;
}

const GOAL_MB_PER_SECOND = 300;
const GOAL_PEAK_MB = 150;
const FILE_BYTES = 1 << 30;
const FRAME_BYTES = 64 << 10;
const SERVER_PORT = 9000;
const AGENT_PORT = 51_000;

/**
 * Writes captures of a gigabyte into `folder`, decodes each, removes them; takes some twenty
 * seconds. `signal` ends what it has started.
 */
export async function measureDecodeFrame(
  folder: string,
  signal: AbortSignal,
): Promise<DecodeRow[]> {
  const rows: DecodeRow[] = [];
  const kinds: [name: string, what: string, write: (path: string) => Promise<void>][] = [
    ["raw", "raw bytes", writeRaw],
    ["pcap-large", "pcap, segments of 64 KB", (path) => writePcap(path, 65_483)],
    ["pcap-small", "pcap, segments of 1448 bytes", (path) => writePcap(path, 1448)],
  ];
  for (const [name, what, write] of kinds) {
    const path = `${folder}/capture`;
    await write(path);
    rows.push({ name, what, ...await decodeFile(path, signal) });
    await Deno.remove(path);
  }
  return rows;
}

/** The rows as lines of text. */
export function formatDecodeFrame(rows: readonly DecodeRow[]): string {
  return rows.map(({ what, mbPerSecond, peakMb }) => {
    const isMissed = mbPerSecond < GOAL_MB_PER_SECOND || peakMb > GOAL_PEAK_MB;
    return `${what.padEnd(30)} ${mbPerSecond.toFixed(0).padStart(5)} MB/s (goal ` +
      `${GOAL_MB_PER_SECOND}), peak RSS ${peakMb.toFixed(0)} MB (goal ${GOAL_PEAK_MB})` +
      `${isMissed ? "   MISSED" : ""}\n`;
  }).join("");
}

async function decodeFile(
  path: string,
  signal: AbortSignal,
): Promise<Pick<DecodeRow, "mbPerSecond" | "peakMb">> {
  const main = fileURLToPath(new URL("../main.ts", import.meta.url));
  const startMs = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", "--no-check", ...routeFlags(), main, "decode-frame", path],
    signal,
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let peakMb = 0;
  // The kernel keeps the peak, until the process is gone.
  const timer = setInterval(() => peakMb = Math.max(peakMb, peakRssMb(child.pid)), 5);
  const { success, stderr } = await child.output();
  const seconds = (performance.now() - startMs) / 1000;
  clearInterval(timer);
  if (!success) throw new Error(`decode-frame failed: ${new TextDecoder().decode(stderr)}`);
  return { mbPerSecond: (await Deno.stat(path)).size / 1e6 / seconds, peakMb };
}

function peakRssMb(pid: number): number {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1000;
  } catch {
    return 0;
  }
}

/** What a server sends: its answer, then one stream of large frames. */
function* serverBytes(): Iterable<Uint8Array> {
  yield encodeMessage({ type: "initResponse", status: 1, hello: { version: 1, mode: "mux" } });
  yield dataFrame(FLAG.syn, encodePreface({ target: "files" }));
  const frame = dataFrame(0, crypto.getRandomValues(new Uint8Array(FRAME_BYTES)));
  for (let count = 0; count < FILE_BYTES; count += frame.length) yield frame;
}

function dataFrame(flags: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + payload.length);
  writeHeader(frame, 0, FRAME_TYPE.data, flags, 2, payload.length);
  frame.set(payload, HEADER_BYTES);
  return frame;
}

async function writeRaw(path: string): Promise<void> {
  using file = await Deno.create(path);
  for (const bytes of serverBytes()) await writeAll(file, bytes);
}

/** A classic capture of Ethernet frames, the receiver acknowledging every second one. */
async function writePcap(path: string, segmentBytes: number): Promise<void> {
  using file = await Deno.create(path);
  const header = new DataView(new ArrayBuffer(24));
  header.setUint32(0, 0xa1b2c3d4);
  header.setUint16(4, 2);
  header.setUint16(6, 4);
  header.setUint32(16, 262_144);
  header.setUint32(20, 1);
  await writeAll(file, new Uint8Array(header.buffer));
  const SYN_ACK = 0x12, ACK = 0x10;
  const none = new Uint8Array(0);
  let sequence = 1;
  let micros = 0;
  await writeAll(file, packet(micros, true, 0, SYN_ACK, none));
  for (const bytes of serverBytes()) {
    for (let at = 0; at < bytes.length; at += segmentBytes) {
      const payload = bytes.subarray(at, at + segmentBytes);
      await writeAll(file, packet(++micros, true, sequence, ACK, payload));
      sequence = (sequence + payload.length) >>> 0;
      if (micros % 2 === 0) await writeAll(file, packet(micros, false, sequence, ACK, none));
    }
  }
}

function packet(
  micros: number,
  isFromServer: boolean,
  sequence: number,
  flags: number,
  payload: Uint8Array,
): Uint8Array {
  const recordAt = 16, ipAt = recordAt + 14, tcpAt = ipAt + 20, payloadAt = tcpAt + 32;
  const bytes = new Uint8Array(payloadAt + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 1_700_000_000 + Math.floor(micros / 1e6));
  view.setUint32(4, micros % 1e6);
  view.setUint32(8, bytes.length - recordAt);
  view.setUint32(12, bytes.length - recordAt);
  view.setUint16(recordAt + 12, 0x0800);
  bytes[ipAt] = 0x45;
  view.setUint16(ipAt + 2, bytes.length - ipAt);
  bytes[ipAt + 9] = 6;
  bytes.set([127, 0, 0, 1, 127, 0, 0, 1], ipAt + 12);
  view.setUint16(tcpAt, isFromServer ? SERVER_PORT : AGENT_PORT);
  view.setUint16(tcpAt + 2, isFromServer ? AGENT_PORT : SERVER_PORT);
  view.setUint32(tcpAt + 4, isFromServer ? sequence : 1);
  view.setUint32(tcpAt + 8, isFromServer ? 1 : sequence);
  bytes[tcpAt + 12] = 8 << 4;
  bytes[tcpAt + 13] = flags;
  bytes.set(payload, payloadAt);
  return bytes;
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(await file.write(rest));
}
