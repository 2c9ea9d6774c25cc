/** The settings that a command goes by while it runs. */
import { isDeepStrictEqual } from "node:util";
import type { ConfigView } from "../lib/admin/common_routes.ts";
import { keyOf } from "../lib/config/setting.ts";
import { Reloader } from "../lib/config/reloader.ts";
import type { ReloadStatus } from "../lib/config/reloader.ts";
import type { Log, LogFormat, LogLevel } from "../lib/log.ts";
import type { Command, Following, FollowOptions, LogControl, ProcessContext } from "./command.ts";
import type { LoadedSettings, SettingsSource } from "./settings.ts";
import { settingRows } from "./settings_view.ts";

/** What they are, where they come from, and what they become. */
export class LiveSettings {
  readonly #command: Command;
  readonly #source: SettingsSource;
  readonly #process: ProcessContext;
  readonly #log: LogControl;
  /** Those that the command was started with. */
  readonly #first: LoadedSettings;
  #current: LoadedSettings;
  /** Options whose values are not in use before the next start. */
  #waiting: readonly string[] = [];
  #status: (() => ReloadStatus) | undefined;

  constructor(
    loaded: LoadedSettings,
    surroundings: {
      command: Command;
      source: SettingsSource;
      process: ProcessContext;
      log: LogControl;
    },
  ) {
    this.#current = this.#first = loaded;
    this.#command = surroundings.command;
    this.#source = surroundings.source;
    this.#process = surroundings.process;
    this.#log = surroundings.log;
  }

  /** What the admin endpoint shows. */
  view(): ConfigView & Record<string, unknown> {
    const { options } = this.#command;
    const rows = settingRows(options, this.#current);
    const waiting = options.filter(({ name }) => this.#waiting.includes(name)).map(keyOf);
    const inUse = new Map(settingRows(options, this.#first).map((row) => [row.key, row]));
    const status = this.#status?.();
    const reload = status === undefined ? null : {
      "loaded_at": status.loadedAt.toISOString(),
      reloads: status.reloads,
      failures: status.failures,
      "last_error": status.lastError ?? null,
      "failing_since": status.failingSince?.toISOString() ?? null,
      "needs_restart": waiting,
    };
    const settings = rows.map((next) => {
      const isWaiting = waiting.includes(next.key);
      const { key, value, source } = isWaiting ? inUse.get(next.key)! : next;
      return [key, { value, source, ...(isWaiting && { "after_restart": next.value }) }] as const;
    });
    return { file: this.#source.path ?? null, settings: Object.fromEntries(settings), reload };
  }

  /** As `Context.followSettings()`. */
  // deno-lint-ignore no-explicit-any
  follow({ apply, watched, runtime }: FollowOptions<any>): Following {
    const { log, timers } = runtime;
    const files = (settings: LoadedSettings) => this.#files(settings, watched(settings.values));
    // Without a file there is nothing to read anew: a SIGHUP means what it does to any program.
    if (files(this.#current).size === 0) return { close: () => Promise.resolve() };
    const reloader = new Reloader<LoadedSettings>(this.#current, {
      files,
      load: () => this.#source.load(),
      apply: async (settings) => {
        await apply(settings);
        this.#applied(settings, log);
      },
      log,
      timers,
    });
    this.#status = () => reloader.status;
    const ignoreHangups = this.#process.onHangup?.(() => void reloader.reload());
    return {
      close: async () => {
        ignoreHangups?.();
        await reloader.close();
      },
    };
  }

  #files(
    { values, fileVersion }: LoadedSettings,
    watched: readonly string[],
  ): ReadonlyMap<string, string | undefined> {
    const paths = watched.flatMap((name) => values[name] ?? []) as string[];
    const files = new Map<string, string | undefined>(paths.map((path) => [path, undefined]));
    if (this.#source.path !== undefined) files.set(this.#source.path, fileVersion);
    return files;
  }

  #applied(settings: LoadedSettings, log: Log): void {
    const before = this.#current.values;
    this.#current = settings;
    const { values } = settings;
    // An operator may have set another level meanwhile: only a change in the settings is one.
    if (values["log-level"] !== before["log-level"]) {
      this.#log.level = values["log-level"] as LogLevel;
    }
    this.#log.format = values["log-format"] as LogFormat;
    const { values: first } = this.#first;
    const waiting = this.#command.options
      .filter(({ name, isFixed = false }) =>
        isFixed && !isDeepStrictEqual(values[name], first[name])
      )
      .map(({ name }) => name);
    const isNews = !isDeepStrictEqual(waiting, this.#waiting) ||
      waiting.some((name) => !isDeepStrictEqual(values[name], before[name]));
    this.#waiting = waiting;
    if (waiting.length === 0 || !isNews) return;
    const keys = this.#command.options.filter(({ name }) => waiting.includes(name)).map(keyOf);
    log.warn("config.needs_restart", "Some of what changed counts from the next start on", {
      settings: keys.join(","),
    });
  }
}
