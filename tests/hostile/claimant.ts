/** Shakes hands with a real server as an agent that may say anything of itself. */
import { FrameDecoder } from "../../lib/codec/frame.ts";
import { decodeMessage } from "../../lib/codec/decode_message.ts";
import { encodeMessage } from "../../lib/codec/encode_message.ts";
import type { AgentHello, InitInfo, InitResponse } from "../../lib/codec/message.ts";

/** What such an agent says; what is left out is as a decent agent of cluster edge-a has it. */
export type ClaimInit = Partial<Omit<InitInfo, "type" | "hello">> & {
  hello?: Partial<AgentHello> | null;
};

/** What became of a handshake. */
export interface Answer {
  /** Undefined where the server closed without an answer. */
  readonly status: number | undefined;
  readonly reason: string | undefined;
  readonly retryAfterMs: number | undefined;
  /** The server closed the connection, or did once it had answered. */
  readonly isClosed: boolean;
}

/** The bytes of a handshake. */
export function handshake(claim: ClaimInit = {}): Uint8Array<ArrayBuffer> {
  const hello = claim.hello === null ? {} : {
    hello: {
      version: 1,
      modes: ["mux" as const],
      agentId: "5f0c8f9e-0000-4000-8000-000000000001",
      connectionId: 1,
      software: "revtun/test",
      ...claim.hello,
    },
  };
  return encodeMessage({
    type: "initInfo",
    clusterName: claim.clusterName ?? "edge-a",
    weight: claim.weight ?? 10,
    hostName: claim.hostName ?? "till-7",
    credentialPolicy: claim.credentialPolicy ?? "",
    credential: claim.credential ?? "",
    ...hello,
  });
}

/** Dials `address` ("ip:port"), claims, and waits for what comes of it; the connection ends with it. */
export async function claim(address: string, init: ClaimInit = {}): Promise<Answer> {
  using conn = await connect(address);
  await conn.write(handshake(init));
  const response = await readResponse(conn);
  let isClosed = response === undefined;
  if (!isClosed && response!.status !== 1) {
    // Whatever is sent to us after a refusal is its end.
    isClosed = await conn.read(new Uint8Array(64)).catch(() => null) === null;
  }
  return {
    status: response?.status,
    reason: response?.hello?.reason,
    retryAfterMs: response?.hello?.retryAfterMs,
    isClosed,
  };
}

/** Registers and stays, deaf to all that the server says; resolves when the server has closed it. */
export async function stay(address: string, init: ClaimInit = {}): Promise<InitResponse> {
  using conn = await connect(address);
  await conn.write(handshake(init));
  const response = await readResponse(conn);
  if (response === undefined) throw new Error("closed without an answer");
  const buffer = new Uint8Array(4096);
  while (await conn.read(buffer).catch(() => null) !== null);
  return response;
}

/** Reads the answer to a handshake; undefined if the connection ends before it is there. */
export async function readResponse(conn: Deno.Conn): Promise<InitResponse | undefined> {
  const decoder = new FrameDecoder();
  const buffer = new Uint8Array(4096);
  for (;;) {
    const count = await conn.read(buffer).catch(() => null);
    if (count === null) return undefined;
    const decoded = decoder.push(buffer.subarray(0, count));
    if (decoded !== undefined) return decodeMessage(decoded.frame) as InitResponse;
  }
}

export async function connect(address: string): Promise<Deno.TcpConn> {
  const { hostname, port } = new URL(`tcp://${address}`);
  return await Deno.connect({ hostname, port: Number(port) });
}
