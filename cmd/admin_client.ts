/** How the commands that look into a running server or agent ask its admin API. */
import { formatAddress, parseAddress } from "../lib/address.ts";
import type { Address } from "../lib/address.ts";
import { ConfigError, RevtunError } from "../lib/errors.ts";
import type { Secret } from "../lib/secret.ts";
import type { Context } from "./command.ts";
import type { OptionSpec } from "./option.ts";
import { readSecretFile } from "./read_token.ts";

/** What an admin endpoint wants to see. */
export const CLIENT_TOKEN_OPTIONS = [
  {
    name: "admin-token-file",
    kind: "string",
    placeholder: "FILE",
    description: "File that holds its token",
    group: "Admin",
  },
  {
    name: "admin-token",
    kind: "string",
    isEnvOnly: true,
    description: "Its token itself",
    group: "Admin",
  },
] as const satisfies readonly OptionSpec[];

/** Options of every command that asks an admin endpoint. */
export const CLIENT_OPTIONS = [
  {
    name: "admin",
    kind: "string",
    placeholder: "ADDRESS",
    default: "127.0.0.1:9901",
    description: "The admin endpoint to ask, as given to revtun server or agent",
    group: "Admin",
  },
  ...CLIENT_TOKEN_OPTIONS,
] as const satisfies readonly OptionSpec[];

interface ClientValues {
  readonly admin: string;
  readonly "admin-token-file": string | undefined;
  readonly "admin-token": string | undefined;
}

// deno-lint-ignore no-explicit-any -- answers are read field by field, those of other versions too
export type Json = any;

/** An endpoint could not be asked, or would not. */
export class AdminError extends RevtunError {
  override name = "AdminError";
  /** HTTP status of the refusal; 0 where there was no answer. */
  readonly status: number;

  constructor(message: string, status: number, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** Longest wait for an answer, in ms. */
const TIMEOUT_MS = 5000;
/** Largest answer that is read, in characters. */
const MAX_ANSWER_CHARS = 64 << 20;

/** A client of one endpoint; `using` closes it. */
export class AdminClient implements Disposable {
  readonly #address: Address;
  readonly #token: Secret | undefined;
  readonly #http: Deno.HttpClient | undefined;
  readonly #signal: AbortSignal;

  constructor(address: Address, token: Secret | undefined, signal: AbortSignal) {
    this.#address = address;
    this.#token = token;
    this.#signal = signal;
    this.#http = address.kind === "unix"
      ? Deno.createHttpClient({ proxy: { transport: "unix", path: address.path } })
      : undefined;
  }

  /** Asks for a resource. @throws {AdminError} */
  async get(path: string): Promise<Json> {
    return await this.#json(await this.#ask(path, {}));
  }

  /** All items of a paged list. @throws {AdminError} */
  async list(path: string): Promise<Json[]> {
    const items: Json[] = [];
    const join = path.includes("?") ? "&" : "?";
    let after = "";
    for (;;) {
      const page = await this.get(`${path}${join}limit=1000${after}`);
      items.push(...page.items);
      if (page.next === null || page.next === undefined) return items;
      after = `&after=${encodeURIComponent(page.next)}`;
    }
  }

  /** Changes something. @throws {AdminError} */
  async post(path: string, body: Record<string, unknown> = {}): Promise<Json> {
    return await this.#json(
      await this.#ask(path, {
        method: "POST",
        body: JSON.stringify(body),
        headers: { "content-type": "application/json" },
      }),
    );
  }

  /**
   * Gives the `data` of a stream's messages as they come; ends with the stream, or without an error
   * when the command is asked to end.
   *
   * @throws {AdminError}
   */
  async *follow(path: string): AsyncGenerator<Json> {
    const response = await this.#ask(path, { headers: { accept: "text/event-stream" } }, true);
    try {
      let rest = "";
      for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
        const messages = (rest + text).split("\n\n");
        rest = messages.pop()!;
        for (const message of messages) {
          const data = /^data: (.*)$/m.exec(message)?.[1];
          if (data !== undefined) yield JSON.parse(data);
        }
      }
    } catch (error) {
      if (!this.#signal.aborted) throw this.#failure(error);
    }
  }

  [Symbol.dispose](): void {
    this.#http?.close();
  }

  async #ask(path: string, init: RequestInit, isStream = false): Promise<Response> {
    const host = this.#address.kind === "unix" ? "localhost" : urlHost(this.#address);
    const headers = new Headers(init.headers);
    if (this.#token !== undefined) headers.set("authorization", `Bearer ${this.#token.reveal()}`);
    const deadline = AbortSignal.timeout(TIMEOUT_MS);
    const signal = isStream ? this.#signal : AbortSignal.any([this.#signal, deadline]);
    let response: Response;
    try {
      response = await fetch(`http://${host}${path}`, {
        ...init,
        headers,
        signal,
        redirect: "manual",
        ...(this.#http && { client: this.#http }),
      } as RequestInit);
    } catch (error) {
      throw this.#failure(error);
    }
    if (response.ok) return response;
    throw await this.#refusal(response, path);
  }

  async #json(response: Response): Promise<Json> {
    const text = await response.text();
    if (text === "") return {};
    try {
      if (text.length <= MAX_ANSWER_CHARS) return JSON.parse(text);
    } catch {
      // Said below.
    }
    throw new AdminError(`${this.#name} is no admin endpoint of revtun`, response.status);
  }

  async #refusal(response: Response, path: string): Promise<AdminError> {
    const text = await response.text();
    let detail: unknown;
    try {
      detail = JSON.parse(text).detail;
    } catch {
      // Not ours.
    }
    const { status } = response;
    if (typeof detail !== "string") {
      return new AdminError(`${this.#name} is no admin endpoint of revtun (${status})`, status);
    }
    if (status === 404 && detail.startsWith("There is nothing at")) {
      return new AdminError(
        `${this.#name} does not know ${
          path.replace(/\?.*/, "")
        }: an agent's endpoint, or of another version?`,
        status,
      );
    }
    const hint = status === 401 ? "; give --admin-token-file FILE or set REVTUN_ADMIN_TOKEN" : "";
    return new AdminError(`${detail}${hint}`, status);
  }

  #failure(error: unknown): AdminError {
    const cause = { cause: error };
    if (error instanceof DOMException && error.name === "TimeoutError") {
      return new AdminError(`${this.#name} did not answer within ${TIMEOUT_MS / 1000} s`, 0, cause);
    }
    const text = `${error} ${(error as Error).cause ?? ""}`;
    const reason = /refused/i.test(text)
      ? "connection refused"
      : /No such file/i.test(text)
      ? "there is no such socket"
      : /dns|resolve|lookup/i.test(text)
      ? "the name cannot be resolved"
      : "the connection failed";
    return new AdminError(
      `Cannot reach the admin endpoint at ${this.#name}: ${reason}; ` +
        "start revtun with --admin ADDRESS, or give its address by --admin",
      0,
      cause,
    );
  }

  get #name(): string {
    return formatAddress(this.#address);
  }
}

/** Makes the client that a command's options describe. @throws {ConfigError} */
export async function adminClientOf(
  context: Pick<Context<ClientValues>, "values" | "sourceOf" | "signal">,
): Promise<AdminClient> {
  const { values, sourceOf, signal } = context;
  let address: Address;
  try {
    address = parseAddress(values.admin, { host: "127.0.0.1", port: 9901 });
  } catch (error) {
    if (error instanceof RangeError) throw new ConfigError(sourceOf("admin"), error.message);
    throw error;
  }
  const token = await readSecretFile(
    { file: values["admin-token-file"], text: values["admin-token"] },
    { file: sourceOf("admin-token-file"), text: "REVTUN_ADMIN_TOKEN" },
  );
  return new AdminClient(address, token, signal);
}

function urlHost(address: Address & { kind: "tcp" }): string {
  // formatAddress() writes IPv6 addresses in brackets, as URLs have them.
  return formatAddress(address);
}
