/** A tunnel connection of a host, as far as registry and balancer look at it. */
import type { HostConnection } from "../../lib/server/host.ts";
import type { Upstream, UpstreamRequest } from "../../lib/upstream.ts";

/** Does nothing, and remembers what it was asked for. */
export class FakeConnection implements HostConnection {
  id = 1;
  mode: "mux" | "raw" = "mux";
  remoteAddress = "127.0.0.1:1";
  inFlight = 0;
  isAvailable = true;
  isInDoubt = false;
  rttMs = 1;
  receivedBytes = 0;
  sentBytes = 0;
  doubts = 0;
  idleCloses = 0;
  closedBy: Error | undefined;
  /** Called when it is closed. */
  onClose: (() => void) | undefined;

  serves(target: string): boolean {
    return this.mode === "mux" || target === "";
  }

  open(_request: UpstreamRequest): Upstream {
    throw new Error("not used");
  }

  askReplacement(): void {}

  goAway(): void {}

  doubt(): void {
    this.doubts += 1;
  }

  closeIdle(): void {
    this.idleCloses += 1;
  }

  close(error?: Error): void {
    this.closedBy = error;
    this.onClose?.();
  }
}
