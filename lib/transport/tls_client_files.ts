/** A client's TLS settings, of which certificates lie in files that may be renewed. */
import { readCertificates, readKeyPair } from "./certificate_store.ts";
import type { KeyPairFiles } from "./certificate_store.ts";
import type { TlsClientOptions } from "./tls_client.ts";

/** How a client of TLS knows its server and shows itself. */
export interface TlsClientSettings {
  /** File of PEM certificates of CAs, or the PEM text itself; the public CAs if undefined. */
  readonly ca?: string | undefined;
  /** What to show a server that asks; files, or the PEM texts themselves. */
  readonly keyPair?: KeyPairFiles | undefined;
  /** Name that the server's certificate must be for; by default the host as it is dialled. */
  readonly serverName?: string | undefined;
  /** SHA-256 of the server's certificate, 64 hex digits in small letters; one of them must match. */
  readonly pins: readonly string[];
  /** Nothing of the server is checked. */
  readonly isInsecure: boolean;
}

/**
 * Reads what a connection that is about to be dialled needs: short-lived certificates are renewed
 * between two dials.
 *
 * @param host the server as its user wrote it, for its certificate's name.
 * @throws {ConfigError} naming the file that is missing, no certificate or key, or no match.
 */
export async function readTlsClient(
  settings: TlsClientSettings,
  host: string | undefined,
): Promise<TlsClientOptions> {
  const { ca, keyPair, serverName, pins, isInsecure } = settings;
  return {
    ca: ca === undefined ? undefined : await readCertificates(ca),
    keyPair: keyPair === undefined ? undefined : await readKeyPair(keyPair),
    serverName: serverName ?? host,
    pins,
    isInsecure,
  };
}

/**
 * Reads a pin: `sha256:` and 64 hex digits, with or without colons between them, as
 * `openssl x509 -fingerprint -sha256` prints them.
 *
 * @throws {RangeError} it is none.
 */
export function parsePin(text: string): string {
  const digits = /^sha256:([0-9a-f:]+)$/i.exec(text)?.[1]?.replaceAll(":", "").toLowerCase();
  if (digits === undefined || digits.length !== 64) {
    throw new RangeError(`"${text.slice(0, 100)}" is no pin, expected sha256: and 64 hex digits`);
  }
  return digits;
}

/** @throws {RangeError} settings that contradict each other, fit to be shown behind their name. */
export function checkTlsClient(settings: TlsClientSettings): void {
  if (!settings.isInsecure) return;
  if (settings.ca === undefined && settings.pins.length === 0) return;
  throw new RangeError("nothing is to be checked, and a CA or a pin is given: leave one out");
}
