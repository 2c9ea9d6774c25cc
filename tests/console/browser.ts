/** A headless Chromium for the tests of the console. */
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";

/** Longest wait for what has to come, in ms: a busy machine is no failure. */
const TIMEOUT_MS = 30_000;

/** Where Debian and others put it; undefined if there is none. */
export const CHROMIUM: string | undefined = await findChromium();

/** Options of a test that needs it. */
export function needsChromium(name: string): { name: string; ignore: boolean } {
  return { name: `${name} (needs chromium)`, ignore: CHROMIUM === undefined };
}

/** A page, and what went wrong in it. */
export interface TestPage extends AsyncDisposable {
  readonly page: Page;
  /** Uncaught errors, and what the browser refused by the page's own policy. */
  readonly problems: readonly string[];
}

/** Starts the browser; to be closed. */
export async function startBrowser(): Promise<Browser> {
  assert.ok(CHROMIUM !== undefined);
  // Its sandbox refuses to run for root, as in containers.
  const args = Deno.uid() === 0 ? ["--no-sandbox"] : [];
  return await chromium.launch({ executablePath: CHROMIUM, args });
}

/** Opens a page of its own, as of another user. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<TestPage> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    reducedMotion: "reduce",
    ...options,
  });
  context.setDefaultTimeout(TIMEOUT_MS);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    // That a server is away is said by the page itself.
    const isExpected = /Failed to load resource|ERR_/.test(message.text());
    if (message.type() === "error" && !isExpected) problems.push(message.text());
  });
  await page.goto(url);
  return {
    page,
    problems,
    [Symbol.asyncDispose]: () => context.close(),
  };
}

async function findChromium(): Promise<string | undefined> {
  const given = Deno.env.get("REVTUN_CHROMIUM");
  const candidates = given === undefined
    ? ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
    : [given];
  for (const path of candidates) {
    if (await Deno.stat(path).then(() => true, () => false)) return path;
  }
  return undefined;
}
