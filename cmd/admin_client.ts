/** How the commands that look into a running server or agent ask its admin API. */
import * as v from "valibot";
import { formatAddress, isLoopback, parseAddress } from "../lib/address.ts";
import type { Address } from "../lib/address.ts";
import { ConfigError } from "../lib/errors.ts";
import type { Secret } from "../lib/secret.ts";
import type { Context } from "./command.ts";
import type { OptionSpec } from "./option.ts";
import { AdminError, failureOf, refusalOf, silenceError, strangerAt } from "./admin_error.ts";
import { messagesOf } from "./admin_stream.ts";
import type { Watching } from "./admin_stream.ts";
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

/** A part of a long list, as the API gives it. */
interface Page<T> {
  items: T[];
  next?: string | null | undefined;
}

interface ClientValues {
  readonly admin: string;
  readonly "admin-token-file": string | undefined;
  readonly "admin-token": string | undefined;
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
    this.#http = directClient(address);
  }

  /** Asks for a resource, which has to look as `answer` says. @throws {AdminError} */
  async get<T extends v.GenericSchema>(path: string, answer: T): Promise<v.InferOutput<T>> {
    return this.checked(await this.#json(await this.#ask(path, {})), path, answer);
  }

  /** All items of a paged list. @throws {AdminError} */
  async list<T>(path: string, page: v.GenericSchema<unknown, Page<T>>): Promise<T[]> {
    const items: T[] = [];
    const join = path.includes("?") ? "&" : "?";
    let after = "";
    for (;;) {
      const { items: more, next } = await this.get(`${path}${join}limit=1000${after}`, page);
      for (const item of more) items.push(item);
      if (next === null || next === undefined) return items;
      after = `&after=${encodeURIComponent(next)}`;
    }
  }

  /** Changes something. @throws {AdminError} */
  async post<T extends v.GenericSchema>(
    path: string,
    body: Record<string, unknown>,
    answer: T,
  ): Promise<v.InferOutput<T>> {
    const response = await this.#ask(path, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    });
    return this.checked(await this.#json(response), path, answer);
  }

  /**
   * Gives a stream's messages as they come, until the command is asked to end. Without `watching` it
   * ends with the stream; else one that breaks is asked for anew, behind the last message that came.
   *
   * @throws {AdminError} the endpoint cannot be asked at first, or refuses.
   */
  async *follow<T extends v.GenericSchema>(
    path: string,
    message: T,
    watching?: Watching,
  ): AsyncGenerator<v.InferOutput<T>> {
    const open = (lastId: string | undefined) => this.#openStream(path, lastId);
    const name = this.#name;
    for await (const data of messagesOf(open, { name, signal: this.#signal, watching })) {
      yield this.checked(data, path, message);
    }
  }

  [Symbol.dispose](): void {
    this.#http?.close();
  }

  /** @throws {AdminError} */
  async #openStream(path: string, lastId: string | undefined): Promise<Response> {
    const response = await this.#ask(path, {
      headers: {
        accept: "text/event-stream",
        ...(lastId !== undefined && { "last-event-id": lastId }),
      },
    }, true);
    if (/^text\/event-stream\b/.test(response.headers.get("content-type") ?? "")) return response;
    await response.body?.cancel();
    throw strangerAt(this.#name, response.status);
  }

  /** The deadline is for all of an answer; of a stream, which goes on, for its head. */
  async #ask(path: string, init: RequestInit, isStream = false): Promise<Response> {
    const host = this.#address.kind === "unix" ? "localhost" : formatAddress(this.#address);
    const headers = new Headers(init.headers);
    if (this.#token !== undefined) headers.set("authorization", `Bearer ${this.#token.reveal()}`);
    const headLate = new AbortController();
    const headTimer = isStream ? setTimeout(() => headLate.abort(silenceError()), TIMEOUT_MS) : 0;
    const deadline = isStream ? headLate.signal : AbortSignal.timeout(TIMEOUT_MS);
    let response: Response;
    try {
      response = await fetch(`http://${host}${path}`, {
        ...init,
        headers,
        signal: AbortSignal.any([this.#signal, deadline]),
        redirect: "manual",
        ...(this.#http && { client: this.#http }),
      } as RequestInit);
    } catch (error) {
      throw failureOf(this.#name, error, TIMEOUT_MS);
    } finally {
      clearTimeout(headTimer);
    }
    if (response.ok) return response;
    throw refusalOf(this.#name, path, response.status, await this.#text(response));
  }

  /** @throws {AdminError} */
  async #json(response: Response): Promise<unknown> {
    const text = await this.#text(response);
    if (text === "") return {};
    try {
      if (text.length <= MAX_ANSWER_CHARS) return JSON.parse(text);
    } catch {
      // Said below.
    }
    throw strangerAt(this.#name, response.status);
  }

  /** @throws {AdminError} the answer breaks off, or does not end in time. */
  async #text(response: Response): Promise<string> {
    try {
      return await response.text();
    } catch (error) {
      throw failureOf(this.#name, error, TIMEOUT_MS);
    }
  }

  /** Gives `data` back as `answer` has it. @throws {AdminError} it is not what revtun says. */
  checked<T extends v.GenericSchema>(data: unknown, path: string, answer: T): v.InferOutput<T> {
    const result = v.safeParse(answer, data);
    if (result.success) return result.output;
    const [issue] = result.issues;
    const field = v.getDotPath(issue) ?? "the whole";
    throw new AdminError(
      `${this.#name} is no admin endpoint of revtun, or of another version: in its answer to ` +
        `${path.replace(/\?.*/, "")}, ${field} is ${issue.received}, expected ${issue.expected}`,
      200,
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

/**
 * What asks a socket by its path, and loopback without the proxy that may stand in the environment:
 * another machine's loopback is not meant, and the token is nobody's business there.
 */
function directClient(address: Address): Deno.HttpClient | undefined {
  if (address.kind === "unix") {
    return Deno.createHttpClient({ proxy: { transport: "unix", path: address.path } });
  }
  if (!isLoopback(address)) return undefined;
  const { host: hostname, port } = address;
  return Deno.createHttpClient({ proxy: { transport: "tcp", hostname, port } });
}
