// A gRPC service and its client; messages are texts, so that no code has to be made from a .proto:
//   node greeter.mjs serve HOST:PORT
//   node greeter.mjs call HOST:PORT NAME
import process from "node:process";
import { Buffer } from "node:buffer";
import * as grpc from "@grpc/grpc-js";

const method = (name, responseStream) => ({
  path: `/demo.Greeter/${name}`,
  requestStream: false,
  responseStream,
  requestSerialize: (text) => Buffer.from(text),
  requestDeserialize: (bytes) => `${bytes}`,
  responseSerialize: (text) => Buffer.from(text),
  responseDeserialize: (bytes) => `${bytes}`,
});
const service = {
  hello: method("Hello", false),
  count: method("Count", true),
  sleep: method("Sleep", false),
};

const say = (text) => process.stdout.write(`${text}\n`);

function serve(address) {
  const server = new grpc.Server();
  server.addService(service, {
    hello(call, done) {
      if (call.request !== "nobody") done(null, `hello ${call.request}`);
      else done({ code: grpc.status.NOT_FOUND, details: "nobody is not at home" });
    },
    count(call) {
      for (const word of ["one", "two", "three"]) call.write(`${word} for ${call.request}`);
      call.end();
    },
    // Never answers: the caller's deadline ends it, on both sides.
    sleep(call) {
      call.on("cancelled", () => say("the sleeper was woken"));
    },
  });
  server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error) => {
    if (error) throw error;
  });
}

async function call(address, name) {
  const Greeter = grpc.makeGenericClientConstructor(service, "Greeter");
  const greeter = new Greeter(address, grpc.credentials.createInsecure());
  const unary = (method, text, options = {}) =>
    new Promise((resolve) =>
      greeter[method](
        text,
        options,
        (error, answer) => resolve(error ? grpc.status[error.code] : answer),
      )
    );
  say(await unary("hello", name));
  for await (const text of greeter.count(name)) say(text);
  say(await unary("hello", "nobody"));
  say(await unary("sleep", name, { deadline: Date.now() + 300 }));
  greeter.close();
}

const [, , command, address, name] = process.argv;
await (command === "serve" ? serve(address) : call(address, name));
