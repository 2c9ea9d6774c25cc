/** The settings that a command goes by while it runs. */
import { isDeepStrictEqual } from "node:util";
import type { ConfigView } from "../lib/admin/common_routes.ts";
import { Reloader } from "../lib/config/reloader.ts";
import type { ReloadStatus } from "../lib/config/reloader.ts";
import type { Log, LogLevel } from "../lib/log.ts";
import type { Command, Following, FollowOptions, LevelControl, ProcessContext } from "./command.ts";
import type { LoadedSettings, SettingsSource } from "./settings.ts";
import { settingRows } from "./settings_view.ts";

/** What they are, where they come from, and what they become. */
export class LiveSettings {
  readonly #command: Command;
  readonly #source: SettingsSource;
  readonly #process: ProcessContext;
  readonly #logLevel: LevelControl;
  #current: LoadedSettings;
  #status: (() => ReloadStatus) | undefined;

  constructor(
    loaded: LoadedSettings,
    surroundings: {
      command: Command;
      source: SettingsSource;
      process: ProcessContext;
      logLevel: LevelControl;
    },
  ) {
    this.#current = loaded;
    this.#command = surroundings.command;
    this.#source = surroundings.source;
    this.#process = surroundings.process;
    this.#logLevel = surroundings.logLevel;
  }

  /** What the admin endpoint shows. */
  view(): ConfigView & Record<string, unknown> {
    const rows = settingRows(this.#command.options, this.#current);
    const status = this.#status?.();
    const reload = status === undefined ? null : {
      "loaded_at": status.loadedAt.toISOString(),
      reloads: status.reloads,
      failures: status.failures,
      "last_error": status.lastError ?? null,
      "failing_since": status.failingSince?.toISOString() ?? null,
    };
    return {
      file: this.#source.path ?? null,
      settings: Object.fromEntries(rows.map(({ key, value, source }) => [key, { value, source }])),
      reload,
    };
  }

  /** As `Context.followSettings()`. */
  // deno-lint-ignore no-explicit-any
  follow({ apply, fixed, watched, runtime }: FollowOptions<any>): Following {
    const { log, timers } = runtime;
    const files = (settings: LoadedSettings) => this.#files(settings, watched(settings.values));
    // Without a file there is nothing to read anew: a SIGHUP means what it does to any program.
    if (files(this.#current).size === 0) return { close: () => Promise.resolve() };
    const reloader = new Reloader<LoadedSettings>(this.#current, {
      files,
      load: () => this.#source.load(),
      apply: async (settings) => {
        await apply(settings);
        this.#applied(settings, fixed, log);
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

  #applied(settings: LoadedSettings, fixed: readonly string[], log: Log): void {
    const before = this.#current.values;
    this.#current = settings;
    const { values } = settings;
    // An operator may have set another level meanwhile: only a change in the settings is one.
    if (values["log-level"] !== before["log-level"]) {
      this.#logLevel.level = values["log-level"] as LogLevel;
    }
    const waiting = [...fixed, "log-format"]
      .filter((name) => !isDeepStrictEqual(values[name], before[name]));
    if (waiting.length === 0) return;
    log.warn("config.needs_restart", "Some of what changed counts from the next start on", {
      settings: waiting.join(","),
    });
  }
}
