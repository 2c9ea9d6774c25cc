/** Outgoing connections of TLS by settings whose files are read at each dial. */
import { formatAddress } from "../address.ts";
import type { Address } from "../address.ts";
import { DialError } from "../errors.ts";
import type { Connection } from "./connection.ts";
import { dial } from "./dial.ts";
import type { DialOptions, DialProxy, DialRuntime } from "./dial.ts";
import type { TlsClientOptions } from "./tls_client.ts";
import { readTlsClient } from "./tls_client_files.ts";
import type { TlsClientSettings } from "./tls_client_files.ts";

/** Where a connection of TLS leads. */
export interface TlsPlace {
  readonly address: Address;
  /** The server as its user wrote it: its host is what the server's certificate must be for. */
  readonly server: Address;
  /** By whom; straight if undefined. */
  readonly proxy?: DialProxy | undefined;
}

/** How to dial, beside the settings. */
export interface TlsDialOptions
  extends Pick<TlsClientOptions, "alpn" | "onChain">, Pick<DialOptions, "onGivenUp"> {
  /** From the call to the end of the handshake, ms. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/**
 * Connects to a place inside TLS.
 *
 * @throws {DialError} no connection, or a server that is not to be trusted; also for files that
 * cannot be read any more.
 */
export async function dialTls(
  { address, server, proxy }: TlsPlace,
  settings: TlsClientSettings,
  runtime: DialRuntime,
  { timeoutMs, signal, onGivenUp, ...options }: TlsDialOptions,
): Promise<Connection> {
  let client: TlsClientOptions;
  try {
    client = await readTlsClient(settings, server.kind === "tcp" ? server.host : undefined);
  } catch (error) {
    throw new DialError(formatAddress(address), "failed", (error as Error).message, {
      cause: error,
    });
  }
  return await dial(address, runtime, {
    timeoutMs,
    ...(signal !== undefined && { signal }),
    ...(onGivenUp !== undefined && { onGivenUp }),
    proxy,
    tls: { ...client, ...options },
  });
}
