import assert from "node:assert/strict";
import type { OptionSpec } from "../../cmd/option.ts";
import { parseOptions } from "../../cmd/parse_options.ts";
import { environmentLayer, resolveOptions } from "../../cmd/resolve_options.ts";
import { ConfigError } from "../../lib/errors.ts";

const SPECS: readonly OptionSpec[] = [
  { name: "listen", kind: "list", default: ":8080", description: "" },
  { name: "cluster", short: "c", kind: "string", description: "" },
  { name: "weight", kind: "number", default: "10", min: 1, max: 10_000, description: "" },
  { name: "connect-retry-times", kind: "number", default: "-1", description: "" },
  { name: "hold", kind: "duration", default: "5s", max: 60_000, description: "" },
  { name: "window", kind: "size", default: "256KiB", description: "" },
  {
    name: "mode",
    kind: "string",
    choices: ["auto", "mux", "raw"],
    default: "auto",
    description: "",
  },
  { name: "json", kind: "boolean", description: "" },
  { name: "verify", short: "v", kind: "boolean", default: "true", description: "" },
  { name: "open", kind: "boolean", defaultText: "as it comes", description: "" },
  { name: "token", kind: "string", isEnvOnly: true, description: "" },
];

function parse(argv: string[], env: Record<string, string> = {}) {
  const line = parseOptions(argv, SPECS);
  const layers = [line.layer, environmentLayer((name) => env[name])];
  return { ...resolveOptions(SPECS, layers), args: line.args, isHelpWanted: line.isHelpWanted };
}

function errorOf(argv: string[], env: Record<string, string> = {}): ConfigError {
  try {
    parse(argv, env);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error;
  }
  throw new Error(`${argv.join(" ")} was accepted`);
}

Deno.test("options have their defaults, of the types of their kinds", () => {
  const { values, sources } = parse([]);
  assert.deepEqual(values, {
    "listen": [":8080"],
    "cluster": undefined,
    "weight": 10,
    "connect-retry-times": -1,
    "hold": 5000,
    "window": 262_144,
    "mode": "auto",
    "json": false,
    "verify": true,
    "open": undefined,
    "token": undefined,
  });
  assert.equal(sources.size, 0);
});

Deno.test("flags are read in every way that people write them", () => {
  const cases: [string[], string, unknown][] = [
    [["--cluster", "edge-a"], "cluster", "edge-a"],
    [["--cluster=edge-a"], "cluster", "edge-a"],
    [["--cluster=a=b"], "cluster", "a=b"],
    [["-c", "edge-a"], "cluster", "edge-a"],
    [["-c=edge-a"], "cluster", "edge-a"],
    [["--cluster", "12"], "cluster", "12"],
    [["--cluster", "0x10"], "cluster", "0x10"],
    [["--cluster", "true"], "cluster", "true"],
    [["--cluster", "-x"], "cluster", "-x"],
    [["--cluster", "a", "--cluster", "b"], "cluster", "b"],
    [["--connect-retry-times", "-1"], "connect-retry-times", -1],
    [["--hold", "250ms"], "hold", 250],
    [["--window=64KiB"], "window", 65_536],
    [["--json"], "json", true],
    [["--json=false"], "json", false],
    [["--no-verify"], "verify", false],
    [["-v"], "verify", true],
    [["--listen", ":1", "--listen=:2"], "listen", [":1", ":2"]],
    [["--listen", "tcp://:1/a,b"], "listen", ["tcp://:1/a,b"]],
  ];
  for (const [argv, name, value] of cases) {
    assert.deepEqual(parse(argv).values[name], value, argv.join(" "));
  }
});

Deno.test("positional arguments keep their text and their order", () => {
  assert.deepEqual(parse(["cloud:9000", "--json", "17"]).args, ["cloud:9000", "17"]);
  assert.deepEqual(parse(["a", "--", "--json", "-x"]).args, ["a", "--json", "-x"]);
  assert.equal(parse(["--", "--json"]).values.json, false);
  assert.deepEqual(parse(["-"]).args, ["-"]);
});

Deno.test("--help and -h are understood beside anything that is right", () => {
  assert.equal(parse(["--help"]).isHelpWanted, true);
  assert.equal(parse(["--json", "-h"]).isHelpWanted, true);
  assert.equal(parse([]).isHelpWanted, false);
});

Deno.test("an unknown flag is an error that names the nearest known one", () => {
  const cases: [string[], string, RegExp][] = [
    [["--lisen", ":1"], "--lisen", /did you mean --listen\?/],
    [["--clustr=a"], "--clustr", /did you mean --cluster\?/],
    [["--no-verfy"], "--no-verfy", /did you mean --no-verify\?/],
    [["--no-cluster"], "--no-cluster", /unknown flag/],
    [["--kubernetes"], "--kubernetes", /see --help/],
    [["-x"], "-x", /unknown flag/],
    [["--token", "s3cret"], "--token", /set REVTUN_TOKEN/],
    [["--__proto__", "x"], "--__proto__", /unknown flag/],
    [["--constructor"], "--constructor", /unknown flag/],
  ];
  for (const [argv, path, message] of cases) {
    const error = errorOf(argv);
    assert.equal(error.path, path);
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /s3cret/);
  }
});

Deno.test("a flag without its value is an error", () => {
  for (
    const argv of [["--cluster"], ["--cluster="], ["--cluster", ""], ["--cluster", "--json"], [
      "-c",
    ]]
  ) {
    assert.match(errorOf(argv).message, /needs a value/, argv.join(" "));
  }
});

Deno.test("values out of their range or choice are errors that say what is expected", () => {
  const cases: [string[], RegExp][] = [
    [["--weight", "0"], /^--weight: 0 is too small, expected at least 1$/],
    [["--weight", "10001"], /too large, expected at most 10000/],
    [["--weight", "ten"], /"ten" is not a number/],
    [["--weight", "1e3"], /not a number/],
    [["--hold", "5"], /did you mean 5s\?/],
    [["--hold", "2m"], /too large, expected at most 1m/],
    [["--window", "big"], /not a size/],
    [["--mode", "fast"], /"fast" is none of auto, mux, raw/],
    [["--json=maybe"], /^--json: "maybe" is neither true nor false$/],
  ];
  for (const [argv, message] of cases) assert.match(errorOf(argv).message, message);
});

Deno.test("the environment sets what flags leave open", () => {
  const env = {
    REVTUN_LISTEN: ":1, :2",
    REVTUN_CLUSTER: "edge-a",
    REVTUN_JSON: "1",
    REVTUN_VERIFY: "no",
    REVTUN_HOLD: "",
    REVTUN_TOKEN: "s3cret",
  };
  const { values, sources } = parse(["--cluster", "edge-b"], env);
  assert.deepEqual(values.listen, [":1", ":2"]);
  assert.equal(values.cluster, "edge-b");
  assert.equal(values.json, true);
  assert.equal(values.verify, false);
  assert.equal(values.hold, 5000);
  assert.equal(values.token, "s3cret");
  assert.equal(sources.get("cluster"), "--cluster");
  assert.equal(sources.get("listen"), "REVTUN_LISTEN");
  assert.equal(errorOf([], { REVTUN_WEIGHT: "x" }).path, "REVTUN_WEIGHT");
  assert.equal(errorOf([], { REVTUN_JSON: "perhaps" }).path, "REVTUN_JSON");
});
