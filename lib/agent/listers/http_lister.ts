/** Servers by HTTP, asked time and again. */
import { readPrivateFile } from "../../auth/private_file.ts";
import { HttpSource } from "../../transport/http_source.ts";
import { MAX_LIST_BYTES, parseServerList } from "./server_list.ts";
import type { ServerLister, ServerListing } from "./server_lister.ts";

/** Where to ask. */
export interface HttpListerOptions {
  readonly url: string;
  /** Its content is sent as a bearer token, read anew each time. */
  readonly tokenFile?: string | undefined;
  /** PEM file of CAs to trust besides the public ones. */
  readonly ca?: string | undefined;
}

const MAX_TOKEN_BYTES = 64 << 10;

/** Bears with any answer: what is no list is an error, and the last list stays. */
export class HttpLister implements ServerLister {
  readonly name: string;
  readonly #options: HttpListerOptions;
  readonly #source: HttpSource;
  #last: { etag: string; listing: ServerListing } | undefined;

  constructor(options: HttpListerOptions) {
    this.#options = options;
    this.name = `http ${new URL(options.url).host}`;
    this.#source = new HttpSource({ url: options.url, ca: options.ca, maxBytes: MAX_LIST_BYTES });
  }

  async list(signal: AbortSignal): Promise<ServerListing> {
    const { tokenFile } = this.#options;
    const token = tokenFile === undefined
      ? undefined
      : (await readPrivateFile(tokenFile, "token_file", MAX_TOKEN_BYTES)).text.trim();
    const answer = await this.#source.get({ token, etag: this.#last?.etag, signal });
    if (answer === "unchanged") {
      if (this.#last !== undefined) return this.#last.listing;
      throw new Error("it says that nothing changed, and was never asked before");
    }
    let listing: ServerListing;
    try {
      listing = { servers: await parseServerList(answer.text) };
    } catch (error) {
      throw new Error(`its answer ${(error as Error).message}`, { cause: error });
    }
    this.#last = answer.etag === undefined ? undefined : { etag: answer.etag, listing };
    return listing;
  }
}
