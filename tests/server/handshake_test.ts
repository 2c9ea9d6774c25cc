import assert from "node:assert/strict";
import { encodeMessage } from "../../lib/codec/encode_message.ts";
import { DecodeError } from "../../lib/errors.ts";
import { ServerHandshake } from "../../lib/server/handshake.ts";

const INIT = encodeMessage({
  type: "initInfo",
  clusterName: "edge-a",
  weight: 10,
  hostName: "",
  credentialPolicy: "",
  credential: "",
});
const CLOSE = encodeMessage({
  type: "gracefulClose",
  addresses: ["10.0.0.1:5000"],
  clusterName: "edge-a",
});
const RESPONSE = encodeMessage({ type: "initResponse", status: 1 });

Deno.test("ServerHandshake reads ConnectionInitInfo whole, byte by byte, and with bytes behind", () => {
  for (const trailing of [0, 1, 40]) {
    const bytes = new Uint8Array([...INIT, ...new Uint8Array(trailing).fill(7)]);
    const whole = new ServerHandshake().push(bytes)!;
    assert.equal(whole.message.type, "initInfo");
    assert.equal(whole.rest.length, trailing);
  }
  const handshake = new ServerHandshake();
  assert.equal(handshake.hasBegun, false);
  for (let at = 0; at < INIT.length - 1; at++) {
    assert.equal(handshake.push(INIT.subarray(at, at + 1)), undefined);
    assert.equal(handshake.hasBegun, true);
  }
  assert.equal(handshake.push(INIT.subarray(-1))?.message.type, "initInfo");
});

Deno.test("ServerHandshake lets graceful closes follow each other, but nothing else", () => {
  const handshake = new ServerHandshake();
  const first = handshake.push(new Uint8Array([...CLOSE, ...CLOSE]))!;
  assert.equal(first.message.type, "gracefulClose");
  assert.equal(handshake.push(first.rest)?.message.type, "gracefulClose");
  assert.throws(() => handshake.push(INIT), DecodeError);
});

Deno.test("ServerHandshake refuses what an agent may not say", () => {
  for (const bytes of [RESPONSE, new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n")]) {
    assert.throws(() => new ServerHandshake().push(bytes), DecodeError);
  }
});
