import assert from "node:assert/strict";
import { formatAddress } from "../../lib/address.ts";
import { startAdmin } from "../../lib/admin/admin.ts";
import { AGENT_ROUTES } from "../../lib/admin/agent_routes.ts";
import { consoleAsset } from "../../lib/admin/web_console.ts";
import { adminRig } from "../admin/rig.ts";
import { needsChromium, openPage, startBrowser } from "./browser.ts";

Deno.test(needsChromium("an agent's console shows its servers and sets its weight"), async () => {
  await using rig = await adminRig();
  const agent = await rig.join("till-1");
  const { streams } = rig.source;
  const source = Object.assign(Object.create(rig.source), { agent });
  const { runtime } = rig;
  const address = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
  const options = { source, routes: AGENT_ROUTES, streams, runtime, asset: consoleAsset };
  const admin = await startAdmin(address, options);
  try {
    await using browser = await startBrowser();
    await using opened = await openPage(browser, `http://${formatAddress(admin.address)}/`);
    const { page, problems } = opened;
    await page.getByRole("heading", { name: "Agent edge-a/till-1" }).waitFor();
    const [tunnel] = rig.server.tunnelAddresses;
    await page.getByRole("row").filter({ hasText: formatAddress(tunnel!) }).getByText("connected")
      .waitFor();
    await page.getByRole("button", { name: "Weight" }).click();
    await page.getByLabel("Weight", { exact: true }).fill("25");
    await page.getByRole("button", { name: "Set weight" }).click();
    await page.getByText("The weight is 25.").waitFor();
    const hosts = [...rig.server.registry.clusters.get("edge-a")!.hosts.values()];
    await rig.until(() => hosts[0]!.weight === 25);
    assert.deepEqual(problems, []);
  } finally {
    await admin.close();
  }
});
