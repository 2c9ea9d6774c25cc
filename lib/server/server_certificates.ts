/** Certificates of a server's listeners, which may become others while those listen. */
import { isDeepStrictEqual } from "node:util";
import { ConfigError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import { CertificateStore } from "../transport/certificate_store.ts";
import type { CertificateStoreOptions } from "../transport/certificate_store.ts";
import type { ServerConfig } from "./config.ts";

type TlsConfig = Pick<ServerConfig, "tunnelTls" | "frontendTls">;

/** Those of the tunnel ports, and those of https:// frontends. */
export class ServerCertificates {
  readonly #runtime: Runtime;
  #tunnel: CertificateStore | undefined;
  #frontends: CertificateStore | undefined;
  #config: TlsConfig = { tunnelTls: undefined, frontendTls: undefined };

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Undefined where the tunnel ports are in the clear. */
  get tunnel(): CertificateStore | undefined {
    return this.#tunnel;
  }

  /** Undefined where there is none for https:// frontends. */
  get frontends(): CertificateStore | undefined {
    return this.#frontends;
  }

  /** Times that files had changed and could not be used. */
  get failedReloads(): number {
    return (this.#tunnel?.failedReloads ?? 0) + (this.#frontends?.failedReloads ?? 0);
  }

  /** Reads those of the tunnel ports, once. @throws {ConfigError} */
  async openTunnel(tunnelTls: TlsConfig["tunnelTls"]): Promise<void> {
    this.#tunnel ??= await this.#openStore(withFallback(tunnelTls));
    this.#config = { ...this.#config, tunnelTls };
  }

  /** Reads those of https:// frontends, once. @throws {ConfigError} */
  async openFrontends(frontendTls: TlsConfig["frontendTls"]): Promise<void> {
    this.#frontends ??= await this.#openStore(frontendTls);
    this.#config = { ...this.#config, frontendTls };
  }

  /**
   * Reads others in their place; the result puts the old ones back.
   *
   * @throws {ConfigError} a file cannot be used, or what listens would have to listen anew; all is
   * as it was.
   */
  async replace(next: TlsConfig): Promise<() => Promise<void>> {
    const before = this.#config;
    // Clients are asked for certificates, and for TLS at all, by the listener, which stays.
    if (!isSameKind(before.tunnelTls, next.tunnelTls)) {
      throw new ConfigError("TLS of the tunnel ports", "cannot be switched without a restart");
    }
    if (before.frontendTls !== undefined && next.frontendTls !== undefined) {
      if (!isSameKind(before.frontendTls, next.frontendTls)) {
        throw new ConfigError("--frontend-client-ca", "cannot be switched without a restart");
      }
    }
    await this.#set(next);
    return () => this.#set(before);
  }

  close(): void {
    this.#tunnel?.close();
    this.#frontends?.close();
  }

  async #set({ tunnelTls, frontendTls }: TlsConfig): Promise<void> {
    const before = this.#config;
    if (frontendTls !== undefined && !isDeepStrictEqual(frontendTls, before.frontendTls)) {
      if (this.#frontends === undefined) this.#frontends = await this.#openStore(frontendTls);
      else await this.#frontends.replace(frontendTls);
    }
    if (tunnelTls !== undefined && !isDeepStrictEqual(tunnelTls, before.tunnelTls)) {
      await this.#tunnel!.replace(withFallback(tunnelTls));
    }
    this.#config = { tunnelTls, frontendTls };
  }

  async #openStore(
    options: CertificateStoreOptions | undefined,
  ): Promise<CertificateStore | undefined> {
    return options && await CertificateStore.open(options, this.#runtime);
  }
}

/** Agents dial by whatever name or address they have; whether it is right is for them to judge. */
function withFallback<T extends CertificateStoreOptions | undefined>(options: T): T {
  return options && { ...options, hasFallback: true };
}

function isSameKind(
  a: CertificateStoreOptions | undefined,
  b: CertificateStoreOptions | undefined,
): boolean {
  return (a === undefined) === (b === undefined) &&
    (a?.clientCa === undefined) === (b?.clientCa === undefined);
}
