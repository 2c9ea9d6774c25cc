/** Completions in the shells that they are for: typed in a terminal, as users do. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { routeFlags } from "../../npm/route.ts";
import { adminRig } from "../admin/rig.ts";
import { runCli } from "./run_cli.ts";
import { missingPrograms } from "../programs.ts";
import { openTerminal } from "./terminal.ts";

/** How to start each shell without anybody's settings, and how it reads the script. */
const SHELLS = {
  bash: { command: ["bash", "--norc", "--noprofile", "-i"], source: "source" },
  zsh: { command: ["zsh", "-f", "-i"], source: "autoload -U compinit && compinit -u && source" },
  fish: { command: ["fish", "--no-config"], source: "source" },
};

/** What is typed before Tab, and what the terminal shows then. */
const CASES: readonly [typed: string, shown: RegExp][] = [
  ["revtun pro", /revtun probe/],
  ["revtun hash", /revtun hash-password/],
  ["revtun server --allow-ex", /--allow-expose/],
  ["revtun agent --mode ", /auto[^]*mux[^]*raw/],
  ["revtun agent --log-format=j", /--log-format=json/],
  ["revtun config import-m", /revtun config import-mosn/],
  ["revtun config check oth", /revtun config check other\.yaml/],
  ["revtun server --config oth", /--config other\.yaml/],
  ["revtun config --section s", /--section server/],
  ["revtun completion fi", /revtun completion fish/],
  ["revtun help und", /revtun help undrain/],
];
/** Addresses are anybody's: neither words nor files are offered, and the line stays. */
const FREE = "revtun agent --server oth";

for (const [shell, { command, source }] of Object.entries(SHELLS)) {
  const missing = await missingPrograms("tmux", shell);
  const needs = missing.length === 0 ? "" : ` (needs ${missing.join(", ")})`;
  Deno.test({
    name: `${shell} completes commands, flags, values and files${needs}`,
    ignore: missing.length > 0,
    fn: async () => {
      const folder = await Deno.makeTempDir();
      try {
        const { stdout } = await runCli(["completion", shell]);
        await Deno.writeTextFile(`${folder}/script`, stdout);
        await Deno.writeTextFile(`${folder}/other.yaml`, "");
        await using terminal = await openTerminal(command, {
          columns: 120,
          rows: 40,
          env: { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
        });
        const enter = async (line: string) => {
          await terminal.type(line, true);
          await terminal.type("Enter");
        };
        await enter(`cd ${folder} && ${source} ./script && clear && echo rea""dy`);
        await terminal.until(/^ready$/m);
        for (const [typed, shown] of CASES) {
          await enter("clear");
          await terminal.type(typed, true);
          await terminal.type("Tab");
          await terminal.type("Tab");
          await terminal.until(shown);
          await terminal.type("C-c");
        }
        await enter("clear");
        await terminal.type(FREE, true);
        await terminal.type("Tab");
        await terminal.type("X", true);
        await terminal.until(/--server othX/);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

for (const [shell, { command, source }] of Object.entries(SHELLS)) {
  const missing = await missingPrograms("tmux", shell);
  const needs = missing.length === 0 ? "" : ` (needs ${missing.join(", ")})`;
  Deno.test({
    name: `${shell} completes hosts of a running server${needs}`,
    ignore: missing.length > 0,
    fn: async () => {
      await using rig = await adminRig();
      await rig.join("till-17");
      await rig.join("till-18");
      const folder = await Deno.makeTempDir();
      try {
        const program = [Deno.execPath(), "run", "-A", "--quiet", "--no-check", ...routeFlags()];
        const main = fileURLToPath(new URL("../../main.ts", import.meta.url));
        await Deno.writeTextFile(
          `${folder}/revtun`,
          `#!/bin/sh\nexec ${program.map((word) => `'${word}'`).join(" ")} '${main}' "$@"\n`,
          { mode: 0o755 },
        );
        const { stdout } = await runCli(["completion", shell]);
        await Deno.writeTextFile(`${folder}/script`, stdout);
        await using terminal = await openTerminal(command, {
          columns: 120,
          rows: 40,
          env: {
            HOME: folder,
            XDG_DATA_HOME: folder,
            XDG_CONFIG_HOME: folder,
            PATH: `${folder}:${Deno.env.get("PATH")}`,
          },
        });
        const enter = async (line: string) => {
          await terminal.type(line, true);
          await terminal.type("Enter");
        };
        await enter(`${source} ${folder}/script && clear && echo rea""dy`);
        await terminal.until(/^ready$/m);
        const admin = `--admin ${rig.url.slice("http://".length)}`;
        for (const name of ["drain", "weight"]) {
          await enter("clear");
          await terminal.type(`revtun ${name} ${admin} edge-a/t`, true);
          await terminal.type("Tab");
          // As far as both hosts have the same name.
          await terminal.until(/edge-a\/till-1/);
          await terminal.type("8", true);
          await terminal.type("Tab");
          await terminal.until(/edge-a\/till-18/);
          await terminal.type("C-c");
        }
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

Deno.test("completion hosts names those that are here and away, and nothing that a shell acts on", async () => {
  const item = (name: string, extra: object) => ({ cluster: "edge-a", name, ...extra });
  const host = {
    id: "x",
    state: "active",
    weight: 10,
    "weight_by_operator": null,
    "drained_by_operator": false,
    "in_flight": 0,
    requests: 0,
    "received_bytes": 0,
    "sent_bytes": 0,
    "rtt_ms": null,
    connections: [],
  };
  const away = { "last_seen": new Date(0).toISOString(), reason: "reset", "times_left": 1 };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const names = ["b", "$(touch x)", "a b", "`x`", "10.0.0.7:5000"];
    return Response.json({
      items: new URL(request.url).pathname.endsWith("/away")
        ? [item("a", away), item("b", away)]
        : names.map((name) => item(name, host)),
      next: null,
    });
  });
  const admin = ["--admin", `127.0.0.1:${server.addr.port}`];
  const { code, stdout } = await runCli(["completion", "hosts", ...admin]);
  assert.deepEqual([code, stdout], [0, "edge-a/10.0.0.7:5000\nedge-a/a\nedge-a/b\n"]);
  await server.shutdown();
});

Deno.test("completion names the shells that it knows", async () => {
  const { code, stderr } = await runCli(["completion", "tcsh"]);
  assert.equal(code, 2);
  assert.match(stderr, /tcsh: is none of bash, zsh, fish, hosts/);
});

Deno.test("secrets, which have no flag, and settings of files are not completed", async () => {
  for (const shell of Object.keys(SHELLS)) {
    const { stdout } = await runCli(["completion", shell]);
    assert.ok(stdout.includes("token-file"));
    assert.doesNotMatch(stdout, /--token[" ]|-l token |server-list-config/);
  }
});
