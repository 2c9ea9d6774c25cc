/** The console behind a reverse proxy that ends TLS. */
import assert from "node:assert/strict";
import { request } from "node:http";
import { createServer } from "node:https";
import type { Server } from "node:https";
import { adminRig } from "../admin/rig.ts";
import { TestCa } from "../transport/tls_support.ts";
import { needsChromium, openPage, startBrowser } from "./browser.ts";

/** Passes requests on to `url` as they are, `Host` too; gives its own address. */
async function startProxy(ca: TestCa, url: string): Promise<{ server: Server; url: string }> {
  const server = createServer(await ca.sign(["127.0.0.1"]), (from, to) => {
    const { method, url: path, headers } = from;
    const onward = request(`${url}${path}`, { method, headers }, (answer) => {
      to.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(to);
    });
    onward.on("error", () => to.destroy());
    to.on("close", () => onward.destroy());
    from.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return { server, url: `https://127.0.0.1:${port}` };
}

Deno.test(needsChromium("the console steers behind a proxy that ends TLS"), async () => {
  await using rig = await adminRig();
  await using ca = await TestCa.make();
  const proxy = await startProxy(ca, rig.url);
  try {
    await rig.join("till-1");
    await rig.join("till-2");
    await using browser = await startBrowser();
    await using opened = await openPage(browser, `${proxy.url}/`, { ignoreHTTPSErrors: true });
    const { page, problems } = opened;
    await page.getByRole("button", { name: "Drain edge-a/till-1" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Drain" }).click();
    await page.getByRole("row").filter({ hasText: "till-1" }).getByText("draining").waitFor();
    assert.deepEqual(problems, []);
  } finally {
    proxy.server.closeAllConnections();
    await new Promise((resolve) => proxy.server.close(resolve));
  }
});
