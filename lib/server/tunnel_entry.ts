/** A connection of an agent, before and after it was let in. */
import type { Address } from "../address.ts";
import type { Permit } from "../auth/permit.ts";
import type { SharedBuffer } from "../buffer.ts";
import type { InitInfo, TunnelMode } from "../codec/message.ts";
import type { Duplex } from "../duplex.ts";
import type { TlsFacts } from "../transport/connection.ts";

/** A connection of an agent, as its listener accepted it. */
export interface TunnelDuplex extends Duplex {
  readonly remote: Address;
  /** What TLS agreed on, the agent's certificate with it; undefined in the clear. */
  readonly tls?: TlsFacts | undefined;
  setMinReadBytes?(bytes: number): void;
}

/** What an accepted connection becomes. */
export interface TunnelEntry {
  duplex: TunnelDuplex;
  info: InitInfo;
  permit: Permit;
  mode: TunnelMode;
  /** Bytes that came behind the handshake. */
  rest: Uint8Array;
  buffer: SharedBuffer;
}
