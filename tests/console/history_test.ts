import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { adminRig } from "../admin/rig.ts";
import type { AdminRig } from "../admin/rig.ts";
import { needsChromium, openPage, startBrowser } from "./browser.ts";

/** The most requests that the server's history has in a second. */
async function mostTold(rig: AdminRig): Promise<number> {
  const { json } = await rig.ask("/api/v1/history");
  return Math.max(0, ...json["requests_per_second"]);
}

/** Requests a second of a host, as its history has them. */
async function ratesOfHost(rig: AdminRig, host: string): Promise<number[]> {
  const { json } = await rig.ask(`/api/v1/hosts/edge-a/${host}/history`);
  return json.items[0]["requests_per_second"];
}

/** Makes requests until the server's history has some. */
async function makeRequests(rig: AdminRig): Promise<void> {
  do await (await fetch(rig.frontendUrl)).body?.cancel(); while (await mostTold(rig) === 0);
}

/** The most that the chart of requests says of the latest time with any, once it has one. */
async function mostShown(page: Page): Promise<number> {
  const chart = page.getByRole("img", { name: /^Requests, requests/ });
  const { x, y, width, height } = (await chart.boundingBox())!;
  const endMs = performance.now() + 60_000;
  let most = 0;
  for (let at = Infinity; performance.now() < endMs; at -= 2) {
    if (at < 45 || at > width) at = width - 20;
    await page.mouse.move(x + at, y + height / 2);
    const label = await chart.getAttribute("aria-label");
    const value = Number(/requests ([\d.,]+)/.exec(label!)?.[1]?.replaceAll(",", "") ?? 0);
    if (value === 0 && most > 0) return most;
    most = Math.max(most, value);
  }
  assert.fail("it shows no requests");
}

Deno.test(needsChromium("a page shows requests that were made before it was opened"), async () => {
  await using rig = await adminRig();
  await rig.join("till-1");
  await makeRequests(rig);
  await using browser = await startBrowser();
  await using opened = await openPage(browser, `${rig.url}/`);
  const { page, problems } = opened;
  await page.getByRole("row").filter({ hasText: "till-1" }).waitFor();
  const [shown, told] = [await mostShown(page), await mostTold(rig)];
  assert.ok(Math.abs(shown - told) <= 1, `${shown} of ${told}`);
  assert.deepEqual(problems, []);
});

Deno.test(needsChromium("a page that comes back shows what was while it was away"), async () => {
  await using rig = await adminRig();
  await rig.join("till-1");
  await using browser = await startBrowser();
  await using opened = await openPage(browser, `${rig.url}/`);
  const { page, problems } = opened;
  await page.getByRole("row").filter({ hasText: "till-1" }).waitFor();
  const live = /\/api\/v1\/live/;
  await page.route(live, (route) => route.abort());
  rig.source.streams.close();
  await page.getByText("Reconnecting").waitFor();
  await makeRequests(rig);
  await page.unroute(live);
  await page.getByText("Reconnecting").waitFor({ state: "detached" });
  const [shown, told] = [await mostShown(page), await mostTold(rig)];
  assert.ok(Math.abs(shown - told) <= 1, `${shown} of ${told}`);
  assert.deepEqual(problems, []);
});

Deno.test(needsChromium("a host's page shows what was before it was opened"), async () => {
  await using rig = await adminRig();
  await rig.join("till-1");
  do await makeRequests(rig); while (Math.max(0, ...await ratesOfHost(rig, "till-1")) === 0);
  await using browser = await startBrowser();
  await using opened = await openPage(browser, `${rig.url}/#/host/edge-a/till-1`);
  const { page, problems } = opened;
  await page.getByRole("heading", { level: 1, name: "till-1" }).waitFor();
  const shown = await mostShown(page);
  const told = Math.max(...await ratesOfHost(rig, "till-1"));
  assert.ok(Math.abs(shown - told) <= 1, `${shown} of ${told}`);
  assert.deepEqual(problems, []);
});
