/** Fields of a file of frp: each is taken once, and what nobody takes is noted. */

type Fields = Readonly<Record<string, unknown>>;

/** Levels of its log that have other names here. */
const LOG_LEVELS: Readonly<Record<string, string>> = { trace: "debug" };

/** A group of fields, by their dotted paths: `transport.tls.certFile`. */
export class FrpFields {
  readonly #left = new Map<string, unknown>();
  readonly #place: string;
  readonly #notes: string[];

  /** @param place what stands before each note: "proxies[0] (ssh): " */
  constructor(fields: Fields, place = "", notes: string[] = []) {
    this.#place = place;
    this.#notes = notes;
    this.#flatten(fields, "");
  }

  /** Takes a text; undefined where there is none, or an empty one. */
  text(path: string): string | undefined {
    const value = this.take(path);
    return value === undefined || value === "" ? undefined : String(value);
  }

  /** Takes a number that is not 0, frp's word for its default. */
  number(path: string): number | undefined {
    const value = Number(this.take(path));
    return Number.isFinite(value) && value !== 0 ? value : undefined;
  }

  /** Takes a list of texts. */
  texts(path: string): string[] {
    const value = this.take(path);
    return Array.isArray(value) ? value.map(String) : value === undefined ? [] : [String(value)];
  }

  /** Takes a list of groups, each with what its notes begin with. */
  groups(path: string): FrpFields[] {
    const value = this.take(path);
    if (!Array.isArray(value)) return [];
    return value.flatMap((item, index) => {
      if (typeof item !== "object" || item === null || Array.isArray(item)) return [];
      const { name } = item as Fields;
      const named = typeof name === "string" ? ` (${name})` : "";
      return [new FrpFields(item as Fields, `${path}[${index}]${named}: `, this.#notes)];
    });
  }

  take(path: string): unknown {
    const value = this.#left.get(path);
    this.#left.delete(path);
    return value;
  }

  /** Takes fields that need no setting here. */
  drop(...paths: readonly string[]): void {
    for (const path of paths) this.#left.delete(path);
  }

  /** Takes all that is left: what was said of the whole is said of it. */
  dropAll(): void {
    this.#left.clear();
  }

  /** Notes a field that is there, with what to do about it; it is taken. */
  noteIf(path: string, advice: string): void {
    let isThere = false;
    for (const [key, value] of [...this.#left]) {
      if (key !== path && !key.startsWith(`${path}.`)) continue;
      this.#left.delete(key);
      isThere ||= value !== "" && value !== false && value !== 0;
    }
    if (isThere) this.note(path, advice);
  }

  /** Notes something, whether its field was there or not. */
  note(path: string, advice: string): void {
    this.#notes.push(`${this.#place}${path}: ${advice}`);
  }

  /** Notes what nobody took. */
  noteRest(): void {
    for (const path of this.#left.keys()) this.note(path, "has no counterpart");
    this.#left.clear();
  }

  /** All notes, those of groups among them. */
  finish(): readonly string[] {
    this.noteRest();
    return this.#notes;
  }

  /** Where the log goes and from what level, and the web server: both sides have these. */
  common(): Record<string, string> {
    const level = this.text("log.level");
    this.drop("log.maxDays", "log.disablePrintColor", "enablePrometheus");
    const to = this.text("log.to");
    if (to !== undefined && to !== "console") this.note("log.to", "logs go to stderr: redirect it");
    const port = this.number("webServer.port");
    const host = this.text("webServer.addr") ?? "127.0.0.1";
    this.noteIf("webServer.user", "the admin API asks for a token: admin_token_file");
    this.drop("webServer.password", "webServer.pprofEnable", "webServer.assetsDir");
    return {
      ...level !== undefined && { log_level: LOG_LEVELS[level] ?? level },
      ...port !== undefined && { admin: place(host, port) },
    };
  }

  #flatten(fields: Fields, prefix: string): void {
    for (const [key, value] of Object.entries(fields)) {
      if (typeof value === "object" && value !== null && !Array.isArray(value)) {
        this.#flatten(value as Fields, `${prefix}${key}.`);
      } else {
        this.#left.set(`${prefix}${key}`, value);
      }
    }
  }
}

/** Writes an address; every address of the machine is no host at all. */
export function place(host: string | undefined, port: number): string {
  if (host === undefined || host === "0.0.0.0" || host === "::") return `:${port}`;
  return `${host.includes(":") && !host.startsWith("[") ? `[${host}]` : host}:${port}`;
}
