import assert from "node:assert/strict";
import { formatIp, networkContains, parseIp, parseNetwork } from "../lib/ip_network.ts";

Deno.test("parseIp() reads IPv4 and IPv6, and takes mapped IPv4 for IPv4", () => {
  assert.deepEqual(parseIp("10.0.0.1"), { version: 4, bits: 0x0a000001n });
  assert.deepEqual(parseIp("::ffff:10.0.0.1"), { version: 4, bits: 0x0a000001n });
  assert.deepEqual(parseIp("::FFFF:a00:1"), { version: 4, bits: 0x0a000001n });
  assert.deepEqual(parseIp("::1"), { version: 6, bits: 1n });
  assert.deepEqual(parseIp("::"), { version: 6, bits: 0n });
  assert.deepEqual(parseIp("fe80::1:2"), { version: 6, bits: (0xfe80n << 112n) + 0x10002n });
  assert.equal(parseIp("1:2:3:4:5:6:7:8")?.bits, 0x00010002000300040005000600070008n);
  assert.equal(parseIp("64:ff9b::1.2.3.4")?.version, 6);
});

Deno.test("parseIp() gives undefined for what is no address", () => {
  const texts = [
    "",
    "localhost",
    "10.0.0",
    "10.0.0.256",
    "010.0.0.1",
    "1.2.3.4.5",
    ":::",
    "1::2::3",
    "12345::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8",
    "::g",
    "fe80::1%eth0",
    "1.2.3.4::",
    "0x7f.1",
    "2130706433",
    " 10.0.0.1",
  ];
  for (const text of texts) assert.equal(parseIp(text), undefined, text);
});

Deno.test("networkContains() compares the prefix only", () => {
  const ten = parseNetwork("10.0.0.0/8");
  assert.ok(networkContains(ten, parseIp("10.255.0.1")!));
  assert.ok(networkContains(ten, parseIp("::ffff:10.1.1.1")!));
  assert.ok(!networkContains(ten, parseIp("11.0.0.0")!));
  assert.ok(!networkContains(ten, parseIp("::a00:1")!));
  assert.ok(networkContains(parseNetwork("0.0.0.0/0"), parseIp("255.1.2.3")!));
  assert.ok(!networkContains(parseNetwork("0.0.0.0/0"), parseIp("::1")!));
  assert.ok(networkContains(parseNetwork("fd00::/8"), parseIp("fdff::1")!));
  assert.ok(networkContains(parseNetwork("::1"), parseIp("0:0:0:0:0:0:0:1")!));
  assert.ok(networkContains(parseNetwork("::ffff:10.0.0.0/104"), parseIp("10.9.9.9")!));
});

Deno.test("parseNetwork() says what is wrong", () => {
  assert.throws(() => parseNetwork("10.0.0.1/8"), /did you mean 10\.0\.0\.0\/8/);
  assert.throws(() => parseNetwork("10.0.0.0/33"), /prefix length \/33/);
  assert.throws(() => parseNetwork("::ffff:10.0.0.0/8"), /prefix length \/8/);
  assert.throws(() => parseNetwork("edge/8"), /is not a network/);
  assert.throws(() => parseNetwork("10.0.0.0/8/8"), /is not a network/);
  assert.throws(() => parseNetwork(""), /is not a network/);
});

Deno.test("formatIp() writes what parseIp() reads", () => {
  for (const text of ["10.0.0.1", "255.255.255.255", "fd00:0:0:0:0:0:0:1", "1:2:3:4:5:6:7:8"]) {
    assert.equal(formatIp(parseIp(text)!), text);
  }
});
