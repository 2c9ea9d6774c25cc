/** What is made from the definitions of the settings: the reference page, the JSON Schema. */
import assert from "node:assert/strict";
import { jsonSchema } from "../../lib/config/json_schema.ts";
import { runCli } from "../cli/run_cli.ts";
import { SECTIONS } from "./support.ts";

for (const [action, file] of [["reference", "md"], ["schema", "schema.json"]] as const) {
  Deno.test(`docs/configuration.${file} is what revtun config ${action} prints`, async () => {
    const { code, stdout } = await runCli(["config", action]);
    assert.equal(code, 0);
    const path = `docs/configuration.${file}`;
    assert.ok(
      stdout === await Deno.readTextFile(path),
      `${path} is old, make it anew: node npm/launch.mjs config ${action} > ${path}`,
    );
  });
}

Deno.test("the JSON Schema has every setting, its kind and its default", () => {
  // deno-lint-ignore no-explicit-any
  const schema = jsonSchema(SECTIONS) as any;
  assert.deepEqual(Object.keys(schema.properties), ["$schema", "server", "agent"]);
  const { agent, server } = schema.properties;
  assert.equal(agent.additionalProperties, false);
  assert.deepEqual(agent.properties.weight, {
    type: "integer",
    minimum: 0,
    maximum: 10_000,
    description: "Share of the cluster's requests; 0 takes no new work",
    default: 10,
  });
  assert.deepEqual(agent.properties.mode.enum, ["auto", "mux", "raw"]);
  assert.deepEqual(server.properties.listen.default, [":8080"]);
  assert.equal(server.properties.hold.default, "5s");
  assert.equal(agent.properties["connect_timeout_duration_ms"].deprecated, true);
  for (const { name, settings } of SECTIONS) {
    for (const { description } of settings) assert.ok(description.length > 0, name);
  }
});
