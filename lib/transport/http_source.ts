/** A text that an HTTP server has, asked for again and again. */

/** Where the text is. */
export interface HttpSourceOptions {
  readonly url: string;
  /** PEM file of CAs to trust besides the public ones. */
  readonly ca?: string | undefined;
  /** Larger answers are refused before they are read whole. */
  readonly maxBytes: number;
}

/** One question. */
export interface HttpQuestion {
  /** Sent as a bearer token. */
  readonly token?: string | undefined;
  /** Of the answer that is known already. */
  readonly etag?: string | undefined;
  readonly signal: AbortSignal;
}

/** The text, and what tells this version of it from the next, if the server says so. */
export interface HttpText {
  readonly text: string;
  readonly etag: string | undefined;
}

/** Asks one URL. Nothing of it is kept open between two questions. */
export class HttpSource {
  readonly #options: HttpSourceOptions;

  constructor(options: HttpSourceOptions) {
    this.#options = options;
  }

  /**
   * Asks once; redirects are not followed, since the token is for this server alone.
   *
   * @throws {Error} no answer, another one than 200 or 304, or one that is too large.
   */
  async get({ token, etag, signal }: HttpQuestion): Promise<HttpText | "unchanged"> {
    const { url, ca, maxBytes } = this.#options;
    const caCerts = ca === undefined ? [] : [await Deno.readTextFile(ca)];
    using client = Deno.createHttpClient({ caCerts, poolMaxIdlePerHost: 0 });
    const headers = new Headers({ accept: "application/json, application/yaml, text/plain" });
    if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
    if (etag !== undefined) headers.set("if-none-match", etag);
    const response = await fetch(url, { client, headers, signal, redirect: "manual" })
      .catch((error: unknown) => {
        throw signal.aborted ? error : new Error(reasonOf(error), { cause: error });
      });
    if (response.status === 304 && etag !== undefined) {
      await response.body?.cancel();
      return "unchanged";
    }
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`it answers ${response.status}`);
    }
    const text = await readText(response, maxBytes);
    return { text, etag: response.headers.get("etag") ?? undefined };
  }
}

/** The reason lies below "fetch failed". */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${reasonOf(cause)}` : message;
}

async function readText(response: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    // Leaving the loop gives up the rest.
    if (size > maxBytes) throw new Error(`it answers with more than ${maxBytes} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
