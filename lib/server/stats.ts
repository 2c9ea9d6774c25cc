/** Counts of what a server did and refused; read by admin and metrics. */

/** Each grows only. */
export class ServerStats {
  handshakesAccepted = 0;
  /** By reason: "garbage", "timeout", "credential", "cluster", "overload", "closed". */
  readonly handshakesRefused: Record<string, number> = {};
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

  refused(reason: string): void {
    this.handshakesRefused[reason] = (this.handshakesRefused[reason] ?? 0) + 1;
  }
}
