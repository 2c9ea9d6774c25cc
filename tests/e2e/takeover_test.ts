import assert from "node:assert/strict";
import { freePorts } from "../../bench/ports.ts";
import { outputOfCli, spawnCli } from "../cli/spawn_cli.ts";
import { keepAsking, keepConnecting } from "./keep_alive_client.ts";

function serverLine(ports: readonly number[]): string[] {
  const [client, agent, admin] = ports;
  return [
    "server",
    `--listen=127.0.0.1:${client}`,
    `--tunnel=127.0.0.1:${agent}`,
    `--admin=127.0.0.1:${admin}`,
  ];
}

Deno.test("a server that takes over holds the hosts first, and no client sees a failure", async () => {
  const ports = freePorts(3);
  const line = serverLine(ports);
  await using old = spawnCli(line);
  await old.printed(/event=admin\.listening/);
  await using agent = spawnCli([
    "agent",
    `--server=127.0.0.1:${ports[1]}`,
    "--cluster=edge-a",
    "--host-name=h1",
    "--connections=2",
  ]);
  await agent.printed(/connections=2/);

  const stop = new AbortController();
  const asking = keepAsking(ports[0]!, 8, stop.signal);
  await using next = spawnCli([...line, "--takeover"]);
  await next.printed(/event=takeover\.done .* hosts=1/);
  assert.equal((await old.status).code, 0);
  await next.printed(/event=admin\.listening/);
  stop.abort();
  const { answered, failed, closed } = await asking;
  assert.deepEqual(failed, []);
  assert.ok(answered > 100, `${answered} answers`);
  assert.ok(closed >= 8, `${closed} told to close`);
  assert.match(old.stderr, /event=takeover\.finished/);

  // The new one gets all that the old one had.
  await next.printed(/event=tunnel\.registered .* connections=2/);
  const status = await outputOfCli(["status", "--admin", `127.0.0.1:${ports[2]}`, "--json"]);
  const { hosts } = JSON.parse(status.stdout);
  assert.deepEqual(
    hosts.map(({ name, connections }: { name: string; connections: unknown[] }) => [
      name,
      connections.length,
    ]),
    [["h1", 2]],
  );
  agent.kill("SIGTERM");
  assert.equal((await agent.status).code, 0);
  next.kill("SIGTERM");
  assert.equal((await next.status).code, 0);
});

Deno.test("new connections within a takeover are answered, or reset and counted", async () => {
  const ports = freePorts(3);
  const line = serverLine(ports);
  await using old = spawnCli(line);
  await old.printed(/event=admin\.listening/);
  await using agent = spawnCli(["agent", `--server=127.0.0.1:${ports[1]}`, "--cluster=edge-a"]);
  await agent.printed(/connections=2/);
  const stop = new AbortController();
  const connecting = keepConnecting(ports[0]!, 4, stop.signal);
  await using next = spawnCli([...line, "--takeover"]);
  await next.printed(/event=takeover\.done/);
  assert.equal((await old.status).code, 0);
  stop.abort();
  const { answered, failed } = await connecting;
  const told = /event=server\.deaf .*reset_at_most=(\d+)/.exec(old.stderr);
  assert.ok(answered > 50, `${answered} answers`);
  assert.ok(failed.length <= Number(told?.[1]), `${failed.join("\n")}\n${old.stderr}`);
  assert.ok(failed.every((reason) => /reset/i.test(reason)), failed.join("\n"));
});

Deno.test("a takeover that cannot be changes nothing and says why", async () => {
  const ports = freePorts(4);
  const line = serverLine(ports);
  const nobody = await outputOfCli([...line, "--takeover"]);
  assert.equal(nobody.code, 1);
  assert.match(nobody.stderr, /^revtun: Cannot reach the admin endpoint at .*connection refused/m);
  const blind = await outputOfCli([...line.slice(0, 3), "--takeover"]);
  assert.equal(blind.code, 2);
  assert.match(blind.stderr, /^revtun: --takeover: the running server is found by its admin/m);

  await using old = spawnCli(line);
  await old.printed(/event=admin\.listening/);
  const other = serverLine([ports[3]!, ...ports.slice(1)]);
  const refused = await outputOfCli([...other, "--takeover"]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /revtun: The new server does not listen on every frontend address/);
  // Without --takeover a port that could be shared is in use like any other.
  const second = await outputOfCli(line.slice(0, 3));
  assert.equal(second.code, 1);
  assert.match(second.stderr, /revtun: Cannot listen on .*: the address is in use/);
  const sharing = await outputOfCli([...line.slice(0, 3), `--admin=127.0.0.1:${ports[3]}`]);
  assert.equal(sharing.code, 1);
  assert.match(sharing.stderr, /revtun: Cannot listen on .*: the address is in use/);

  const answer = await fetch(`http://127.0.0.1:${ports[0]}/`);
  assert.equal(answer.status, 404);
  await answer.body?.cancel();
  old.kill("SIGTERM");
  assert.equal((await old.status).code, 0);
});
