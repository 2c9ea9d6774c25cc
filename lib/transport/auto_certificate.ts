/** A certificate of the server's own making, for two people without a CA. */
import { X509Certificate } from "node:crypto";
import { ConfigError } from "../errors.ts";
import { readKeyPair } from "./certificate_store.ts";
import type { KeyPairFiles } from "./certificate_store.ts";
import { makeCertificate } from "./make_certificate.ts";
import { fingerprintOf } from "./peer_certificate.ts";

const LIFE_YEARS = 10;
/** A certificate with less time left is made anew. */
const MIN_LEFT_MS = 30 * 86_400_000;

/** A kept certificate. */
export interface AutoCertificate {
  readonly files: KeyPairFiles;
  /** SHA-256 of the certificate, 64 hex digits in small letters: what agents pin. */
  readonly fingerprint: string;
}

/**
 * Gives the certificate that is kept in `folder`, made there first if there is none: valid for ten
 * years, its key for the owner's eyes only.
 *
 * @param machineName one of its names; agents go by its fingerprint.
 * @throws {ConfigError} the folder cannot be used, others may read the key, or both do not match.
 */
export async function autoKeyPairFiles(
  folder: string,
  machineName: string,
): Promise<AutoCertificate> {
  const files = { cert: `${folder}/tunnel.crt`, key: `${folder}/tunnel.key` };
  try {
    const mode = (await Deno.stat(files.key)).mode ?? 0;
    if ((mode & 0o077) !== 0) {
      throw new ConfigError(files.key, `others may read it, run: chmod 600 ${files.key}`);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw asConfigError(folder, error);
    await make(files, folder, machineName);
  }
  const { cert } = await readKeyPair(files);
  const certificate = new X509Certificate(cert);
  if (certificate.validToDate.getTime() - Date.now() < MIN_LEFT_MS) {
    const detail = `expires on ${certificate.validTo}; remove it and its key for a new one`;
    throw new ConfigError(files.cert, detail);
  }
  return { files, fingerprint: fingerprintOf(certificate.raw) };
}

async function make(files: KeyPairFiles, folder: string, machineName: string): Promise<void> {
  const notBefore = new Date();
  const notAfter = new Date(notBefore);
  notAfter.setFullYear(notBefore.getFullYear() + LIFE_YEARS);
  const names = ["localhost", "127.0.0.1", "::1", ...(machineName === "" ? [] : [machineName])];
  const pair = await makeCertificate({ commonName: "revtun", names, notBefore, notAfter });
  try {
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    await Deno.writeTextFile(files.cert, pair.cert, { mode: 0o644 });
    // The key last: what counts as kept is whole. Two servers that start at once do not both win.
    await Deno.writeTextFile(files.key, pair.key, { mode: 0o600, createNew: true });
  } catch (error) {
    throw asConfigError(folder, error);
  }
}

function asConfigError(folder: string, error: unknown): ConfigError {
  if (error instanceof ConfigError) return error;
  return new ConfigError(folder, `cannot be used: ${(error as Error).message}`, { cause: error });
}
