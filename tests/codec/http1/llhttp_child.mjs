// Run by node: says how llhttp, the parser inside node, frames the messages given on stdin.
//
// Each line in is JSON [type, base64]; each line out is JSON: the index behind the first message,
// -1 if it is not complete, or the name of llhttp's error.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import process from "node:process";

const { HTTPParser } = createRequire(import.meta.url)("_http_common");

function frame(type, bytes) {
  const parser = new HTTPParser();
  parser.initialize(type === "request" ? HTTPParser.REQUEST : HTTPParser.RESPONSE, {});
  let isComplete = false;
  parser[HTTPParser.kOnHeaders] = () => {};
  parser[HTTPParser.kOnHeadersComplete] = () => 0;
  parser[HTTPParser.kOnBody] = () => {};
  parser[HTTPParser.kOnMessageComplete] = () => {
    isComplete = true;
  };
  try {
    // One byte a time, so that the end of the message is where we stop.
    for (let at = 0; at < bytes.length; at++) {
      const result = parser.execute(bytes.subarray(at, at + 1));
      if (result instanceof Error) return result.code;
      if (isComplete) return at + 1;
    }
    return -1;
  } finally {
    parser.close();
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const [type, base64] = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(frame(type, Buffer.from(base64, "base64")))}\n`);
}
