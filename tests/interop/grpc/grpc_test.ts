/** gRPC through a tunnel, by grpc-js on both ends: all four kinds of call, deadlines and cancels. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  credentials,
  makeGenericClientConstructor,
  Metadata,
  Server,
  ServerCredentials,
  status,
} from "@grpc/grpc-js";
import type {
  Client,
  sendUnaryData,
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  ServiceError,
} from "@grpc/grpc-js";
import { frontendRig } from "../../server/frontend_rig.ts";
import { TestCa } from "../../transport/tls_support.ts";

/** Messages are texts: no code has to be made for a test. */
const TEXT = {
  requestSerialize: (text: string) => Buffer.from(text),
  requestDeserialize: (bytes: Buffer) => bytes.toString(),
  responseSerialize: (text: string) => Buffer.from(text),
  responseDeserialize: (bytes: Buffer) => bytes.toString(),
};
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/revtun.test.Texts/${name}`,
  requestStream,
  responseStream,
  ...TEXT,
});
const TEXTS = {
  unary: method("Unary", false, false),
  join: method("Join", true, false),
  split: method("Split", false, true),
  echo: method("Echo", true, true),
  silent: method("Silent", false, false),
} satisfies ServiceDefinition;

/** A service at the edge. */
class TextService implements AsyncDisposable {
  readonly server = new Server();
  port = 0;
  /** Calls of `silent` that were cut off before their answer. */
  readonly cancelled: string[] = [];
  #onCancelled: (() => void) | undefined;

  static async start(): Promise<TextService> {
    const service = new TextService();
    service.server.addService(TEXTS, {
      unary: (call: ServerUnaryCall<string, string>, done: sendUnaryData<string>) => {
        if (call.request === "fail") {
          done({ code: status.FAILED_PRECONDITION, details: "not today: ä" });
          return;
        }
        const trailer = new Metadata();
        trailer.set("x-trailer", "t-1");
        trailer.set("x-data-bin", Buffer.from([0, 1, 255]));
        call.sendMetadata(metadataOf("x-header", String(call.metadata.get("x-ask")[0])));
        done(null, `hello ${call.request}`, trailer);
      },
      join: (call: ServerReadableStream<string, string>, done: sendUnaryData<string>) => {
        const parts: string[] = [];
        call.on("data", (part: string) => parts.push(part));
        call.on("end", () => done(null, parts.join("+")));
      },
      split: (call: ServerWritableStream<string, string>) => {
        for (const part of call.request.split(" ")) call.write(part);
        call.end();
      },
      echo: (call: ServerDuplexStream<string, string>) => {
        call.on("data", (part: string) => call.write(`echo ${part}`));
        call.on("end", () => call.end());
        call.on("error", () => {});
      },
      silent: (call: ServerUnaryCall<string, string>) => {
        call.on("cancelled", () => {
          service.cancelled.push(call.request);
          service.#onCancelled?.();
        });
      },
    });
    service.port = await new Promise<number>((resolve, reject) => {
      service.server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
        if (error === null) resolve(port);
        else reject(error);
      });
    });
    return service;
  }

  async untilCancelled(count: number): Promise<void> {
    while (this.cancelled.length < count) {
      await new Promise<void>((resolve) => this.#onCancelled = resolve);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.server.forceShutdown();
    return Promise.resolve();
  }
}

// deno-lint-ignore no-explicit-any -- methods of a client are made by their names at run time
type TextClient = Client & Record<string, any>;

const TextClient = makeGenericClientConstructor(TEXTS, "Texts");

function metadataOf(name: string, value: string): Metadata {
  const metadata = new Metadata();
  metadata.set(name, value);
  return metadata;
}

function unary(
  client: TextClient,
  request: string,
  options: { deadline?: number } = {},
  name = "unary",
): Promise<{ answer?: string; error?: ServiceError; header?: Metadata; trailer?: Metadata }> {
  return new Promise((resolve) => {
    let header: Metadata | undefined;
    let trailer: Metadata | undefined;
    let answer: string | undefined;
    let error: ServiceError | undefined;
    const call = client[name](
      request,
      metadataOf("x-ask", "asked"),
      options,
      (failure: ServiceError | null, text?: string) => {
        if (failure !== null) error = failure;
        answer = text;
      },
    );
    call.on("metadata", (metadata: Metadata) => header = metadata);
    call.on("status", (end: { metadata: Metadata }) => {
      trailer = end.metadata;
      // The callback may come after it.
      setTimeout(() =>
        resolve({
          ...(answer !== undefined && { answer }),
          ...(error !== undefined && { error }),
          ...(header !== undefined && { header }),
          ...(trailer !== undefined && { trailer }),
        }), 0);
    });
  });
}

async function collected(stream: AsyncIterable<string>): Promise<string[]> {
  const parts: string[] = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

async function exercise(client: TextClient, service: TextService): Promise<void> {
  const good = await unary(client, "world");
  assert.equal(good.answer, "hello world");
  assert.deepEqual(good.header?.get("x-header"), ["asked"]);
  assert.deepEqual(good.trailer?.get("x-trailer"), ["t-1"]);
  assert.deepEqual([...good.trailer!.get("x-data-bin")[0] as Buffer], [0, 1, 255]);

  const failed = await unary(client, "fail");
  assert.equal(failed.error?.code, status.FAILED_PRECONDITION);
  assert.equal(failed.error?.details, "not today: ä");

  const joined = await new Promise<string>((resolve, reject) => {
    const call = client.join((error: Error | null, text: string) => {
      if (error === null) resolve(text);
      else reject(error);
    });
    for (const part of ["a", "b", "c"]) call.write(part);
    call.end();
  });
  assert.equal(joined, "a+b+c");

  assert.deepEqual(await collected(client.split("one two three")), ["one", "two", "three"]);

  // Each answer is waited for before the next question is asked.
  const echo = client.echo();
  const answers = echo[Symbol.asyncIterator]();
  for (const part of ["x", "y".repeat(300_000), "z"]) {
    echo.write(part);
    const { value } = await answers.next();
    assert.equal(value, `echo ${part}`);
  }
  echo.end();
  assert.equal((await answers.next()).done, true);

  const before = service.cancelled.length;
  const late = await unary(client, "late", { deadline: Date.now() + 300 }, "silent");
  assert.equal(late.error?.code, status.DEADLINE_EXCEEDED);
  await service.untilCancelled(before + 1);

  const cancelled = new Promise<ServiceError | null>((resolve) => {
    const call = client.silent("cancel me", (error: ServiceError | null) => resolve(error));
    call.on("error", () => {});
    setTimeout(() => call.cancel(), 50);
  });
  assert.equal((await cancelled)?.code, status.CANCELLED);
  await service.untilCancelled(before + 2);
  assert.deepEqual(service.cancelled.slice(before), ["late", "cancel me"]);

  const many = await Promise.all(
    Array.from({ length: 50 }, (_, index) => unary(client, `n${index}`)),
  );
  many.forEach(({ answer }, index) => assert.equal(answer, `hello n${index}`));
}

Deno.test({
  name: "gRPC in the clear: all four kinds of call, deadlines and cancels",
  // grpc-js keeps timers of its own for a while after its end.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await using service = await TextService.start();
    await using rig = await frontendRig({
      listen: ["http://127.0.0.1:0/edge-a/grpc"],
      targets: [`grpc=h2c://127.0.0.1:${service.port}`],
    });
    const client = new TextClient(rig.addresses[0]!, credentials.createInsecure()) as TextClient;
    try {
      await exercise(client, service);
    } finally {
      client.close();
    }
    assert.deepEqual({ ...rig.server.stats.h2Refusals }, {});
  },
});

Deno.test({
  name: "gRPC over TLS, and what a caller is told when nobody is there",
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await using ca = await TestCa.make();
    await using service = await TextService.start();
    await using rig = await frontendRig({
      listen: ["https://127.0.0.1:0/edge-a/grpc", "https://127.0.0.1:0/edge-a/nowhere"],
      targets: [`grpc=h2c://127.0.0.1:${service.port}`, "nowhere=h2c://127.0.0.1:1"],
      server: { frontendTls: { files: [await ca.signFiles("edge", ["edge.test"])] } },
    });
    const ssl = credentials.createSsl(Buffer.from(ca.cert));
    const options = { "grpc.ssl_target_name_override": "edge.test" };
    const client = new TextClient(rig.addresses[0]!, ssl, options) as TextClient;
    const lost = new TextClient(rig.addresses[1]!, ssl, options) as TextClient;
    try {
      await exercise(client, service);
      const { error } = await unary(lost, "hello");
      assert.equal(error?.code, status.UNAVAILABLE);
      assert.match(error.details, /target-refused/);
    } finally {
      client.close();
      lost.close();
    }
  },
});
