/** A listener's certificates: chosen by the name that clients ask for, renewed with their files. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { SecureContext } from "node:tls";
import { dirname } from "node:path";
import { ConfigError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import type { Timer } from "../timer.ts";
import { isReplaceableIn, isWritableByAll } from "./file_trust.ts";
import type { KeyPair } from "./make_certificate.ts";

/** Where a certificate and its key lie. */
export interface KeyPairFiles {
  /** PEM file of the certificate, what leads to its CA behind it; or that text itself. */
  readonly cert: string;
  /** PEM file of its key, or that text itself. */
  readonly key: string;
}

/** How certificates are kept. */
export interface CertificateStoreOptions {
  /** The first one is for clients that name nobody. */
  readonly files: readonly KeyPairFiles[];
  /** PEM file of CAs whose certificates clients must show; nobody is asked if undefined. */
  readonly clientCa?: string | undefined;
  /** Who asks for a name that no certificate has gets the first one; refused by default. */
  readonly hasFallback?: boolean;
  /** How often the files are looked at, ms; 10 s by default. */
  readonly checkMs?: number;
}

const CHECK_MS = 10_000;

interface Entry {
  readonly files: KeyPairFiles;
  readonly pair: KeyPair;
  readonly names: readonly string[];
  readonly context: SecureContext;
}

/** What a listener of TLS needs of its certificates. */
export interface CertificateSource {
  /** PEM of the CAs whose certificates clients must show; undefined if nobody is asked. */
  readonly clientCa: string | undefined;
  /** The certificate for `serverName`, "" for a client that names nobody; undefined if none is. */
  contextFor(serverName: string): SecureContext | undefined;
}

/** Certificates in files. */
export class CertificateStore implements CertificateSource {
  #options: CertificateStoreOptions;
  readonly #runtime: Pick<Runtime, "log" | "timers">;
  #clientCa: string | undefined;
  #entries: readonly Entry[] = [];
  /** Exact names in small letters, and wildcards as `*.rest`. */
  #byName = new Map<string, Entry>();
  #stamp = "";
  #timer: Timer | undefined;
  #isClosed = false;
  /** Changed files that could not be used. */
  failedReloads = 0;

  private constructor(options: CertificateStoreOptions, runtime: Pick<Runtime, "log" | "timers">) {
    this.#options = options;
    this.#runtime = runtime;
  }

  /**
   * Reads the files and goes on looking at them; whoever opened it closes it.
   *
   * @throws {ConfigError} naming the file that is missing, no certificate or key, or no match.
   */
  static async open(
    options: CertificateStoreOptions,
    runtime: Pick<Runtime, "log" | "timers">,
  ): Promise<CertificateStore> {
    const store = new CertificateStore(options, runtime);
    store.#stamp = await store.#currentStamp();
    await store.#load();
    store.#watch();
    return store;
  }

  get clientCa(): string | undefined {
    return this.#clientCa;
  }

  /** PEM certificates in use, the default one first. */
  get certificates(): readonly string[] {
    return this.#entries.map(({ pair }) => pair.cert);
  }

  contextFor(serverName: string): SecureContext | undefined {
    if (serverName === "") return this.#entries[0]?.context;
    const name = serverName.toLowerCase();
    const entry = this.#byName.get(name) ?? this.#byName.get(`*${name.slice(name.indexOf("."))}`);
    if (entry !== undefined) return entry.context;
    // A certificate without names says nothing of whom it is for.
    const nameless = this.#entries.find(({ names }) => names.length === 0);
    return (nameless ?? (this.#options.hasFallback ? this.#entries[0] : undefined))?.context;
  }

  /** Looks at the files now. False if they changed and could not be used: the old ones stay. */
  async reload(): Promise<boolean> {
    const stamp = await this.#currentStamp();
    if (stamp === this.#stamp) return true;
    this.#stamp = stamp;
    const { log } = this.#runtime;
    try {
      await this.#load();
      log.info("tls.reloaded", "New certificates are in use", { names: this.#namesText() });
      return true;
    } catch (error) {
      this.failedReloads += 1;
      log.error("tls.reload_failed", `The old certificate stays: ${(error as Error).message}`);
      return false;
    }
  }

  /**
   * Goes by other files from now on.
   *
   * @throws {ConfigError} they cannot be used; the old ones stay.
   */
  async replace(options: CertificateStoreOptions): Promise<void> {
    const before = this.#options;
    this.#options = options;
    try {
      const stamp = await this.#currentStamp();
      await this.#load();
      this.#stamp = stamp;
    } catch (error) {
      this.#options = before;
      throw error;
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  async #load(): Promise<void> {
    const { files, clientCa } = this.#options;
    const ca = clientCa === undefined ? undefined : await readCertificates(clientCa);
    const entries = await Promise.all(files.map((pair) => readEntry(pair, ca)));
    this.#clientCa = ca;
    this.#entries = entries;
    this.#byName = new Map();
    for (const entry of entries) {
      for (const name of entry.names) {
        if (!this.#byName.has(name)) this.#byName.set(name, entry);
      }
    }
  }

  #watch(): void {
    if (this.#isClosed) return;
    this.#timer = this.#runtime.timers.after(
      this.#options.checkMs ?? CHECK_MS,
      () => void this.reload().finally(() => this.#watch()),
    );
  }

  /** Times, sizes and rights of all files, and which they are: a renewal may swap a symbolic link. */
  async #currentStamp(): Promise<string> {
    const { files, clientCa } = this.#options;
    const paths = [
      ...files.flatMap(({ cert, key }) => [cert, key]),
      ...(clientCa ? [clientCa] : []),
    ];
    const stamps = await Promise.all(paths.map(async (path) => {
      try {
        const { mtime, size, ino, mode } = await Deno.stat(path);
        return `${mtime?.getTime()}/${size}/${ino}/${mode}`;
      } catch {
        return "gone";
      }
    }));
    return stamps.join(" ");
  }

  #namesText(): string {
    return [...this.#byName.keys()].slice(0, 20).join(",");
  }
}

/**
 * Reads PEM certificates of a file.
 *
 * @throws {ConfigError} there is none in it, or anyone on this machine can change it.
 */
export async function readCertificates(path: string): Promise<string> {
  const pem = await readText(path);
  parseCertificate(pem, path);
  return pem;
}

/** Reads a certificate and its key. @throws {ConfigError} naming the file that is wrong. */
export async function readKeyPair({ cert, key }: KeyPairFiles): Promise<KeyPair> {
  const pair = { cert: await readText(cert), key: await readText(key) };
  const certificate = parseCertificate(pair.cert, cert);
  let privateKey;
  try {
    privateKey = createPrivateKey(pair.key);
  } catch (error) {
    throw new ConfigError(key, "holds no private key in PEM", { cause: error });
  }
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new ConfigError(key, `is not the key of the certificate in ${cert}`);
  }
  return pair;
}

async function readEntry(files: KeyPairFiles, clientCa: string | undefined): Promise<Entry> {
  const pair = await readKeyPair(files);
  const names = new X509Certificate(pair.cert).subjectAltName
    ?.split(", ")
    .filter((name) => name.startsWith("DNS:"))
    .map((name) => name.slice("DNS:".length).toLowerCase()) ?? [];
  const context = createSecureContext({
    ...pair,
    minVersion: "TLSv1.2",
    // Deno takes them from here, not from the server's options, once a name has been asked for.
    ...(clientCa !== undefined && { ca: [clientCa] }),
  });
  return { files, pair, names, context };
}

function parseCertificate(pem: string, path: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new ConfigError(path, "holds no certificate in PEM", { cause: error });
  }
}

async function readText(path: string): Promise<string> {
  if (path.includes("-----BEGIN ")) return path;
  try {
    const [info, folder] = await Promise.all([Deno.stat(path), Deno.stat(dirname(path))]);
    if (isWritableByAll(info)) {
      throw new ConfigError(path, "can be written by anyone on this machine, use chmod o-w");
    }
    if (isReplaceableIn(folder)) {
      throw new ConfigError(path, `can be replaced by anyone, use chmod o-w on ${dirname(path)}`);
    }
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const isMissing = error instanceof Deno.errors.NotFound;
    const detail = isMissing ? "there is no such file" : (error as Error).message;
    throw new ConfigError(path, detail, { cause: error });
  }
}
