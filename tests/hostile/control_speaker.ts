/** An agent that says by hand what it likes on its control stream, to a real server. */
import assert from "node:assert/strict";
import { FrameDecoder } from "../../lib/codec/frame.ts";
import { decodeMessage } from "../../lib/codec/decode_message.ts";
import { encodeMessage } from "../../lib/codec/encode_message.ts";
import type { KnownMessage, Message } from "../../lib/codec/message.ts";
import { AnswerDecoder, encodePreface } from "../../lib/codec/preface.ts";
import { silentLog } from "../../lib/log.ts";
import { MemoryBudget } from "../../lib/mux/memory_budget.ts";
import { Session } from "../../lib/mux/session.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { SocketDuplex } from "../../lib/transport/socket.ts";
import { connect, handshake, readResponse } from "./claimant.ts";
import type { ClaimInit } from "./claimant.ts";

export interface ControlSpeaker extends AsyncDisposable {
  say(message: KnownMessage): void;
  /** Resolves with the next message of that type; undefined if the session ends before one came. */
  hear(type: Message["type"]): Promise<Message | undefined>;
}

/** Registers at `tunnel` ("ip:port") and opens its control stream. */
export async function controlSpeaker(tunnel: string, init: ClaimInit): Promise<ControlSpeaker> {
  const runtime = createRuntime(silentLog);
  const conn = await connect(tunnel);
  await conn.write(handshake(init));
  assert.equal((await readResponse(conn))?.status, 1);
  const { promise: isOver, resolve } = Promise.withResolvers<void>();
  const session = new Session(new SocketDuplex(conn, runtime.pool), {
    ...{ role: "dialler", name: "speaker", runtime, budget: new MemoryBudget() },
    onStream: (stream) => stream.close(),
    onClose: () => resolve(),
  });
  const heard: Message[] = [];
  let listener: (() => void) | undefined;
  const answer = new AnswerDecoder();
  const frames = new FrameDecoder();
  let isAnswered = false;
  const stream = session.open(encodePreface({ kind: "control" }));
  stream.attach({
    onData(bytes) {
      let rest = bytes;
      if (!isAnswered) {
        const found = answer.push(rest);
        if (found === undefined) return;
        isAnswered = true;
        rest = found.rest;
      }
      for (let found = frames.push(rest); found !== undefined; found = frames.push(rest)) {
        heard.push(decodeMessage(found.frame));
        rest = found.rest;
      }
      listener?.();
    },
    onEnd() {},
    onDrain() {},
    onClose: () => listener?.(),
  });
  return {
    say: (message) => void stream.write(encodeMessage(message)),
    async hear(type) {
      for (;;) {
        const index = heard.findIndex((message) => message.type === type);
        if (index !== -1) return heard.splice(index, 1)[0];
        if (stream.isClosed) return undefined;
        await new Promise<void>((resolve) => listener = resolve);
      }
    },
    [Symbol.asyncDispose]: async () => {
      session.close();
      await isOver;
      runtime.timers.close();
    },
  };
}
