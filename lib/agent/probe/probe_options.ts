/** What a probe is told. */
import type { Address } from "../../address.ts";
import type { Secret } from "../../secret.ts";
import type { TlsClientSettings } from "../../transport/tls_client_files.ts";
import type { DialProxy } from "../../transport/dial.ts";
import type { AgentConfig } from "../config.ts";

/** What to probe, and as whom. */
export interface ProbeOptions {
  readonly server: Address;
  /** TLS to it; in the clear if undefined. */
  readonly tls?: TlsClientSettings | undefined;
  /** By whom it is reached, and its name resolved; dialled straight if undefined. */
  readonly proxy?: DialProxy | undefined;
  /** Cluster to ask for; a name that no server has if undefined. */
  readonly cluster?: string | undefined;
  readonly hostName: string;
  readonly credentialPolicy: string;
  readonly credential: Secret | undefined;
  /** Targets that the server is to permit; none if undefined. */
  readonly targets?: AgentConfig["targets"] | undefined;
  readonly software: string;
  /** Deadline of each step, ms. */
  readonly timeoutMs: number;
  /** Round trips to measure. */
  readonly pings: number;
  /** Told what is under way: "connect", "session 3/20". */
  onProgress?(what: string): void;
  /** Also send bytes for a second each way. Default: no. */
  readonly hasThroughput?: boolean | undefined;
}
