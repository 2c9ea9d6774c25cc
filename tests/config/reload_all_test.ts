/** Every setting of the real commands: a change is put to use while they run, or said to wait. */
import assert from "node:assert/strict";
import { newTicket } from "../../lib/auth/ticket.ts";
import { keyOf } from "../../lib/config/setting.ts";
import { sectionCommands } from "../../cmd/sections.ts";
import { spawnCli } from "../cli/spawn_cli.ts";
import { TestCa } from "../transport/tls_support.ts";

/** Settings that go together: before and after. */
type Group = Readonly<Record<string, readonly [before: unknown, after: unknown]>>;

const ANY = "127.0.0.1:0";
const OTHER = "localhost:0";

const LIMITS: Group = {
  "init_timeout": ["5s", "6s"],
  "preread_timeout": ["5s", "6s"],
  hold: ["1s", "2s"],
  "idle_timeout": ["1m", "2m"],
  keepalive: ["10s", "20s"],
  "drain_timeout": ["1s", "2s"],
  "slow_start": ["0s", "1s"],
  "cluster_slow_start": [["edge-a=1s"], ["edge-a=2s"]],
  "max_tunnels": [100, 200],
  "max_connections_per_agent": [10, 20],
  "max_streams": [10, 20],
  "max_handshakes": [10, 20],
  "max_handshakes_per_address": [10, 20],
  "handshake_rate": [10, 20],
  "free_credential_failures": [10, 20],
  "max_clients": [100, 200],
  "max_clients_per_address": [10, 20],
  "agent_bandwidth": [1 << 20, 2 << 20],
  "frontend_bandwidth": [1 << 20, 2 << 20],
  "memory_budget": [64 << 20, 128 << 20],
};

function serverGroups(ca: TestCa, certs: readonly { cert: string; key: string }[]): Group[] {
  const { folder, certFile } = ca;
  const [one, two] = certs;
  const files = (name: string) => [`${folder}/${name}-1`, `${folder}/${name}-2`] as const;
  return [
    {
      listen: [[`http://${ANY}`], [`http://${OTHER}`]],
      tunnel: [[ANY], [OTHER]],
      route: [["/=edge-a"], ["/=edge-b"]],
      routes: [["/x=edge-a"], [{ path: "/x", to: { cluster: "edge-b" } }]],
      "trusted_proxies": [["10.0.0.0/8"], ["unix"]],
      "max_body": [1 << 20, 2 << 20],
      "allow_expose": [["tcp://:2000-2999"], ["tcp://:3000-3999"]],
      forwarded: ["none", "both"],
      "probe_timings": [false, true],
      "probe_throughput": ["on", "off"],
      clusters: [["edge-a", "edge-b"], ["edge-b", "edge-a"]],
      "open_clusters": [true, false],
      "credential_policy": ["token-file", "none"],
      "token_file": [files("tokens")[0], null],
      takeover: [false, true],
      admin: [ANY, OTHER],
      "admin_token_file": files("admin"),
      "admin_origin": [["https://one.test"], ["https://two.test"]],
      "log_level": ["info", "debug"],
      "log_format": ["text", "json"],
      "access_log": files("access"),
      "access_log_format": ["common", "json"],
      "access_log_sample": ["1", "0.5"],
      "trace_sample": ["1", "0.5"],
      ...LIMITS,
    },
    { admin: [ANY, ANY], token: ["one", "two"], "admin_token": ["one", "two"] },
    {
      admin: [ANY, ANY],
      "credential_policy": ["jwt", "jwt"],
      "jwt_keys": files("keys"),
      "jwt_issuer": ["https://one.test", "https://two.test"],
      "jwt_audience": ["one", "two"],
      "jwt_clusters_claim": ["one", "two"],
      "jwt_hosts_claim": ["one", "two"],
    },
    {
      admin: [ANY, ANY],
      "credential_policy": ["webhook", "webhook"],
      "webhook_url": ["http://127.0.0.1:1/a", "http://127.0.0.1:1/b"],
      "webhook_timeout": ["1s", "2s"],
      "webhook_cache": ["1s", "2s"],
    },
    {
      admin: [ANY, ANY],
      "credential_policy": ["mtls", "mtls"],
      "mtls_name": [["dns:{host}.{cluster}.test"], ["dns:{host}.{cluster}.example"]],
      "tls_cert": [one!.cert, two!.cert],
      "tls_key": [one!.key, two!.key],
      "tls_client_ca": [certFile, `${folder}/ca-2.pem`],
      "frontend_cert": [[one!.cert], [two!.cert]],
      "frontend_key": [[one!.key], [two!.key]],
      "frontend_client_ca": [certFile, `${folder}/ca-2.pem`],
    },
    {
      admin: [ANY, ANY],
      "tls_cert": [one!.cert, null],
      "tls_key": [one!.key, null],
      tls: [null, "auto"],
      "state_dir": [null, `${folder}/state`],
    },
  ];
}

function agentGroups(ca: TestCa, certs: readonly { cert: string; key: string }[]): Group[] {
  const { folder, certFile } = ca;
  const [one, two] = certs;
  const base = { cluster: ["edge-a", "edge-a"], admin: [ANY, ANY] } as const;
  return [
    {
      "server_list": [["127.0.0.1:1"], ["127.0.0.1:2"]],
      "server_lister": [null, `file:${folder}/list`],
      cluster: ["edge-a", "edge-b"],
      targets: [["a=127.0.0.1:1"], ["b=127.0.0.1:2"]],
      expose: [["http://a.test=a"], ["http://b.test=b"]],
      "allow_request": [["a=GET:/*"], ["b=GET:/*"]],
      "max_request_rate": [1, 2],
      "max_target_streams": [1, 2],
      "max_bandwidth": [1 << 20, 2 << 20],
      "max_daily_bytes": [1 << 20, 2 << 20],
      "state_dir": [folder, `${folder}/`],
      allow: [["10.0.0.0/8:80"], ["10.0.0.0/8:443"]],
      "hosting_listener": ["a", "b"],
      "host_name": ["one", "two"],
      weight: [1, 2],
      mode: ["mux", "raw"],
      "connection_num": [1, 2],
      "connect_timeout_duration": ["1s", "2s"],
      "connect_retry_times": [-1, 1000],
      "reconnect_base_duration": ["1s", "2s"],
      "reconnect_max_duration": ["3s", "4s"],
      keepalive: ["1s", "2s"],
      "dial_timeout": ["1s", "2s"],
      "idle_timeout": ["1s", "2s"],
      "graceful_close_max_wait_duration": ["1s", "2s"],
      "credential_policy": ["token", "token-file"],
      "token_file": [`${folder}/secret-1`, `${folder}/secret-2`],
      proxy: ["http://127.0.0.1:1", "http://127.0.0.1:2"],
      admin: [ANY, OTHER],
      "admin_token_file": [`${folder}/admin-1`, `${folder}/admin-2`],
      "admin_origin": [["https://one.test"], ["https://two.test"]],
      "log_level": ["info", "debug"],
      "log_format": ["text", "json"],
    },
    {
      ...base,
      "server_list": [["127.0.0.1:1"], ["127.0.0.1:1"]],
      credential: ["one", "two"],
      "proxy_file": [`${folder}/proxy-1`, `${folder}/proxy-2`],
      "admin_token": ["one", "two"],
      tls: [true, true],
      "tls_ca": [certFile, `${folder}/ca-2.pem`],
      "tls_cert": [one!.cert, two!.cert],
      "tls_key": [one!.key, two!.key],
      "tls_server_name": ["one.test", "two.test"],
      "tls_pin": [[`sha256:${"0".repeat(64)}`], []],
    },
    {
      ...base,
      "server_list": [["127.0.0.1:1"], ["127.0.0.1:1"]],
      "tls_insecure": [true, false],
      tls: [true, null],
      "tls_context": [null, { status: true, "cert_chain": two!.cert, "private_key": two!.key }],
    },
    {
      ...base,
      "server_list": [["127.0.0.1:1"], ["127.0.0.1:1"]],
      "dynamic_server_list_config": [
        { "dynamic_server_lister": "static", servers: ["127.0.0.1:3"] },
        { "dynamic_server_lister": "static", servers: ["127.0.0.1:4"] },
      ],
    },
  ];
}

const COMMANDS = await sectionCommands();
const ca = await TestCa.make();
globalThis.addEventListener("unload", () => Deno.removeSync(ca.folder, { recursive: true }));
const certs = [await ca.signFiles("one", ["one.test"]), await ca.signFiles("two", ["two.test"])];
await Deno.copyFile(ca.certFile, `${ca.folder}/ca-2.pem`);
for (const number of [1, 2]) {
  const write = (name: string, text: string) =>
    Deno.writeTextFile(`${ca.folder}/${name}-${number}`, text, { mode: 0o600 });
  await write("tokens", `${newTicket({ id: "till-7" }, 0).line}\n`);
  await write("admin", "s3cret");
  await write("secret", "s3cret");
  await write("proxy", `http://till-7:s3cret@127.0.0.1:${number}`);
  await write("keys", JSON.stringify({ keys: [await publicKey()] }));
}
const SERVER_GROUPS = serverGroups(ca, certs);
const AGENT_GROUPS = agentGroups(ca, certs);
/** An agent that is disabled ends; tests/config/apply_test.ts sees that. */
const ELSEWHERE = ["agent.enable"];

for (const [section, groups] of [["server", SERVER_GROUPS], ["agent", AGENT_GROUPS]] as const) {
  const { options } = COMMANDS.find(({ name }) => name === section)!;
  Deno.test(`each setting of revtun ${section} changes in a test of reloads`, () => {
    const keys = options.filter(({ name }) => name !== "config").map(keyOf);
    const tried = new Set(
      groups.flatMap((group) => Object.keys(group).filter((key) => !same(...group[key]!))),
    );
    const missing = keys.filter((key) =>
      !tried.has(key) && !ELSEWHERE.includes(`${section}.${key}`)
    );
    assert.deepEqual(missing, []);
  });
  for (const [number, group] of groups.entries()) {
    const changed = Object.keys(group).filter((key) => !same(...group[key]!));
    Deno.test(`a reload of revtun ${section} takes ${changed[0]} and others over, or names them, ${number}`, async () => {
      const folder = await Deno.makeTempDir({ prefix: "revtun-test-" });
      await using _folder = {
        [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
      };
      const file = `${folder}/revtun.yaml`;
      const write = async (at: 0 | 1) => {
        const values = Object.entries(group).map(([key, pair]) => [key, pair[at]] as const);
        const places = section === "server" ? { listen: [ANY], tunnel: [ANY] } : {};
        const set = Object.fromEntries(values.filter(([, value]) => value !== null));
        // At once, so that it is read once.
        await Deno.writeTextFile(
          `${file}.new`,
          JSON.stringify({ [section]: { ...places, ...set } }),
        );
        await Deno.rename(`${file}.new`, file);
      };
      await write(0);
      await using program = spawnCli([section, "--config", file]);
      const [, admin = ""] = await program.printed(/event=admin\.listening .*address=(\S+)/);
      await write(1);
      await program.printed(/event=config\.(reloaded|refused)|"event":"config\.reloaded"/);
      const authorization = "admin_token_file" in group
        ? "Bearer s3cret"
        : `Bearer ${group["admin_token"]?.[0]}`;
      const headers = { authorization };
      const { settings, reload } = await (await fetch(`http://${admin}/api/v1/config`, { headers }))
        .json();
      assert.equal(reload.last_error, null);
      const fixed = options.filter(({ isFixed }) => isFixed).map(keyOf)
        .filter((key) => changed.includes(key));
      assert.deepEqual(reload.needs_restart.sort(), fixed.sort());
      const metrics = await (await fetch(`http://${admin}/metrics`, { headers })).text();
      assert.match(metrics, new RegExp(`^revtun_config_needs_restart ${fixed.length}$`, "m"));
      if (fixed.length > 0) {
        const [, text, json] = await program.printed(
          /event=config\.needs_restart .*settings=(\S+)|"config\.needs_restart".*"settings":"(.+?)"/,
        );
        const keys = text ?? json!;
        assert.deepEqual(keys.split(",").sort(), fixed);
      }
      for (const key of changed) {
        const { value, source, after_restart: next } = settings[key];
        const isSet = group[key]![1] !== null;
        const shown = fixed.includes(key) ? next : value;
        // Each route is shown in full, however short it was written.
        if (key === "routes") continue;
        if (JSON.stringify([value, next]).includes("***") || !isSet) continue;
        assert.deepEqual(shown, group[key]![1], key);
        assert.match(source, new RegExp(`^${file}:`), key);
        if (fixed.includes(key)) assert.deepEqual(value, group[key]![0], key);
      }
    });
  }
}

function same(before: unknown, after: unknown): boolean {
  return JSON.stringify(before) === JSON.stringify(after);
}

async function publicKey(): Promise<JsonWebKey & { kid: string }> {
  const curve = { name: "ECDSA", namedCurve: "P-256" };
  const { publicKey } = await crypto.subtle.generateKey(curve, true, ["sign", "verify"]);
  return { ...await crypto.subtle.exportKey("jwk", publicKey), kid: "1", alg: "ES256", use: "sig" };
}
