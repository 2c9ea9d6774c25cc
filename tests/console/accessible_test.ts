import assert from "node:assert/strict";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { Secret } from "../../lib/secret.ts";
import { adminRig } from "../admin/rig.ts";
import { needsChromium, openPage, startBrowser } from "./browser.ts";

const EVERYTHING = "{ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', " +
  "'best-practice'], resultTypes: ['violations'] }";
/** All that the theme can change. */
const COLORS = "{ runOnly: { type: 'rule', values: ['color-contrast'] } }";

/** What axe-core complains of on a page in either theme, as one line each. */
async function complaints(page: Page): Promise<string[]> {
  // Evaluated by the debugger, whom the page's policy does not bind.
  if (!await page.evaluate("'axe' in window")) await page.evaluate(axe.source);
  const found: string[] = [];
  for (const [colorScheme, rules] of [["light", EVERYTHING], ["dark", COLORS]] as const) {
    await page.emulateMedia({ colorScheme });
    const { violations } = await page.evaluate(`axe.run(${rules})`) as {
      violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
    };
    for (const { id, nodes } of violations) {
      found.push(
        ...nodes.map((node) => `${colorScheme} ${id}: ${node.html} ${node.failureSummary}`),
      );
    }
  }
  return found;
}

Deno.test(needsChromium("axe-core finds nothing in the console, light and dark"), async (t) => {
  await using rig = await adminRig();
  await using browser = await startBrowser();
  await using opened = await openPage(browser, `${rig.url}/`);
  const { page } = opened;
  const check = (name: string, way: string, prepare?: () => Promise<unknown>) =>
    t.step(name, async () => {
      await page.goto(`${rig.url}/#/${way}`);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await prepare?.();
      assert.deepEqual(await complaints(page), []);
    });
  const row = (text: string) => page.getByRole("row").filter({ hasText: text }).waitFor();
  await check("empty", "", () => page.getByText("No agent is connected yet").waitFor());
  await rig.join("till-1");
  await rig.join("till-2");
  await (await rig.join("cam-1", "edge-b")).close();
  await rig.ask("/api/v1/hosts/edge-a/till-2/drain", {});
  await check("overview", "", () => row("draining"));
  await check("a dialog", "", async () => {
    await page.getByRole("button", { name: "Weight edge-a/till-1" }).click();
    await page.getByRole("dialog").waitFor();
  });
  await page.keyboard.press("Escape");
  await check("a host", "host/edge-a/till-1", () => page.getByText("About it").waitFor());
  await check(
    "a host that is away",
    "host/edge-b/cam-1",
    () => page.getByText("It left").waitFor(),
  );
  await check("requests", "requests", async () => {
    await page.getByText("No request has ended").waitFor();
    const headers = { "x-revtun-cluster": "edge-a" };
    await (await fetch(rig.frontendUrl, { headers })).text();
    await row("GET /");
  });
  await check("explain", "explain", async () => {
    await page.getByLabel("URL").fill("edge-a.example.com");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "To cluster edge-a" }).waitFor();
    await page.getByText("Headers, client, frontend").click();
  });
  await check("entry points", "entries", () => row(rig.frontendUrl));
  await check("away", "away", () => row("cam-1"));
  await check("events", "events", () => row("An operator drained a host"));
  await check("nothing", "nowhere", () => page.getByText("Nothing here").waitFor());
  await check("the server is away", "", async () => {
    await rig.stopAdmin();
    await page.getByText("the page comes back by itself").waitFor();
  });
});

Deno.test(needsChromium("axe-core finds nothing in the console's sign-in"), async () => {
  await using rig = await adminRig({ token: new Secret("hunter2") });
  await using browser = await startBrowser();
  await using opened = await openPage(browser, `${rig.url}/`);
  const { page } = opened;
  await page.getByLabel("Admin token").fill("hunter1");
  await page.keyboard.press("Enter");
  await page.getByText("That token is not the one").waitFor();
  assert.deepEqual(await complaints(page), []);
});
