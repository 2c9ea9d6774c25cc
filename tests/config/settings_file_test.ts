import assert from "node:assert/strict";
import { ConfigFileError } from "../../lib/config/problem.ts";
import { SECTIONS, settingsOf, valuesOf } from "./support.ts";

Deno.test("a settings file gives each setting its type: ms, bytes, lists, texts", () => {
  const text = `
agent:
  cluster: edge-a
  server_list: ["cloud:9000", "[::1]:9001"]
  connection_num: 4
  connect_timeout_duration: 1m30s
  graceful_close_max_wait_duration: 0
  targets: &all ["127.0.0.1:8000"]
  enable: false
`;
  assert.deepEqual(valuesOf(text), {
    "cluster": "edge-a",
    "server": ["cloud:9000", "[::1]:9001"],
    "connections": 4,
    "connect-timeout": 90_000,
    "drain-timeout": 0,
    "target": ["127.0.0.1:8000"],
    "enable": false,
  });
});

Deno.test("JSON is read as YAML is, tabs and all", () => {
  const text = '{\n\t"server": {\n\t\t"listen": [":1"],\n\t\t"hold": "5s"\n\t}\n}\n';
  assert.deepEqual(valuesOf(text, "server"), { listen: [":1"], hold: 5000 });
});

Deno.test("an alias stands for what its anchor holds", () => {
  const text = `server:\n  listen: &here [":1"]\n  tunnel: *here\n`;
  assert.deepEqual(valuesOf(text, "server"), { listen: [":1"], tunnel: [":1"] });
});

Deno.test("paths of files start where the settings file is", () => {
  assert.deepEqual(valuesOf("agent: { token_file: secrets/token }"), {
    "token-file": "/etc/revtun/secrets/token",
  });
  assert.deepEqual(valuesOf("agent: { token_file: /run/token }"), { "token-file": "/run/token" });
});

Deno.test("a setting knows where it stands", () => {
  const file = settingsOf("server: {}\nagent:\n  cluster: a\n  weight: 5\n");
  const weight = SECTIONS[1]!.settings.find(({ name }) => name === "weight")!;
  assert.equal(file.placeOf("agent", weight), "/etc/revtun/test.yaml:4:11: agent.weight");
  assert.deepEqual(file.sectionNames, ["server", "agent"]);
});

/** Every field of MOSN's AgentBootstrapConfig, as its own JSON has it. */
const BOOTSTRAP = {
  enable: true,
  "connection_num": 4,
  cluster: "edge-a",
  "hosting_listener": "edge_listener",
  "server_list": ["cloud-1:9000", "[::1]:9001"],
  "connect_retry_times": 7,
  "reconnect_base_duration_ms": 3000,
  "connect_timeout_duration_ms": 4000,
  "credential_policy": "token",
  "graceful_close_max_wait_duration_ms": 5000,
  "tls_context": { status: false },
};
const BOOTSTRAP_VALUES = {
  "enable": true,
  "connections": 4,
  "cluster": "edge-a",
  "hosting-listener": "edge_listener",
  "server": ["cloud-1:9000", "[::1]:9001"],
  "connect-retry-times": 7,
  "reconnect-base": 3000,
  "connect-timeout": 4000,
  "credential": "token",
  "drain-timeout": 5000,
  "tls-context": { status: false },
};

Deno.test("MOSN's tunnel_agent extend is read as it is, however it is wrapped", () => {
  const documents: unknown[] = [
    { agent: BOOTSTRAP },
    { type: "tunnel_agent", config: BOOTSTRAP },
    { type: "tunnel-agent", config: BOOTSTRAP },
    { type: "tunnelagent", config: BOOTSTRAP },
    { type: "tunnel_agent_bootstrap_config", config: BOOTSTRAP },
    {
      extends: [{ type: "flow_control", config: {} }, { type: "tunnel_agent", config: BOOTSTRAP }],
    },
    { extends: { "tunnel_agent": BOOTSTRAP } },
  ];
  for (const document of documents) {
    assert.deepEqual(valuesOf(JSON.stringify(document)), BOOTSTRAP_VALUES);
  }
});

Deno.test("Go's zero values in an extend are fields that are not set", () => {
  const config = {
    ...{
      cluster: "edge-a",
      "connection_num": 0,
      "connect_retry_times": 0,
      "credential_policy": "",
    },
    ...{ "reconnect_base_duration_ms": 0, "tls_context": null, weight: 0 },
  };
  assert.deepEqual(valuesOf(JSON.stringify({ type: "tunnel_agent", config })), {
    cluster: "edge-a",
    weight: 0,
  });
});

Deno.test("a mistake in an extend is where it stands in MOSN's file", () => {
  const text = `{
  "extends": [
    { "type": "tunnel_agent", "config": { "cluster": "a", conection_num: 2 } }
  ]
}`;
  assert.throws(() => settingsOf(text), (error) => {
    assert.ok(error instanceof ConfigFileError);
    assert.deepEqual(error.problems, [{
      line: 3,
      column: 59,
      setting: "extends[0].config.conection_num",
      message: "unknown key, did you mean connection_num?",
    }]);
    return true;
  });
});

Deno.test("an error has the first mistake in its line and says how many more there are", () => {
  assert.throws(() => settingsOf("agent: { weight: x, mode: y }"), {
    message: '/etc/revtun/test.yaml:1:18: agent.weight: "x" where a number was expected ' +
      "(and 1 more: revtun config check /etc/revtun/test.yaml shows all)",
  });
});

Deno.test("names that every object has are as unknown as any others", () => {
  for (const key of ["constructor", "toString", "hasOwnProperty", "__proto__"]) {
    assert.throws(() => settingsOf(`agent: { ${key}: 1 }`), /unknown key|is not a key/, key);
  }
});
