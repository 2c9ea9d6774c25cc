/** The runtime's socket errors in revtun's words: the only place that knows `Deno.errors`. */
import { ClosedError, DialError, ListenError } from "../errors.ts";
import type { DialFailure } from "../errors.ts";

/** Says how a connection in use broke. */
export function translateSocketError(error: unknown, name: string): ClosedError {
  return new ClosedError("peer", `Connection to ${name} broke: ${reasonOf(error)}`, {
    cause: error,
  });
}

/** Says why a dial failed. */
export function translateDialError(error: unknown, address: string): DialError {
  return new DialError(address, failureOf(error), reasonOf(error), { cause: error });
}

/** Says why an address cannot be listened on. */
export function translateListenError(error: unknown, address: string): ListenError {
  return new ListenError(address, reasonOf(error), { cause: error });
}

function failureOf(error: unknown): DialFailure {
  if (error instanceof Deno.errors.ConnectionRefused) return "refused";
  if (error instanceof Deno.errors.NotFound) return "refused"; // a Unix socket that is not there
  if (error instanceof Deno.errors.TimedOut) return "timeout";
  if ((error as { code?: unknown } | null)?.code === "ECONNREFUSED") return "refused";
  if (isOutOfFiles(error)) return "busy";
  return "unreachable";
}

/** True when this process or this machine has no file descriptor left. */
export function isOutOfFiles(error: unknown): boolean {
  return error instanceof Error && /os error (23|24)\b/.test(error.message);
}

/** True when an accept failed because its client had left already. */
export function isClientGone(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.ConnectionReset;
}

/** TLS failures as the runtime and Node word them, and what they mean to a user. */
const TLS_REASONS: readonly [RegExp, string][] = [
  [
    /not valid for name|ERR_TLS_CERT_ALTNAME_INVALID|does not match certificate's altnames/,
    "its certificate is for another name",
  ],
  [/Expired\b|CERT_HAS_EXPIRED/i, "its certificate has expired"],
  [
    /NotValidYet|CERT_NOT_YET_VALID/,
    "its certificate is not valid yet: check this machine's clock",
  ],
  [
    /UnknownIssuer|BadSignature|UNABLE_TO_|SELF_SIGNED_CERT|self-signed certificate|CaUsedAsEndEntity/,
    "its certificate is signed by nobody that is trusted here",
  ],
  [
    /CertificateRequired|CERTIFICATE_REQUIRED/,
    "it asks for a client certificate, and none was given",
  ],
  [
    /alert: (UnknownCA|BadCertificate|CertificateUnknown|AccessDenied)|ALERT_(UNKNOWN_CA|BAD_CERT)/,
    "it refuses our certificate",
  ],
  [
    // A server's last words may be lost with the connection that it ends at once.
    /without sending TLS close_notify/,
    "it closed the connection without a word: it may want another client certificate",
  ],
  [/InvalidContentType|corrupt message|WRONG_VERSION_NUMBER/, "what answers does not speak TLS"],
  [
    /unexpected end of file|UnexpectedEof|closed in its handshake/i,
    "it closed the connection in the TLS handshake: " +
    "it may speak no TLS there, or may have no certificate for that name",
  ],
  [/alert: (ProtocolVersion|HandshakeFailure)/, "it has no version or cipher of TLS in common"],
];

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.AddrInUse) return "the address is in use by another program";
  if (error instanceof Deno.errors.AddrNotAvailable) return "this machine has no such address";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.NotCapable) return "this program gave up the right to do that";
  if (error instanceof Deno.errors.ConnectionRefused) return "connection refused";
  if (error instanceof Deno.errors.ConnectionReset) return "connection reset";
  if (error instanceof Deno.errors.BrokenPipe) return "connection closed by the far side";
  if (error instanceof Deno.errors.TimedOut) return "timed out";
  if (isOutOfFiles(error)) return "no file descriptor left, raise ulimit -n";
  const text = error instanceof Error ? error.message : String(error);
  const code = (error as { code?: unknown } | null)?.code;
  if (code === "EADDRINUSE") return "the address is in use by another program";
  if (code === "EADDRNOTAVAIL") return "this machine has no such address";
  if (code === "EACCES") return "permission denied";
  if (code === "ECONNREFUSED") return "connection refused";
  if (code === "ECONNRESET" || code === "EPIPE") return "connection closed by the far side";
  const known = TLS_REASONS.find(([pattern]) => pattern.test(`${code} ${text}`));
  if (known !== undefined) return known[1];
  if (/failed to lookup address|Name or service not known/i.test(text)) {
    return "the name cannot be resolved";
  }
  return text.replace(/\s*\(os error \d+\)/, "");
}
