/** A tunnel server of revtun's kind, as far as an agent's tests need one. */
import { FrameDecoder } from "../../lib/codec/frame.ts";
import { decodeMessage } from "../../lib/codec/decode_message.ts";
import { encodeMessage } from "../../lib/codec/encode_message.ts";
import type { InitInfo, InitResponse, Message, ServerHello } from "../../lib/codec/message.ts";
import { AnswerDecoder, encodePreface, PrefaceDecoder } from "../../lib/codec/preface.ts";
import type { Answer, Preface } from "../../lib/codec/preface.ts";
import type { Duplex, Sink } from "../../lib/duplex.ts";
import { MemoryBudget } from "../../lib/mux/memory_budget.ts";
import { Session } from "../../lib/mux/session.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { Connection } from "../../lib/transport/connection.ts";
import { Backend, Reader, until } from "./support.ts";

/** An agent's connection, as the server has it. */
export class FakeHost {
  readonly info: InitInfo;
  readonly socket: Connection;
  readonly session: Session;
  /** What came on the control stream. */
  readonly messages: Message[] = [];
  control: Duplex | undefined;
  isClosed = false;

  constructor(server: FakeServer, socket: Connection, info: InitInfo, runtime: Runtime) {
    this.info = info;
    this.socket = socket;
    this.session = new Session(socket, {
      role: "listener",
      name: "fake",
      runtime,
      budget: server.budget,
      onStream: (stream) => this.#accept(stream),
      onClose: () => this.isClosed = true,
    });
  }

  /** Opens a stream and sends `text` at once, as servers do; waits for the answer. */
  async open(preface: Preface, text = ""): Promise<FakeStream> {
    const stream = this.start(preface, text);
    await until("answer", () => stream.answer !== undefined || stream.reader.isClosed);
    return stream;
  }

  start(preface: Preface, text = ""): FakeStream {
    const stream = this.session.open(encodePreface(preface));
    if (text !== "") stream.write(new TextEncoder().encode(text));
    return new FakeStream(stream);
  }

  send(message: Parameters<typeof encodeMessage>[0]): void {
    this.control!.write(encodeMessage(message));
  }

  #accept(stream: Duplex): void {
    const preface = new PrefaceDecoder();
    const frames = new FrameDecoder();
    let isControl = false;
    stream.attach({
      onData: (bytes) => {
        let rest = bytes;
        if (!isControl) {
          const decoded = preface.push(bytes);
          if (decoded === undefined) return;
          isControl = decoded.preface.kind === "control";
          this.control = stream;
          rest = decoded.rest;
        }
        while (rest.length > 0) {
          const decoded = frames.push(rest);
          if (decoded === undefined) return;
          this.messages.push(decodeMessage(decoded.frame));
          rest = decoded.rest;
        }
      },
      onEnd: () => stream.end(),
      onDrain: () => {},
      onClose: () => {},
    });
  }
}

/** A stream behind its answer. */
export class FakeStream implements Sink {
  answer: Answer | undefined;
  readonly reader: Reader;
  readonly #stream: Duplex;
  readonly #decoder = new AnswerDecoder();

  constructor(stream: Duplex) {
    this.#stream = stream;
    this.reader = new Reader(stream);
    stream.attach(this);
  }

  onData(bytes: Uint8Array): void {
    if (this.answer !== undefined) return this.reader.onData(bytes);
    const decoded = this.#decoder.push(bytes);
    this.answer = decoded?.answer;
    if (decoded !== undefined && decoded.rest.length > 0) this.reader.onData(decoded.rest);
  }
  onEnd(): void {
    this.reader.onEnd();
    // As a server does with a stream that failed.
    if (this.answer?.status !== "open") this.#stream.end();
  }
  onDrain(): void {}
  onClose(error?: Error): void {
    this.reader.onClose(error);
  }
}

/** How the server answers handshakes. */
export interface FakeServerOptions {
  status?: number;
  hello?: Partial<ServerHello>;
  port?: number;
}

/** The server; ends with the block that made it. */
export class FakeServer implements AsyncDisposable {
  readonly budget = new MemoryBudget();
  readonly infos: InitInfo[] = [];
  readonly hosts: FakeHost[] = [];
  status: number;
  hello: ServerHello;
  readonly #backend: Backend;

  constructor(runtime: Runtime, options: FakeServerOptions = {}) {
    this.status = options.status ?? 1;
    this.hello = {
      version: 1,
      mode: "mux",
      serverId: "fake-1",
      serverCount: 1,
      software: "fake/1",
      ...options.hello,
    };
    this.#backend = new Backend(runtime, (socket) => this.#greet(socket, runtime), options.port);
  }

  get address(): Backend["address"] {
    return this.#backend.address;
  }

  /** Hosts whose connection is up. */
  get live(): FakeHost[] {
    return this.hosts.filter(({ isClosed }) => !isClosed);
  }

  async host(index = 0): Promise<FakeHost> {
    return await until("host", () => this.hosts[index]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const host of this.hosts) host.session.close();
    await this.#backend[Symbol.asyncDispose]();
  }

  #greet(socket: Connection, runtime: Runtime): void {
    const decoder = new FrameDecoder();
    socket.attach({
      onData: (bytes, buffer) => {
        const decoded = decoder.push(bytes);
        if (decoded === undefined) return;
        const info = decodeMessage(decoded.frame) as InitInfo;
        this.infos.push(info);
        const response: InitResponse = { type: "initResponse", status: this.status };
        response.hello = this.hello;
        socket.write(encodeMessage(response));
        if (this.status !== 1) {
          socket.end();
          return;
        }
        const host = new FakeHost(this, socket, info, runtime);
        this.hosts.push(host);
        if (decoded.rest.length > 0) host.session.onData(decoded.rest, buffer);
      },
      onEnd: () => socket.close(),
      onDrain: () => {},
      onClose: () => {},
    });
  }
}
