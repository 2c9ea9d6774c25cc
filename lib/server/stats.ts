/** Counts of what a server did and refused; read by admin and metrics. */

/** Each grows only. */
export class ServerStats {
  handshakesAccepted = 0;
  /** By reason: "garbage", "timeout", "credential", "cluster", "name", "overload", "inUse". */
  readonly handshakesRefused: Record<string, number> = {};
  /** Of those for their credential, why it did not do: see `CredentialFailure`. */
  readonly credentialFailures: Record<string, number> = {};
  /** Tunnel connections closed because what let them in had expired or was revoked. */
  permitsEnded = 0;
  frontendConnections = 0;
  frontendRefused = 0;
  requests = 0;
  streamsOpened = 0;
  streamsReused = 0;
  opensFailed = 0;
  ejections = 0;
  holds = 0;
  holdsExpired = 0;
  sessionErrors = 0;
  gracefulCloses = 0;
  gracefulClosesIgnored = 0;
  /** Control messages that say what their sender may not say, or that are garbage. */
  controlIgnored = 0;

  refused(reason: string, failure?: string): void {
    count(this.handshakesRefused, reason);
    if (failure !== undefined) count(this.credentialFailures, failure);
  }
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
