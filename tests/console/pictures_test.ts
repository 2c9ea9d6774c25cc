/**
 * The pictures in docs/console.md are of the real page. They are taken anew by
 *
 *     REVTUN_PICTURES=1 npm test -- tests/console/pictures_test.ts
 */
import assert from "node:assert/strict";
import type { BrowserContextOptions, Page } from "playwright-core";
import { adminRig } from "../admin/rig.ts";
import { needsChromium, openPage, startBrowser } from "./browser.ts";

const FOLDER = new URL("../../docs/images/", import.meta.url);
const IS_ASKED = Deno.env.get("REVTUN_PICTURES") !== undefined;
const MAX_BYTES = 150_000;
const NAMES = ["empty", "overview", "drained", "explain", "requests", "dark", "phone"] as const;
/** How long the load runs before it is looked at, so that its charts show something. */
const LOAD_MS = 40_000;

const SIZE = { width: 1200, height: 880 };
const PHONE: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
};

Deno.test("the console's pictures are there, and small", async () => {
  const page = await Deno.readTextFile(new URL("../console.md", FOLDER));
  for (const name of NAMES) {
    const { size } = await Deno.stat(new URL(`console-${name}.png`, FOLDER));
    assert.ok(size < MAX_BYTES, `${name}: ${size} bytes`);
    assert.ok(page.includes(`images/console-${name}.png`), name);
  }
});

Deno.test({
  ...needsChromium("the console's pictures are taken anew, when REVTUN_PICTURES is set"),
  ignore: !IS_ASKED,
  async fn() {
    await using rig = await adminRig();
    await using browser = await startBrowser();
    const take = async (
      name: (typeof NAMES)[number],
      options: BrowserContextOptions,
      prepare: (page: Page) => Promise<unknown>,
      way = "",
    ) => {
      await using opened = await openPage(browser, `${rig.url}/#/${way}`, {
        viewport: SIZE,
        ...options,
      });
      await prepare(opened.page);
      const bytes = await opened.page.screenshot({ animations: "disabled" });
      await Deno.writeFile(new URL(`console-${name}.png`, FOLDER), bytes);
    };

    await take("empty", { viewport: { ...SIZE, height: 500 } }, async (page) => {
      await page.getByText("No agent is connected yet").waitFor();
      await page.waitForTimeout(1500);
    });

    for (const name of ["till-1", "till-2", "till-3", "till-4"]) await rig.join(name, "shop-north");
    for (const name of ["cam-yard", "cam-gate"]) await rig.join(name, "warehouse");
    await (await rig.join("till-5", "shop-north")).abort();
    await rig.ask("/api/v1/hosts/shop-north/till-1/weight", { weight: 20 });
    await using load = new Load();
    load.start([
      ...[0, 1, 2].map((n) => sendLoad(rig.frontendUrl, "shop-north", n, load.signal)),
      sendLoad(rig.frontendUrl, "warehouse", 1, load.signal),
    ]);
    // The pages are opened while it runs: their charts begin before they do.
    await new Promise((resolve) => setTimeout(resolve, LOAD_MS));
    const look = async (page: Page) => {
      await page.getByRole("row").filter({ hasText: "till-4" }).waitFor();
      await page.mouse.move(0, 0);
      await page.waitForTimeout(LOAD_MS);
    };
    await Promise.all([
      take("overview", {}, look),
      take("dark", { colorScheme: "dark" }, look),
      take("phone", PHONE, look),
      take("drained", {}, async (page) => {
        await page.waitForTimeout(LOAD_MS - 12_000);
        await page.getByRole("button", { name: "Drain", exact: true }).click();
        await page.getByRole("dialog").getByRole("button", { name: "Drain" }).click();
        await page.waitForTimeout(12_000);
      }, "host/shop-north/till-3"),
    ]);
    await take("requests", { viewport: { ...SIZE, height: 760 } }, async (page) => {
      await page.getByRole("table", { name: /^Latest/ }).locator("tbody tr").nth(7).waitFor();
      await page.getByRole("button", { name: "GET /" }).nth(3).click();
    }, "requests");
    await take("explain", {}, async (page) => {
      await page.getByLabel("URL").fill("http://shop-north.example.com/api/orders");
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "To cluster shop-north" }).waitFor();
      await page.getByRole("heading", { level: 1 }).focus();
    }, "explain");
  },
});

/** Requests under way, which end before the server does. */
class Load implements AsyncDisposable {
  readonly #abort = new AbortController();
  #requests: readonly Promise<void>[] = [];

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  start(requests: readonly Promise<void>[]): void {
    this.#requests = requests;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await Promise.all(this.#requests);
  }
}

/** Requests that come and go like those of people: in waves. */
async function sendLoad(
  url: string,
  cluster: string,
  n: number,
  signal: AbortSignal,
): Promise<void> {
  const headers = { "x-revtun-cluster": cluster };
  while (!signal.aborted) {
    const wave = 1.3 + Math.sin(performance.now() / 9000 + n) + Math.random() / 2;
    await (await fetch(url, { headers })).body?.cancel();
    await new Promise((resolve) => setTimeout(resolve, 30 / wave));
  }
}
