import assert from "node:assert/strict";
import fc from "fast-check";
import { ipFromBytes, ipToBytes, mappedIp } from "../../lib/codec/ip_bytes.ts";

Deno.test("ipFromBytes() writes the one form of RFC 5952", () => {
  const cases: [groups: number[], text: string][] = [
    [[0, 0, 0, 0, 0, 0, 0, 0], "::"],
    [[0, 0, 0, 0, 0, 0, 0, 1], "::1"],
    [[0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], "2001:db8::"],
    [[0x2001, 0xdb8, 0, 1, 1, 1, 1, 1], "2001:db8:0:1:1:1:1:1"],
    [[0x2001, 0, 0, 1, 0, 0, 0, 1], "2001:0:0:1::1"],
    [[0x2001, 0xdb8, 0, 0, 1, 0, 0, 1], "2001:db8::1:0:0:1"],
    [[0, 0, 0, 0, 0, 0xffff, 0x0a00, 0x0001], "::ffff:10.0.0.1"],
    [[0xfe80, 0, 0, 0, 0xabcd, 0, 0, 0xa], "fe80::abcd:0:0:a"],
  ];
  for (const [groups, text] of cases) {
    const bytes = Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
    assert.equal(ipFromBytes(bytes), text);
  }
  assert.equal(ipFromBytes(Uint8Array.of(255, 0, 10, 1)), "255.0.10.1");
});

Deno.test("ipToBytes() reads what ipFromBytes() writes", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 }).map(
      (values) => Uint8Array.from(values),
    ),
  );
  fc.assert(fc.property(bytes, (bytes) => {
    const read = ipToBytes(ipFromBytes(bytes))!;
    // A mapped address is read as the IPv4 address that it is.
    assert.deepEqual(read.length === bytes.length ? read : mappedIp(read), bytes);
  }));
  for (const text of ["", "example.test", "1.2.3", "1.2.3.4.5", ":::", "g::"]) {
    assert.equal(ipToBytes(text), undefined);
  }
});
