/** The units of systemd: their commands are ones that revtun has, and they shut what they can. */
import assert from "node:assert/strict";
import { findCommand } from "../../cmd/run.ts";
import { parseOptions } from "../../cmd/parse_options.ts";
import { systemdUnit } from "../../cmd/systemd_unit.ts";
import { hasProgram, runProgram } from "../programs.ts";

const DEPLOY = new URL("../../deploy/", import.meta.url);
const UNITS = ["revtun-server.service", "revtun-agent.service"];
const SHUT = [
  ...["NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateDevices=yes"],
  ...["PrivateTmp=yes", "DynamicUser=yes", "RestrictNamespaces=yes", "ProtectKernelModules=yes"],
  "SystemCallFilter=@system-service",
];

for (const unit of UNITS) {
  Deno.test(`${unit} starts a command that there is, with little else to reach`, async () => {
    const lines = (await Deno.readTextFile(new URL(unit, DEPLOY))).split("\n");
    const start = lines.find((line) => line.startsWith("ExecStart="))!;
    const [program, name = "", ...args] = start.slice("ExecStart=".length).split(" ");
    assert.equal(program, "/usr/local/bin/revtun");
    const command = await findCommand(name);
    assert.deepEqual(parseOptions(args, command.options).args, []);
    assert.deepEqual(SHUT.filter((line) => !lines.includes(line)), []);
    // A secret in the unit would be there for all to read.
    assert.ok(!lines.some((line) => /^Environment=.*TOKEN/.test(line)));
  });
}

Deno.test("the units in deploy/ are those that revtun service installs", async () => {
  const program = "/usr/local/bin/revtun";
  for (const role of ["server", "agent"] as const) {
    const path = new URL(`revtun-${role}.service`, DEPLOY);
    const made = systemdUnit({ role, isUser: false, program });
    assert.equal(
      await Deno.readTextFile(path),
      made,
      `revtun service install ${role} --dry-run > deploy/revtun-${role}.service`,
    );
  }
});

const hasAnalyze = await hasProgram("systemd-analyze");

Deno.test({
  name: `systemd understands the units${hasAnalyze ? "" : " (needs systemd-analyze)"}`,
  ignore: !hasAnalyze,
  fn: async () => {
    for (const unit of UNITS) {
      const args = ["security", "--offline=true", "--threshold=40", new URL(unit, DEPLOY).pathname];
      const { code, stdout, stderr } = await runProgram("systemd-analyze", args);
      const text = stdout + stderr;
      assert.equal(code, 0, text.slice(-2000));
      assert.doesNotMatch(text, /Unknown (key|lvalue|section)/);
    }
  },
});
