import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gunzipSync } from "node:zlib";
import { consoleAsset } from "../../lib/admin/web_console.ts";
import { CONSOLE_FILES } from "../../lib/admin/web_console_files.ts";
import { Secret } from "../../lib/secret.ts";
import { buildConsole } from "../../npm/build_console.ts";
import { routeFlags } from "../../npm/route.ts";
import { adminRig } from "../admin/rig.ts";

const MAX_BYTES = 300_000;

function ask(path: string, headers: Record<string, string> = {}): Response | undefined {
  return consoleAsset(path, new Request(`http://127.0.0.1:9901${path}`, { headers }));
}

Deno.test({
  name: "the console that is committed is the one of console/ (needs node_modules)",
  // Where packages are not the locked ones, other bytes may come out.
  ignore: routeFlags().length === 0,
  async fn() {
    const built = await buildConsole();
    const stale: string[] = [];
    for (const { name, type, bytes } of built) {
      const file = CONSOLE_FILES.find((file) => file.name === name);
      const stored = new Uint8Array(await ask(`/${name}`)?.arrayBuffer() ?? []);
      const isSame = file?.type === type && bytes.length === stored.length &&
        bytes.every((byte, i) => byte === stored[i]);
      if (!isSame) stale.push(name || "index.html");
    }
    assert.deepEqual(stale, [], "Run: npm run console");
    assert.equal(CONSOLE_FILES.length, built.length);
  },
});

Deno.test("the console is one small bundle that asks nobody else", async () => {
  let total = 0;
  for (const { name, type } of CONSOLE_FILES) {
    const bytes = await ask(`/${name}`)!.arrayBuffer();
    total += bytes.byteLength;
    if (!/^(text|image)/.test(type)) continue;
    const text = new TextDecoder().decode(bytes);
    const addresses = [...text.matchAll(/https?:\/\/[a-z0-9.-]+/g)].map(([address]) => address);
    const foreign = addresses.filter((address) =>
      // Names of XML's, and what stands in the page's texts as an example.
      !/^http:\/\/(www\.w3\.org|edge-a\.example\.com)$/.test(address)
    );
    assert.deepEqual(foreign, [], name);
  }
  assert.ok(total < MAX_BYTES, `${total} bytes`);
});

Deno.test("the console's files are packed for who can unpack, and kept by their tag", async () => {
  const plain = ask("/page.js")!;
  assert.equal(plain.headers.get("content-encoding"), null);
  const packed = ask("/page.js", { "accept-encoding": "br, gzip" })!;
  assert.equal(packed.headers.get("content-encoding"), "gzip");
  const bytes = new Uint8Array(await packed.arrayBuffer());
  assert.deepEqual(gunzipSync(bytes), Buffer.from(await plain.arrayBuffer()));
  const etag = plain.headers.get("etag")!;
  assert.notEqual(packed.headers.get("etag"), etag);
  const again = ask("/page.js", { "if-none-match": `"x", ${etag}` })!;
  assert.equal(again.status, 304);
  assert.equal(await again.text(), "");
  assert.equal(ask("/page.css", { "if-none-match": etag })!.status, 200);
  assert.equal(ask("/page.txt"), undefined);
});

Deno.test("a page of another site may link to the console, and do nothing else", async () => {
  await using rig = await adminRig({ token: new Secret("hunter2") });
  const foreign = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
  const page = await fetch(`${rig.url}/`, { headers: foreign });
  assert.equal(page.status, 200);
  const policy = page.headers.get("content-security-policy")!;
  for (const part of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"]) {
    assert.ok(policy.includes(part), part);
  }
  assert.doesNotMatch(policy, /unsafe|\*/);
  const html = await page.text();
  assert.doesNotMatch(html, /<script>|<style|style=|\son\w+=/);
  assert.ok(!html.includes("till"));
  assert.equal((await rig.ask("/api/v1/status", undefined, { headers: foreign })).status, 403);
  assert.equal((await rig.ask("/api/v1/live")).status, 401);
  const wrong = await fetch(`${rig.url}/`, { method: "POST" });
  assert.equal(wrong.status, 401);
  await wrong.body?.cancel();
});
