import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { Secret } from "../../lib/secret.ts";
import { adminRig } from "../admin/rig.ts";
import { needsChromium, openPage, startBrowser } from "./browser.ts";

Deno.test(needsChromium("the console shows a server live and steers it"), async (t) => {
  await using rig = await adminRig();
  await using browser = await startBrowser();
  await using opened = await openPage(browser, `${rig.url}/`);
  const { page, problems } = opened;
  const row = (host: string) => page.getByRole("row").filter({ hasText: host });
  const dialog = page.getByRole("dialog");

  await t.step("an empty server says what to do, with its own address", async () => {
    await page.getByRole("heading", { name: "No agent is connected yet" }).waitFor();
    const line = await page.getByRole("group", { name: "Command line of an agent" }).innerText();
    const [tunnel] = rig.server.tunnelAddresses;
    assert.ok(tunnel?.kind === "tcp");
    assert.ok(line.includes(`--server 127.0.0.1:${tunnel.port} --cluster edge-a`), line);
    const curl = await page.getByRole("group", { name: "Command line of a request" }).innerText();
    assert.ok(curl.endsWith(`${rig.frontendUrl}/`), curl);
  });

  await t.step("a host appears when it connects, without a reload", async () => {
    await rig.join("till-1");
    await rig.join("till-2");
    await row("till-2").getByText("active").waitFor();
    assert.equal(await page.getByRole("status").filter({ hasText: "till-2" }).count(), 1);
  });

  await t.step("its traffic is counted", async () => {
    const rate = page.getByRole("img", { name: /^Requests, requests/ });
    for (;;) {
      await (await fetch(rig.frontendUrl)).text();
      const [, value] = /requests ([\d.,]+)/.exec(await rate.getAttribute("aria-label") ?? "") ??
        [];
      if (Number(value) > 0) break;
    }
  });

  await t.step("drain asks first, and can be left with Escape", async () => {
    const button = page.getByRole("button", { name: "Drain edge-a/till-1" });
    await button.click();
    await dialog.getByText("It gets no new work.").waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    assert.equal(rig.server.registry.clusters.get("edge-a")!.hosts.size, 2);
    assert.ok(await button.evaluate((element) => element.matches(":focus")));
    assert.ok(!hostOf("till-1").isDraining);
  });

  await t.step("drain and undrain, by keyboard alone", async () => {
    await page.getByRole("button", { name: "Drain edge-a/till-1" }).focus();
    await page.keyboard.press("Enter");
    await dialog.waitFor();
    await page.keyboard.press("Tab");
    assert.equal(await focusedText(page), "Drain");
    await page.keyboard.press("Enter");
    await row("till-1").getByText("draining").waitFor();
    assert.ok(hostOf("till-1").isDraining);
    await page.getByText("till-1 is drained.").waitFor();
    await page.getByRole("button", { name: "Undrain edge-a/till-1" }).click();
    await dialog.getByRole("button", { name: "Undrain" }).click();
    await row("till-1").getByText("active").waitFor();
    assert.ok(!hostOf("till-1").isDraining);
  });

  await t.step("the last host of a cluster is drained with a warning only", async () => {
    await rig.join("cam-1", "edge-b");
    await page.getByRole("button", { name: "Drain edge-b/cam-1" }).click();
    await dialog.getByText("It is the last host of cluster edge-b").waitFor();
    await dialog.getByRole("button", { name: "Cancel" }).click();
  });

  await t.step("a weight is set, and given back to the agent", async () => {
    await page.getByRole("button", { name: "Weight edge-a/till-2" }).click();
    await dialog.getByLabel("Weight", { exact: true }).fill("30");
    await dialog.getByText("75 % of the new work of cluster edge-a.").waitFor();
    await dialog.getByRole("button", { name: "Set weight" }).click();
    await row("till-2").getByText("30").waitFor();
    assert.equal(hostOf("till-2").weight, 30);
    await page.getByRole("button", { name: "Weight edge-a/till-2" }).click();
    await dialog.getByLabel("Back to its agent's own weight").check();
    await dialog.getByRole("button", { name: "Set weight" }).click();
    await dialog.waitFor({ state: "detached" });
    assert.equal(hostOf("till-2").weight, 10);
  });

  await t.step("what the server refuses is said in the dialog, which stays", async () => {
    await page.getByRole("button", { name: "Weight edge-a/till-2" }).click();
    await dialog.getByLabel("Weight", { exact: true }).evaluate((input) => {
      input.removeAttribute("max");
    });
    await dialog.getByLabel("Weight", { exact: true }).fill("10001");
    await dialog.getByRole("button", { name: "Set weight" }).click();
    await dialog.getByRole("alert").getByText("expected a whole number from 0 to 10000").waitFor();
    await page.keyboard.press("Escape");
  });

  await t.step("tables are sorted and filtered", async () => {
    const hosts = page.getByRole("table", { name: /^Hosts/ });
    const names = () => hosts.locator("tbody th").allInnerTexts();
    await hosts.getByRole("button", { name: "Host" }).click();
    assert.deepEqual(await names(), ["cam-1", "till-1", "till-2"]);
    await hosts.getByRole("button", { name: "Host" }).click();
    assert.deepEqual(await names(), ["till-2", "till-1", "cam-1"]);
    assert.equal(
      await hosts.getByRole("columnheader", { name: "Host" }).getAttribute("aria-sort"),
      "descending",
    );
    await page.getByLabel("Find hosts by name, cluster or address").fill("cam");
    await row("till-1").waitFor({ state: "detached" });
    assert.deepEqual(await names(), ["cam-1"]);
    await page.getByLabel("Find hosts by name, cluster or address").fill("");
  });

  await t.step("the focus stays where it is while the page goes on", async () => {
    const button = page.getByRole("button", { name: "Weight edge-a/till-1" });
    await button.focus();
    const uptime = page.getByText(/^Up for/);
    const before = await uptime.innerText();
    while (await uptime.innerText() === before) await page.waitForTimeout(50);
    assert.ok(await button.evaluate((element) => element.matches(":focus")));
  });

  await t.step("a host's page shows its connections and cuts them off", async () => {
    await page.getByRole("link", { name: "till-1" }).click();
    await page.getByRole("heading", { level: 1, name: "till-1" }).waitFor();
    assert.match(await page.title(), /^till-1 in edge-a/);
    assert.equal(await focusedText(page), "edge-a/till-1");
    const before = hostOf("till-1").connections[0]!.id;
    await page.getByRole("button", { name: "Disconnect" }).click();
    await dialog.getByRole("button", { name: "Disconnect" }).click();
    await page.getByText("1 connection closed.").waitFor();
    await rig.until(() => {
      const id = hostOf("till-1")?.connections[0]?.id;
      return id !== undefined && id !== before;
    });
  });

  await t.step("explain draws the way of a request that is not sent", async () => {
    await page.getByRole("link", { name: "Explain" }).click();
    await page.getByLabel("URL").fill("edge-a.example.com/api");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "To cluster edge-a: 2 of 2 hosts" }).waitFor();
    await page.getByRole("img", { name: /edge-a\.example\.com\/api/ }).waitFor();
    await page.getByLabel("URL").fill("nowhere.example.com/");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Answered with 404 by the server itself" }).waitFor();
  });

  await t.step("requests are listed, and one's way is drawn with its times", async () => {
    await page.getByRole("link", { name: "Requests" }).click();
    await page.getByText("No request has ended").waitFor();
    // The page says so also before its first look, from which on requests are kept.
    await rig.until(() => rig.server.recent.isOn);
    for (const path of ["/first", "/second"]) {
      await (await fetch(`${rig.frontendUrl}${path}`, {
        headers: { "x-revtun-cluster": "edge-a" },
      }))
        .text();
    }
    await page.getByRole("button", { name: "GET /first" }).click();
    const picture = page.getByRole("img", { name: /^GET \/first: [\d.]+ ms/ });
    await picture.waitFor();
    const times = await picture.locator("desc").textContent();
    assert.match(times!, /Frontend [\d.]+ ms, Wait for a host .*, Tunnel .*, Dial .*, Target .*/);
    assert.match(await picture.textContent() ?? "", /till-[12]/);
  });

  await t.step("entry points and events are there", async () => {
    await page.getByRole("link", { name: "Entry points" }).click();
    await page.getByRole("row").filter({ hasText: rig.frontendUrl }).waitFor();
    await page.getByRole("link", { name: "Events" }).click();
    await page.getByText("An operator cut a host off").waitFor();
    await page.getByLabel("Find events").fill("host.weighed");
    await page.getByText("An operator cut a host off").waitFor({ state: "detached" });
    assert.ok(await page.getByText("An operator set a host's weight").count() >= 2);
  });

  await t.step("an agent that left is listed with why and when", async () => {
    const agent = await rig.join("till-9");
    await agent.close();
    await page.getByRole("link", { name: /^Away/ }).click();
    await row("till-9").getByText("drained").waitFor();
  });

  assert.deepEqual(problems, []);

  function hostOf(name: string) {
    const hosts = [...rig.server.registry.clusters.get("edge-a")!.hosts.values()];
    return hosts.find((host) => host.hostName === name)!;
  }
});

Deno.test(needsChromium("the console comes back after the server was away"), async () => {
  await using rig = await adminRig();
  await rig.join("till-1");
  await using browser = await startBrowser();
  await using opened = await openPage(browser, `${rig.url}/`);
  const { page, problems } = opened;
  const row = page.getByRole("row").filter({ hasText: "till-1" });
  await row.waitFor();
  const startAgain = await rig.stopAdmin();
  await page.getByText("the page comes back by itself").waitFor();
  await page.getByText("Reconnecting").waitFor();
  // What was seen last stays in sight.
  assert.ok(await row.isVisible());
  await rig.join("till-2");
  await startAgain();
  await page.getByRole("row").filter({ hasText: "till-2" }).waitFor();
  await page.getByText("the page comes back by itself").waitFor({ state: "detached" });
  assert.deepEqual(problems, []);
});

Deno.test(needsChromium("the console asks for a token where one is wanted"), async () => {
  await using rig = await adminRig({ token: new Secret("hunter2") });
  await rig.join("till-1");
  await using browser = await startBrowser();
  await using opened = await openPage(browser, `${rig.url}/`);
  const { page, problems } = opened;
  const field = page.getByLabel("Admin token");
  await field.waitFor();
  await field.fill("hunter1");
  await page.keyboard.press("Enter");
  await page.getByText("That token is not the one the server has.").waitFor();
  await field.fill("hunter2");
  await page.keyboard.press("Enter");
  await page.getByRole("row").filter({ hasText: "till-1" }).waitFor();
  // It stays over a reload, in this tab, and goes into no address and no cookie.
  await page.reload();
  await page.getByRole("row").filter({ hasText: "till-1" }).waitFor();
  assert.ok(!page.url().includes("hunter"));
  assert.deepEqual(await page.context().cookies(), []);
  const stored = await page.evaluate("JSON.stringify(localStorage)");
  assert.ok(!String(stored).includes("hunter"));
  await page.getByRole("button", { name: "Sign out" }).click();
  await field.waitFor();
  await page.reload();
  await field.waitFor();
  // One that the server does not have any more: a sign-in, no blank page.
  await page.evaluate(
    'sessionStorage.setItem("revtun-token", "of yesterday".replaceAll(" ", "-"))',
  );
  await page.reload();
  await page.getByText("That token is not the one the server has.").waitFor();
  assert.deepEqual(problems, []);
});

Deno.test(needsChromium("the console fits phones, and both themes are kept"), async (t) => {
  await using rig = await adminRig();
  await rig.join(`${"long-name-".repeat(25)}x`);
  await rig.join("till-1", "edge-b");
  await using browser = await startBrowser();
  await t.step("no page scrolls sideways at 360 px", async () => {
    await using opened = await openPage(browser, `${rig.url}/`, {
      viewport: { width: 360, height: 740 },
      isMobile: true,
      hasTouch: true,
    });
    const { page } = opened;
    for (
      const way of ["", "requests", "explain", "entries", "away", "events", "host/edge-b/till-1"]
    ) {
      await page.goto(`${rig.url}/#/${way}`);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.getByText("Live").waitFor();
      const width = await page.evaluate("document.documentElement.scrollWidth");
      assert.equal(width, 360, way);
    }
  });
  await t.step("dark as the system has it, or as chosen", async () => {
    await using opened = await openPage(browser, `${rig.url}/`, { colorScheme: "dark" });
    const { page } = opened;
    const background = () =>
      page.evaluate("getComputedStyle(document.documentElement).backgroundColor");
    const dark = await background();
    await page.getByLabel("Colours").selectOption("light");
    const light = await background();
    assert.notEqual(light, dark);
    await page.reload();
    await page.getByLabel("Colours").waitFor();
    assert.equal(await background(), light);
    await page.getByLabel("Colours").selectOption("system");
    assert.equal(await background(), dark);
  });
});

async function focusedText(page: Page): Promise<string> {
  const text = String(await page.evaluate("document.activeElement.innerText"));
  return text.replaceAll("\n", "").trim();
}
