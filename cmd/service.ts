/** `revtun service`: the units by which systemd runs a server or an agent. */
import { isAbsolute, join, resolve } from "node:path";
import { ConfigError, RevtunError } from "../lib/errors.ts";
import { defineCommand, EXIT } from "./command.ts";
import type { Command, Context } from "./command.ts";
import { systemdUnit, unitFolder, unitName, wantedBy } from "./systemd_unit.ts";
import type { UnitOptions } from "./systemd_unit.ts";
import type { OptionSpec, OptionValues } from "./option.ts";

const ACTIONS = ["install", "uninstall"];
const ROLES = ["server", "agent"] as const;

const OPTIONS = [
  {
    name: "config",
    kind: "string",
    placeholder: "FILE",
    env: "REVTUN_SERVICE_CONFIG",
    description: "Settings file that it starts with; else variables, in /etc/revtun/ROLE.env",
  },
  {
    name: "user",
    kind: "boolean",
    env: "REVTUN_SERVICE_USER",
    description: "For your own systemd: no root needed, ends with your session unless you linger",
  },
  {
    name: "program",
    kind: "string",
    placeholder: "FILE",
    default: "/usr/local/bin/revtun",
    env: "REVTUN_SERVICE_PROGRAM",
    description: "The revtun that it starts",
  },
  {
    name: "root",
    kind: "string",
    placeholder: "DIR",
    default: "/",
    env: "REVTUN_SERVICE_ROOT",
    description: "Where / of the machine is that it is for: for packages and images",
  },
  {
    name: "dry-run",
    kind: "boolean",
    env: "REVTUN_SERVICE_DRY_RUN",
    description: "Print the unit, and on stderr what would be done",
  },
] as const satisfies readonly OptionSpec[];

type ServiceContext = Context<OptionValues<typeof OPTIONS>>;

export const command: Command = defineCommand({
  name: "service",
  summary: "Install a server or an agent as a service of systemd",
  description: "install writes a unit that can do little besides its work, and has it started " +
    "with the machine; uninstall takes both away again. Neither starts programs: the lines that " +
    "they print tell systemd of it.",
  usage: "revtun service install|uninstall server|agent [options]",
  args: { placeholder: "install|uninstall server|agent", min: 2, max: 2, choices: ACTIONS },
  options: OPTIONS,
  examples: [
    {
      line: "revtun service install agent --config /etc/revtun/agent.yaml --dry-run",
      description: "what would be done?",
    },
    { line: "revtun service install server", description: "settings in /etc/revtun/server.env" },
    { line: "revtun service uninstall agent --user", description: "and it is gone" },
  ],
  async run(context) {
    const [action = "", role = ""] = context.args;
    if (!ACTIONS.includes(action)) throw new ConfigError(action, "is none of install, uninstall");
    if (role !== "server" && role !== "agent") {
      throw new ConfigError(role, `is none of ${ROLES.join(", ")}`);
    }
    const place = placeOf(context, role);
    return action === "install" ? await install(context, place) : await uninstall(context, place);
  },
});

interface Place {
  readonly role: UnitOptions["role"];
  readonly unit: string;
  /** The link that has systemd start it. */
  readonly link: string;
  /** How to talk to its systemd; undefined where that is another machine's. */
  readonly systemctl: string | undefined;
}

function placeOf({ values, env }: ServiceContext, role: UnitOptions["role"]): Place {
  const isUser = values.user;
  const home = env("HOME") ?? "";
  if (isUser && home === "") throw new ConfigError("HOME", "is not set, which --user needs");
  const root = resolve(values.root);
  const folder = join(root, isUser ? home : "", unitFolder(isUser));
  const systemctl = isUser ? "systemctl --user" : "systemctl";
  return {
    role,
    unit: join(folder, unitName(role)),
    link: join(folder, `${wantedBy(isUser)}.wants`, unitName(role)),
    systemctl: root === "/" ? systemctl : undefined,
  };
}

async function install(context: ServiceContext, place: Place): Promise<number> {
  const { values, stdout, stderr } = context;
  const { role, unit, link, systemctl } = place;
  const { program } = values;
  if (!isAbsolute(program)) throw new ConfigError("--program", `"${program}" is no absolute path`);
  const configFile = values.config === undefined ? undefined : resolve(values.config);
  const text = systemdUnit({ role, isUser: values.user, program, configFile });
  const isThisMachine = systemctl !== undefined;
  const missing = await missingFile(context, program, configFile);
  // What is not there yet may come: with a look ahead, or into an image.
  if (isThisMachine && !values["dry-run"] && missing !== undefined) throw missing;
  const next = isThisMachine
    ? `Now: ${systemctl} daemon-reload && ${systemctl} restart ${unitName(role)}\n`
    : "";
  if (values["dry-run"]) {
    await stdout.write(text);
    await stderr.write(`Would write ${unit}\nWould link ${link}\n${next}`);
    if (missing !== undefined) await stderr.write(`Does not start yet: ${missing.message}\n`);
    return EXIT.ok;
  }
  await changed(unit, async () => {
    await Deno.mkdir(join(link, ".."), { recursive: true, mode: 0o755 });
    await Deno.writeTextFile(unit, text, { mode: 0o644 });
    await Deno.remove(link).catch(ignoreMissing);
    await Deno.symlink(join("..", unitName(role)), link);
  });
  await stdout.write(`Wrote ${unit}\nLinked ${link}\n${next}`);
  if (missing !== undefined) await stderr.write(`Does not start yet: ${missing.message}\n`);
  return EXIT.ok;
}

async function uninstall(context: ServiceContext, place: Place): Promise<number> {
  const { values, stdout, stderr } = context;
  const { role, unit, link, systemctl } = place;
  const next = systemctl === undefined
    ? ""
    : `Now: ${systemctl} stop ${unitName(role)}; ${systemctl} daemon-reload\n`;
  const text = await Deno.readTextFile(unit).catch(ignoreMissing);
  if (text === undefined) throw new ServiceError(`Cannot uninstall: there is no ${unit}`);
  if (!text.startsWith("# revtun ")) {
    throw new ServiceError(
      `Cannot uninstall: ${unit} is not one that revtun made, remove it by hand`,
    );
  }
  if (values["dry-run"]) {
    await stderr.write(`Would remove ${link}\nWould remove ${unit}\n${next}`);
    return EXIT.ok;
  }
  await changed(unit, async () => {
    await Deno.remove(link).catch(ignoreMissing);
    await Deno.remove(unit);
  });
  await stdout.write(`Removed ${unit}\n${next}`);
  return EXIT.ok;
}

/** What would fail only when systemd starts it, on the machine whose root is `--root`. */
async function missingFile(
  { sourceOf, values }: ServiceContext,
  program: string,
  configFile: string | undefined,
): Promise<ConfigError | undefined> {
  const isThere = async (path: string) => {
    const place = join(resolve(values.root), path);
    return await Deno.stat(place).then(({ isFile }) => isFile, () => false);
  };
  if (!await isThere(program)) {
    return new ConfigError(
      sourceOf("program"),
      `there is no ${program}: copy dist/revtun there, or name another with --program`,
    );
  }
  if (configFile !== undefined && !await isThere(configFile)) {
    return new ConfigError(sourceOf("config"), `there is no ${configFile}`);
  }
  return undefined;
}

async function changed(unit: string, change: () => Promise<void>): Promise<void> {
  try {
    await change();
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new ServiceError(
        `Cannot change ${unit}: permission denied, run it as root or with --user`,
      );
    }
    throw new ServiceError(`Cannot change ${unit}: ${(error as Error).message}`, { cause: error });
  }
}

/** The machine did not let a unit be installed or removed. */
class ServiceError extends RevtunError {
  override name = "ServiceError";
}

function ignoreMissing(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
