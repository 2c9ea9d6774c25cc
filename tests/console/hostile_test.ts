/** Whatever agents and clients put into names, reasons and events, the console shows as text. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { adminRig } from "../admin/rig.ts";
import { needsChromium, openPage, startBrowser } from "./browser.ts";

const MARKUP = `<script>bad()</script><img src=x onerror="bad()">`;
const EVIL: readonly string[] = [
  MARKUP,
  `"><svg onload=bad()>`,
  "javascript:bad()",
  "x".repeat(253),
  "W".repeat(4000),
  "\u{1f4a5}\u{1f469}\u200d\u{1f680}\ufe0f",
  "\u202egnp.exe\u0000\u0007\u001b[31m",
  "\ud800 lone",
  "{{constructor.constructor('bad()')()}}",
  "__proto__",
];

/** Answers of a server that has gone bad: every text is one of those. */
function pictureOf(evil: readonly string[]): Record<string, unknown> {
  const host = (text: string, i: number) => ({
    cluster: text,
    name: text,
    id: `${text}${i}`,
    identity: text,
    state: i % 2 === 0 ? "active" : text,
    weight: i === 3 ? text : 10,
    effective_weight: { toString: "bad" },
    drained_by_operator: text,
    in_flight: i === 4 ? -1 : 1e308,
    requests: Number.MAX_SAFE_INTEGER,
    rtt_ms: i === 5 ? [text] : 1e-300,
    since: text,
    connections: i === 6 ? text : [{ id: 1, mode: text, remote: text, rtt_ms: null }, null, 7],
  });
  return {
    ts: new Date().toISOString(),
    status: { uptime_ms: evil[0], started: evil[0], draining: evil[0] },
    hosts: [...evil.map(host), null, 3, evil[0], []],
    away: evil.map((text) => ({
      cluster: text,
      name: text,
      remote: text,
      last_seen: text,
      reason: text,
    })),
  };
}

async function interceptAll(page: Page): Promise<void> {
  const items = EVIL.map((text, id) => ({
    id,
    ts: text,
    level: text,
    event: text,
    message: text,
    fields: { [text]: text, nested: { [text]: [text] } },
    frontend: text,
    cluster: text,
    target: text,
    hosts: [text, { text }],
    name: text,
    clients: text,
    method: text,
    authority: text,
    path: text,
    host: text,
    client: text,
    verdict: id % 2 === 0 ? "candidate" : text,
    share: 0.1,
  }));
  const answers: Readonly<Record<string, unknown>> = {
    live: undefined,
    routes: { items: EVIL },
    explain: { frontend: MARKUP, route: MARKUP, cluster: MARKUP, target: MARKUP, hosts: items },
    status: { server_id: MARKUP, software: MARKUP, tunnel: { addresses: EVIL } },
  };
  await page.route("**/api/v1/**", async (route) => {
    const name = new URL(route.request().url()).pathname.split("/")[3]!;
    if (name === "live") {
      const message = `event: live\ndata: ${JSON.stringify(pictureOf(EVIL))}\n\n`;
      await route.fulfill({ contentType: "text/event-stream", body: message.repeat(2) });
    } else {
      await route.fulfill({ json: answers[name] ?? { items, next: null, last_id: 1 } });
    }
  });
}

Deno.test(
  needsChromium("the console shows markup, long names and strange bytes as text"),
  async () => {
    await using rig = await adminRig();
    await using browser = await startBrowser();
    await using opened = await openPage(browser, "about:blank", {
      viewport: { width: 360, height: 740 },
    });
    const { page, problems } = opened;
    const fired: string[] = [];
    await page.exposeFunction("bad", () => fired.push("bad"));
    page.on("dialog", (dialog) => fired.push(dialog.message()));
    page.on("request", (request) => {
      if (!request.url().startsWith(rig.url)) fired.push(request.url());
    });
    await interceptAll(page);
    await page.goto(`${rig.url}/`);
    await page.getByRole("row").filter({ hasText: MARKUP }).first().waitFor();
    const hostLink = await page.getByRole("link", { name: MARKUP }).first().getAttribute("href");
    for (
      const way of ["", hostLink!.slice(2), "requests", "explain", "entries", "away", "events"]
    ) {
      await page.goto(`${rig.url}/#/${way}`);
      await page.getByRole("heading", { level: 1 }).waitFor();
      if (way === "explain") {
        await page.getByLabel("URL").fill(`http://${MARKUP}/`);
        await page.keyboard.press("Enter");
      }
      await page.getByText(MARKUP).first().waitFor({ state: "attached" });
      const made = await page.evaluate(
        "document.querySelectorAll('#app script, #app img, #app iframe, #app [onload], #app [onerror]').length",
      );
      assert.equal(made, 0, way);
      const width = await page.evaluate("document.documentElement.scrollWidth");
      assert.equal(`${way} ${width}`, `${way} 360`);
    }
    await page.goto(`${rig.url}/#/${encodeURIComponent(MARKUP)}/%ff/__proto__`);
    await page.getByRole("heading", { name: "Nothing here" }).waitFor();
    assert.deepEqual(fired, []);
    assert.deepEqual(problems, []);
  },
);

Deno.test(
  needsChromium("the browser itself would refuse script that got into the console"),
  async () => {
    await using rig = await adminRig();
    await using browser = await startBrowser();
    await using opened = await openPage(browser, `${rig.url}/`);
    const { page } = opened;
    await page.getByRole("heading", { level: 1 }).waitFor();
    // Later: while the debugger evaluates, the page's policy is not in force.
    const verdicts = await page.evaluate(`new Promise((tell) => setTimeout(async () => {
    const results = [];
    const script = document.createElement("script");
    try { script.textContent = "window.ran = 1"; document.body.append(script); } catch {}
    try { document.body.innerHTML = "<b>x</b>"; results.push("innerHTML"); } catch {}
    try { (0, eval)("window.ran = 1"); } catch {}
    try { await fetch("http://127.0.0.1:1/"); results.push("fetch"); } catch {}
    if (window.ran) results.push("ran");
    tell(results);
  }, 1))`);
    assert.deepEqual(verdicts, []);
  },
);
