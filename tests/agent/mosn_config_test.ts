import assert from "node:assert/strict";
import { AGENT_DEFAULTS } from "../../lib/agent/config.ts";
import { agentConfigFromMosn } from "../../lib/agent/mosn_config.ts";
import { ConfigError } from "../../lib/errors.ts";

const MINIMAL = { cluster: "edge-a", "server_list": ["cloud:9000"] };

Deno.test("agentConfigFromMosn() reads every field of MOSN's AgentBootstrapConfig", () => {
  const config = agentConfigFromMosn({
    enable: true,
    connection_num: 4,
    cluster: "edge-a",
    hosting_listener: "edge_listener",
    server_list: ["cloud-1:9000", "[::1]:9001"],
    dynamic_server_list_config: { dynamic_server_lister: "dns", name: "servers.cloud" },
    connect_retry_times: 7,
    reconnect_base_duration_ms: 3000,
    connect_timeout_duration_ms: 4000,
    credential_policy: "token",
    graceful_close_max_wait_duration_ms: 5000,
    tls_context: { status: false },
  });
  assert.equal(config.isEnabled, true);
  assert.equal(config.connectionNum, 4);
  assert.equal(config.cluster, "edge-a");
  assert.equal(config.hostingListener, "edge_listener");
  assert.deepEqual(config.servers, [
    { kind: "tcp", host: "cloud-1", port: 9000 },
    { kind: "tcp", host: "::1", port: 9001 },
  ]);
  assert.deepEqual(config.serverLister, { kind: "dns", options: { name: "servers.cloud" } });
  assert.equal(config.connectRetryTimes, 7);
  assert.equal(config.reconnectBaseMs, 3000);
  assert.equal(config.connectTimeoutMs, 4000);
  assert.equal(config.credentialPolicy, "token");
  assert.equal(config.drainTimeoutMs, 5000);
});

Deno.test("agentConfigFromMosn() reads the spellings without _ms as durations", () => {
  const config = agentConfigFromMosn({
    ...MINIMAL,
    reconnect_base_duration: "2s",
    reconnect_max_duration: "1m",
    connect_timeout_duration: "1500ms",
    graceful_close_max_wait_duration: "20s",
  });
  assert.equal(config.reconnectBaseMs, 2000);
  assert.equal(config.reconnectMaxMs, 60_000);
  assert.equal(config.connectTimeoutMs, 1500);
  assert.equal(config.drainTimeoutMs, 20_000);
});

Deno.test("agentConfigFromMosn() takes Go's zero values for fields that are not set", () => {
  const config = agentConfigFromMosn({
    ...MINIMAL,
    connection_num: 0,
    connect_retry_times: 0,
    reconnect_base_duration_ms: 0,
    credential_policy: "",
    DynamicServerListConfig: { dynamic_server_lister: "" },
  });
  const { cluster: _cluster, servers: _servers, ...rest } = config;
  assert.deepEqual(rest, AGENT_DEFAULTS);
});

Deno.test("agentConfigFromMosn() reads our own fields beside MOSN's", () => {
  const config = agentConfigFromMosn({
    ...MINIMAL,
    host_name: "till-7",
    weight: 0,
    targets: ["127.0.0.1:8000", "ssh=127.0.0.1:22"],
    allow: ["10.0.0.0/8:1-1024"],
    mode: "mux",
    credential: "s3cret",
  });
  assert.equal(config.hostName, "till-7");
  assert.equal(config.weight, 0);
  assert.deepEqual([...config.targets.keys()], ["", "ssh"]);
  assert.equal(config.allow.length, 1);
  assert.equal(config.mode, "mux");
  assert.equal(config.credential?.reveal(), "s3cret");
  assert.ok(!Deno.inspect(config).includes("s3cret"));
});

Deno.test("agentConfigFromMosn() names the field that is wrong", () => {
  const cases: [Record<string, unknown>, string, RegExp][] = [
    [{ conection_num: 2 }, "tunnel_agent.conection_num", /did you mean connection_num/],
    [{ cluster: "" }, "tunnel_agent.cluster", /missing/],
    [{ cluster: "a b" }, "tunnel_agent.cluster", /not a name/],
    [{ server_list: [] }, "tunnel_agent.server_list", /names no server/],
    [{ server_list: "cloud:9000" }, "tunnel_agent.server_list", /list of texts/],
    [{ server_list: ["cloud:9000", "cloud"] }, "tunnel_agent.server_list[1]", /no port/],
    [{ connection_num: "2" }, "tunnel_agent.connection_num", /number was expected/],
    [{ connection_num: 1000 }, "tunnel_agent.connection_num", /out of range/],
    [{ connection_num: 1.5 }, "tunnel_agent.connection_num", /out of range/],
    [{ enable: "yes" }, "tunnel_agent.enable", /true or false/],
    [{ reconnect_base_duration: 3 }, "tunnel_agent.reconnect_base_duration", /no unit/],
    [{ reconnect_base_duration: "3" }, "tunnel_agent.reconnect_base_duration", /did you mean 3s/],
    [
      { reconnect_base_duration: "3s", reconnect_base_duration_ms: 3000 },
      "tunnel_agent.reconnect_base_duration",
      /twice/,
    ],
    [{ weight: -1 }, "tunnel_agent.weight", /out of range/],
    [{ targets: ["x"] }, "tunnel_agent.targets", /no port/],
    [{ allow: ["x:1"] }, "tunnel_agent.allow", /not a network/],
    [{ mode: "http" }, "tunnel_agent.mode", /none of/],
    [{ tls_context: { status: true } }, "tunnel_agent.tls_context", /not supported/],
    [{ host_name: "a\nb" }, "tunnel_agent.host_name", /not a name/],
  ];
  for (const [fields, path, message] of cases) {
    assert.throws(
      () => agentConfigFromMosn({ ...MINIMAL, ...fields }),
      (error: unknown) =>
        error instanceof ConfigError && error.path === path && message.test(error.message),
      JSON.stringify(fields),
    );
  }
  assert.throws(() => agentConfigFromMosn(null), /tunnel_agent: null where an object/);
  assert.throws(() => agentConfigFromMosn([]), /a list where an object/);
});

Deno.test("agentConfigFromMosn() needs no server where the agent is switched off", () => {
  assert.equal(agentConfigFromMosn({ cluster: "a", enable: false }).isEnabled, false);
});
