/** `revtun service`: real files below a folder that stands for a machine's root. */
import assert from "node:assert/strict";
import { systemdUnit } from "../../cmd/systemd_unit.ts";
import { runCli } from "./run_cli.ts";
import { missingPrograms, runProgram } from "../programs.ts";

const HOME = "/home/someone";

async function withRoot(body: (root: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await body(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("install writes a unit and links it, uninstall leaves nothing of them", async () => {
  await withRoot(async (root) => {
    for (const flags of [[], ["--user"]]) {
      const args = ["agent", "--root", root, "--program", "/opt/revtun", ...flags];
      const folder = flags.length === 0
        ? `${root}/etc/systemd/system`
        : `${root}${HOME}/.config/systemd/user`;
      const target = flags.length === 0 ? "multi-user.target" : "default.target";

      const installed = await runCli(["service", "install", ...args], { env: { HOME } });
      assert.equal(installed.code, 0, installed.stderr);
      // Written anew, as after an update.
      assert.equal((await runCli(["service", "install", ...args], { env: { HOME } })).code, 0);
      const link = `${folder}/${target}.wants/revtun-agent.service`;
      const text = await Deno.readTextFile(link);
      assert.equal(text, await Deno.readTextFile(`${folder}/revtun-agent.service`));
      assert.match(text, /^ExecStart=\/opt\/revtun agent /m);

      const removed = await runCli(["service", "uninstall", ...args], { env: { HOME } });
      assert.equal(removed.code, 0, removed.stderr);
      assert.deepEqual(await filesBelow(root), []);
    }
  });
});

Deno.test("a dry run prints the unit and what would be done, and does nothing", async () => {
  await withRoot(async (root) => {
    const args = ["service", "install", "server", "--root", root, "--dry-run"];
    const { code, stdout, stderr } = await runCli(args);
    assert.equal(code, 0);
    const unit = { role: "server", isUser: false, program: "/usr/local/bin/revtun" } as const;
    assert.equal(stdout, systemdUnit(unit));
    assert.match(stderr, /^Would write .*\/etc\/systemd\/system\/revtun-server\.service$/m);
    assert.deepEqual(await filesBelow(root), []);
  });
});

Deno.test("a settings file or a program that is not there is refused, or said where it may come", async () => {
  await withRoot(async (root) => {
    const program = `${root}/revtun`;
    const config = `${root}/agent.yaml`;
    await Deno.writeTextFile(program, "");
    const args = ["service", "install", "agent", "--program", program, "--config", config];
    const env = { HOME: root };
    const refused = await runCli([...args, "--user"], { env });
    assert.deepEqual([refused.code, refused.stdout], [2, ""]);
    assert.equal(refused.stderr, `revtun: --config: there is no ${config}\n`);
    assert.deepEqual(await filesBelow(root), [program]);

    const looked = await runCli([...args, "--user", "--dry-run"], { env });
    assert.equal(looked.code, 0);
    assert.match(looked.stderr, /^Does not start yet: --config: there is no .*agent\.yaml$/m);
    // Within an image it is looked for there: what this machine has counts for nothing.
    const image = await runCli([...args, "--root", `${root}/image`]);
    assert.equal(image.code, 0);
    assert.match(image.stderr, /^Does not start yet: --program: there is no [^\n]*\n$/);

    await Deno.writeTextFile(config, "");
    const ready = await runCli([...args, "--user", "--dry-run"], { env });
    assert.doesNotMatch(ready.stderr, /Does not start/);
  });
});

Deno.test("paths stay what they are within ExecStart", () => {
  const unit = systemdUnit({
    role: "agent",
    isUser: false,
    program: "/opt/my tools/100%/revtun",
    configFile: "/etc/$x.yaml",
  });
  assert.match(
    unit,
    /^ExecStart="\/opt\/my tools\/100%%\/revtun" agent --config \/etc\/\$\$x\.yaml$/m,
  );
  assert.doesNotMatch(unit, /LoadCredential|EnvironmentFile/);
});

Deno.test("what cannot be installed or removed is said in one line", async () => {
  await withRoot(async (root) => {
    const unit = `${root}/etc/systemd/system/revtun-agent.service`;
    await Deno.mkdir(`${root}/etc/systemd/system`, { recursive: true });
    await Deno.writeTextFile(unit, "[Service]\nExecStart=/opt/other\n");
    const cases: [args: string[], code: number, message: RegExp][] = [
      [["uninstall", "server", "--root", root], 1, /there is no .*revtun-server\.service/],
      [["uninstall", "agent", "--root", root], 1, /not one that revtun made, remove it by hand/],
      [["install", "agents"], 2, /agents: is none of server, agent/],
      [["start", "agent"], 2, /start: is none of install, uninstall/],
      [["install", "agent", "--program", "revtun"], 2, /"revtun" is no absolute path/],
      [["install", "agent", "--program", "/no/revtun"], 2, /there is no \/no\/revtun: copy dist/],
      [["install", "agent", "--root", "/proc/1"], 1, /Cannot change \/proc\/1\/etc/],
    ];
    for (const [args, code, message] of cases) {
      const result = await runCli(["service", ...args]);
      assert.equal(result.code, code, args.join(" "));
      assert.match(result.stderr, message);
      assert.equal(result.stderr.trimEnd().split("\n").length, 1);
    }
  });
});

const missing = await missingPrograms("systemd-analyze");

Deno.test({
  name: `systemd takes every unit that is made${missing.length ? " (needs systemd-analyze)" : ""}`,
  ignore: missing.length > 0,
  fn: async () => {
    await withRoot(async (root) => {
      for (const role of ["server", "agent"] as const) {
        for (const isUser of [false, true]) {
          for (const configFile of [undefined, "/etc/revtun/my settings.yaml"]) {
            const path = `${root}/revtun-${role}.service`;
            await Deno.writeTextFile(
              path,
              systemdUnit({ role, isUser, program: "/bin/true", configFile }),
            );
            const args = ["verify", "--man=no", ...(isUser ? ["--user"] : []), path];
            const env = { XDG_RUNTIME_DIR: root };
            const { code, stderr } = await runProgram("systemd-analyze", args, { env });
            assert.deepEqual([code, stderr], [0, ""]);
          }
        }
      }
    });
  },
});

/** Files and links, not the folders that a machine has anyway. */
async function filesBelow(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    files.push(...(isDirectory ? await filesBelow(path) : [path]));
  }
  return files;
}
