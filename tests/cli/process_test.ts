/** What only a process of its own can show: exit codes, closed and full outputs. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { routeFlags } from "../../npm/route.ts";
import { runProgram } from "../programs.ts";
import type { Outcome } from "../programs.ts";
import { outputOfCli } from "./spawn_cli.ts";

const onPosix = { ignore: Deno.build.os === "windows" };
const onLinux = { ignore: Deno.build.os !== "linux" };

/** Runs `script` in a shell with `$revtun` and `$logging` as commands. */
function shell(script: string): Promise<Outcome> {
  const program = (file: string) => {
    const path = fileURLToPath(new URL(file, import.meta.url));
    return [Deno.execPath(), "run", "-A", "-q", "--no-check", ...routeFlags(), path].join(" ");
  };
  return runProgram("sh", ["-c", script], {
    env: {
      revtun: program("../../main.ts"),
      logging: program("./fixtures/log_to_stderr.ts"),
      NO_COLOR: "1",
    },
  });
}

Deno.test("the process ends with the code of its command", async () => {
  assert.equal((await outputOfCli(["version"])).code, 0);
  assert.deepEqual(await outputOfCli(["sevrer"]), {
    code: 2,
    stdout: "",
    stderr: "revtun: sevrer: unknown command, did you mean server?\n",
  });
});

Deno.test("a reader that leaves early ends the program without a word", onPosix, async () => {
  const { stdout, stderr } = await shell("{ $revtun help server; echo code $? >&2; } | true");
  assert.equal(stdout, "");
  assert.match(stderr, /^code 0\n$/);
});

Deno.test("a full stdout is a failure that is said", onLinux, async () => {
  const { code, stderr } = await shell("$revtun version > /dev/full");
  assert.equal(code, 1);
  assert.match(stderr, /^revtun: .*No space left on device.*\n$/);
});

Deno.test("a log that cannot be written harms nothing and is counted", onLinux, async () => {
  assert.deepEqual(await shell("$logging 2> /dev/full"), {
    code: 0,
    stdout: "lost 20\n",
    stderr: "",
  });
  // The runtime opens /dev/null in place of a closed file.
  assert.equal((await shell("$logging 2>&-")).code, 0);
  const piped = await shell("{ $logging 2>&1 >&3 | true; } 3>&1");
  assert.match(piped.stdout, /^lost \d+\n$/);
});

Deno.test("what was logged last still comes out", onPosix, async () => {
  const { code, stdout, stderr } = await shell("$logging");
  assert.equal(code, 0);
  assert.equal(stdout, "lost 0\n");
  assert.match(stderr, /event=runtime\.logged/);
  assert.match(stderr, /event=line\.written msg="One of many" line=20\n$/);
});
