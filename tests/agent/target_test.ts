import assert from "node:assert/strict";
import { formatTarget, parseTarget, parseTargets } from "../../lib/agent/target.ts";

const tcp = (host: string, port: number) => ({ kind: "tcp", host, port });

Deno.test("parseTarget() reads names, schemes and addresses", () => {
  const cases: [string, unknown][] = [
    ["127.0.0.1:8000", { name: "", protocol: "tcp", address: tcp("127.0.0.1", 8000) }],
    [":8000", { name: "", protocol: "tcp", address: tcp("127.0.0.1", 8000) }],
    ["ssh=127.0.0.1:22", { name: "ssh", protocol: "tcp", address: tcp("127.0.0.1", 22) }],
    ["[::1]:22", { name: "", protocol: "tcp", address: tcp("::1", 22) }],
    ["tcp://edge.lan:22", { name: "", protocol: "tcp", address: tcp("edge.lan", 22) }],
    ["http://edge.lan", { name: "", protocol: "tcp", address: tcp("edge.lan", 80) }],
    ["http://edge.lan:81/", { name: "", protocol: "tcp", address: tcp("edge.lan", 81) }],
    ["a=tls://edge.lan:443", {
      name: "a",
      protocol: "tls",
      address: tcp("edge.lan", 443),
      tls: { ca: undefined, serverName: undefined, pins: [], isInsecure: false },
    }],
    [`https://10.0.0.2?ca=/etc/ca.pem&server_name=web.test&pin=sha256:${"aB".repeat(32)}`, {
      name: "",
      protocol: "tls",
      address: tcp("10.0.0.2", 443),
      tls: {
        ca: "/etc/ca.pem",
        serverName: "web.test",
        pins: ["ab".repeat(32)],
        isInsecure: false,
      },
    }],
    ["g=h2c://:50051", { name: "g", protocol: "h2c", address: tcp("127.0.0.1", 50051) }],
    ["docker=unix:/run/docker.sock", {
      name: "docker",
      protocol: "tcp",
      address: { kind: "unix", path: "/run/docker.sock" },
    }],
    ["unix:/tmp/a=b.sock", {
      name: "",
      protocol: "tcp",
      address: { kind: "unix", path: "/tmp/a=b.sock" },
    }],
    ["unix:///run/x.sock", {
      name: "",
      protocol: "tcp",
      address: { kind: "unix", path: "/run/x.sock" },
    }],
    ["w=tcp://10.0.0.2:80?proxy_protocol=v2", {
      name: "w",
      protocol: "tcp",
      address: tcp("10.0.0.2", 80),
      proxyProtocol: "v2",
    }],
  ];
  for (const [text, target] of cases) assert.deepEqual(parseTarget(text), target, text);
});

Deno.test("parseTarget() refuses what cannot be dialled", () => {
  const texts = [
    "",
    "8000",
    "127.0.0.1",
    "127.0.0.1:0",
    "127.0.0.1:70000",
    "=127.0.0.1:22",
    "a b=127.0.0.1:22",
    "ftp://127.0.0.1:21",
    "http://127.0.0.1:80/path",
    "unix:",
    "::1:22",
    "tcp://127.0.0.1:80?x=1",
    "tcp://127.0.0.1:80?proxy_protocol=v3",
    `${"n".repeat(254)}=127.0.0.1:1`,
    "tcp://127.0.0.1:80?ca=/etc/ca.pem",
    "tls://127.0.0.1:443?insecure=yes",
    "tls://127.0.0.1:443?insecure=true&ca=/etc/ca.pem",
    "tls://127.0.0.1:443?pin=sha256:12",
    "tls://127.0.0.1:443?proxy_protocol=v2",
  ];
  for (const text of texts) assert.throws(() => parseTarget(text), RangeError, text);
});

Deno.test("parseTargets() takes one default and any number of names", () => {
  const targets = parseTargets(["127.0.0.1:8000", "ssh=127.0.0.1:22", "db=127.0.0.1:5432"]);
  assert.deepEqual([...targets.keys()], ["", "ssh", "db"]);
  assert.throws(() => parseTargets([":1", ":2"]), /second default target/);
  assert.throws(() => parseTargets(["a=:1", "a=:2"]), /second target named a/);
});

Deno.test("formatTarget() writes what parseTarget() reads", () => {
  for (const text of ["127.0.0.1:80", "h2c://[::1]:80", "tls://a:1", "unix:/run/x.sock"]) {
    assert.equal(formatTarget(parseTarget(text)), text);
  }
});
