/** JSON web tokens with keys made by openssl, against the real commands. */
import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { outputOfCli } from "../cli/spawn_cli.ts";
import { bytesOf, hasProgram } from "../programs.ts";
import { claim, stay } from "./claimant.ts";
import type { ClaimInit } from "./claimant.ts";
import { ask, startAgent, startServer, temporaryFolder } from "./commands.ts";

const hasOpenssl = await hasProgram("openssl");
const needsOpenssl = hasOpenssl ? "" : " (needs openssl)";

const ISSUER = "https://issuer.test";
const AUDIENCE = "revtun-test";

const openssl = (args: string[], stdin = "") => bytesOf("openssl", args, { stdin });

interface Key {
  path: string;
  pem: string;
  jwk: Record<string, unknown>;
}

async function makeKey(path: string, kid: string): Promise<Key> {
  await openssl(["genrsa", "-out", path, "2048"]);
  const pem = new TextDecoder().decode(await openssl(["rsa", "-in", path, "-pubout"]));
  const jwk = { ...createPublicKey(pem).export({ format: "jwk" }), kid, alg: "RS256", use: "sig" };
  return { path, pem, jwk };
}

function encode(value: unknown): string {
  return btoa(typeof value === "string" ? value : JSON.stringify(value))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

const nowS = () => Math.floor(Date.now() / 1000);

async function tokenOf(
  key: Key,
  claims: Record<string, unknown>,
  header: Record<string, unknown> = {},
): Promise<string> {
  const whole = {
    ...{ iss: ISSUER, aud: AUDIENCE, sub: "till-7", exp: nowS() + 600, clusters: ["edge-a"] },
    ...claims,
  };
  const signed = `${encode({ alg: "RS256", kid: key.jwk.kid, ...header })}.${encode(whole)}`;
  const signature = await openssl(["dgst", "-sha256", "-sign", key.path], signed);
  return `${signed}.${encode(String.fromCharCode(...signature))}`;
}

const FLAGS = ["--credential", "jwt", "--jwt-issuer", ISSUER, "--jwt-audience", AUDIENCE];

Deno.test({
  name: `a JSON web token lets in whom its issuer, audience and claims say${needsOpenssl}`,
  ignore: !hasOpenssl,
  fn: async () => {
    await using folder = await temporaryFolder();
    const key = await makeKey(folder.path("key.pem"), "k1");
    const strange = await makeKey(folder.path("strange.pem"), "k1");
    const keys = folder.path("keys.json");
    await Deno.writeTextFile(keys, JSON.stringify({ keys: [key.jwk] }));
    await using server = await startServer([...FLAGS, "--jwt-keys", keys]);

    const hmac = `${encode({ alg: "HS256", kid: "k1" })}.${
      encode({ iss: ISSUER, aud: AUDIENCE, sub: "x", exp: nowS() + 60, clusters: ["edge-a"] })
    }`;
    // The public key taken for a shared secret: RFC 8725 section 2.1.
    const pemPath = folder.path("public.pem");
    await Deno.writeTextFile(pemPath, key.pem);
    const hex = [...new TextEncoder().encode(key.pem)]
      .map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const mac = await openssl(
      ["dgst", "-sha256", "-mac", "HMAC", "-macopt", `hexkey:${hex}`, "-binary"],
      hmac,
    );
    const none = `${encode({ alg: "none" })}.${
      encode({ iss: ISSUER, aud: AUDIENCE, sub: "x", exp: nowS() + 60, clusters: ["edge-a"] })
    }.`;
    const good = await tokenOf(key, { hosts: ["till-7"], targets: ["web"] });
    const cases: [string, ClaimInit, number, RegExp][] = [
      ["missing", {}, 2, /none was sent/],
      ["no token", { credential: "s3cret" }, 2, /no token that a key/],
      ["another's key", { credential: await tokenOf(strange, {}) }, 2, /no token that a key/],
      ["unknown key", { credential: await tokenOf(key, {}, { kid: "k9" }) }, 2, /no token that/],
      ["unsigned", { credential: none }, 2, /no token that a key/],
      [
        "public key as secret",
        { credential: `${hmac}.${encode(String.fromCharCode(...mac))}` },
        2,
        /no token that a key/,
      ],
      ["expired", { credential: await tokenOf(key, { exp: nowS() - 60 }) }, 2, /expired at 20/],
      ["without end", { credential: await tokenOf(key, { exp: undefined }) }, 2, /claim "exp"/],
      ["nobody's", { credential: await tokenOf(key, { sub: undefined }) }, 2, /claim "sub"/],
      ["foreign audience", { credential: await tokenOf(key, { aud: "else" }) }, 2, /claim "aud"/],
      ["foreign issuer", { credential: await tokenOf(key, { iss: "else" }) }, 2, /claim "iss"/],
      ["not yet", { credential: await tokenOf(key, { nbf: nowS() + 60 }) }, 2, /claim "nbf"/],
      [
        "other cluster",
        { credential: good, clusterName: "edge-b" },
        2,
        /not name cluster "edge-b"/,
      ],
      [
        "no cluster",
        { credential: await tokenOf(key, { clusters: undefined }) },
        2,
        /not name cluster/,
      ],
      [
        "odd clusters",
        { credential: await tokenOf(key, { clusters: { edge: 1 } }) },
        2,
        /"clusters" is not a list/,
      ],
      ["other host", { credential: good, hostName: "till-8" }, 2, /not name host "till-8"/],
      ["other target", { credential: good, hello: { targets: { ssh: {} } } }, 2, /"ssh"/],
      ["oversize", { credential: "x".repeat(20_000) }, 2, /longer than/],
      ["empty name", { credential: good, clusterName: "" }, 4, /names have/],
      ["another policy", { credential: good, credentialPolicy: "mtls" }, 3, /by "jwt"/],
      ["two policies", { credential: good, credentialPolicy: "jwt,token" }, 3, /by "jwt"/],
    ];
    for (const [what, init, status, reason] of cases) {
      const answer = await claim(server.tunnel, init);
      assert.equal(answer.status, status, `${what}: ${answer.reason}`);
      assert.match(answer.reason ?? "", reason, what);
      assert.ok(answer.isClosed, what);
    }
    assert.equal((await claim(server.tunnel, { credential: good })).status, 1);
    assert.ok(!server.process.stderr.includes(good));

    // A new key of the issuer, in a file that is replaced.
    const next = await makeKey(folder.path("next.pem"), "k2");
    const late = await tokenOf(next, {});
    assert.equal((await claim(server.tunnel, { credential: late })).status, 2);
    await Deno.writeTextFile(`${keys}.new`, JSON.stringify({ keys: [key.jwk, next.jwk] }));
    await Deno.rename(`${keys}.new`, keys);
    await server.process.printed(/event=jwt\.keys_reloaded/);
    assert.equal((await claim(server.tunnel, { credential: late })).status, 1);
  },
});

Deno.test({
  name: `a token's end is the end of its agent's connections; keys come by URL too${needsOpenssl}`,
  ignore: !hasOpenssl,
  fn: async () => {
    await using folder = await temporaryFolder();
    const key = await makeKey(folder.path("key.pem"), "k1");
    let asked = 0;
    await using issuer = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
      asked += 1;
      return asked === 1 ? new Response("", { status: 500 }) : Response.json({ keys: [key.jwk] });
    });
    const url = `http://127.0.0.1:${issuer.addr.port}/keys`;
    await using server = await startServer([...FLAGS, "--jwt-keys", url]);
    // With the tolerance for clocks that differ, 7 to 8 s are left.
    const token = folder.path("token");
    await Deno.writeTextFile(token, await tokenOf(key, { exp: nowS() + 3 }), { mode: 0o600 });
    const first = await claim(server.tunnel, { credential: await tokenOf(key, {}) });
    assert.deepEqual([first.status, first.isClosed], [0, true], "fails closed");
    assert.ok(first.retryAfterMs! > 0);

    const deaf = stay(server.tunnel, {
      credential: await tokenOf(key, { sub: "deaf", exp: nowS() + 3 }),
      hostName: "deaf",
    });
    await using agent = startAgent(server, ["--token-file", token]);
    await server.process.printed(/event=tunnel\.registered .*host=till-7/);
    assert.equal((await deaf).status, 1);
    await server.process.printed(/event=tunnel\.permit_ended .*expired at .*host=deaf/);
    await agent.printed(/event=tunnel\.refused .*the token expired at/);
    // Whoever issues it writes a new one, and the agent finds it.
    await Deno.writeTextFile(token, await tokenOf(key, {}));
    await agent.printed(/event=config\.reloaded/);
    await server.process.printed(/the token expired[^]*event=tunnel\.registered .*host=till-7/);
    assert.equal((await ask(server.url))[0], 200);
    agent.kill("SIGTERM");
    assert.equal((await agent.status).code, 0, agent.stderr);
  },
});

Deno.test("settings of two policies at once, or of half of one, are refused", async () => {
  const server = ["server", "--listen", "127.0.0.1:0", "--tunnel", "127.0.0.1:0"];
  const cases: [string[], RegExp][] = [
    [["--credential", "jwt"], /^revtun: --jwt-keys: missing, --credential jwt needs it/],
    [["--credential", "jwt", "--jwt-keys", "/no/keys"], /^revtun: --jwt-issuer: missing/],
    [[...FLAGS, "--jwt-keys", "/no/keys"], /^revtun: --jwt-keys: \/no\/keys is not there/],
    [[...FLAGS, "--jwt-keys", "http://issuer.test/"], /^revtun: --jwt-keys: expected an https/],
    [["--jwt-keys", "/no/keys"], /^revtun: --jwt-keys: is for --credential jwt, and .* none/],
    [[...FLAGS, "--webhook-url", "https://x.test"], /^revtun: --webhook-url: is for .*webhook/],
    [["--credential", "webhook"], /^revtun: --webhook-url: missing/],
    [
      ["--credential", "webhook", "--webhook-url", "http://10.0.0.1/"],
      /^revtun: --webhook-url: expected an https/,
    ],
    [
      ["--credential", "webhook", "--webhook-url", "https://a:b@x.test/"],
      /^revtun: --webhook-url: a URL must not hold a password/,
    ],
    [["--credential", "mtls"], /^revtun: --mtls-name: missing/],
    [
      ["--credential", "mtls", "--mtls-name", "dns:{host}.example.com"],
      /^revtun: --mtls-name: .*needs \{cluster\} once/,
    ],
    [["--credential", "none", "--token-file", "/no/file"], /^revtun: --token-file: is for /],
  ];
  for (const [flags, message] of cases) {
    const { code, stderr } = await outputOfCli([...server, ...flags]);
    assert.match(stderr, message, flags.join(" "));
    assert.equal(code, 2);
  }
});
