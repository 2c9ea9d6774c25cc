/** What a yamux peer may not do: each ends its session, wherever that is. */
import { FLAG, FRAME_TYPE } from "../../lib/codec/yamux.ts";
import { pattern } from "./rig.ts";
import type { WirePeer } from "./rig.ts";

const WINDOW_BYTES = 256 << 10;
const { data, windowUpdate, ping } = FRAME_TYPE;
const { syn, fin, rst } = FLAG;

/** Breaks the protocol; `id` is the lowest id of the peer's own streams, 1 or 2. */
export type Breach = (peer: WirePeer, id: number) => void;

/** Breaches that are such whatever the session's streams are used for. */
export const BREACHES: Readonly<Record<string, Breach>> = {
  "a version other than 0": (peer) => peer.raw(new Uint8Array([1, ...new Array(11).fill(0)])),
  "an unknown frame type": (peer) => peer.frame(4, 0, 0, 0),
  "garbage": (peer) => peer.raw(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n")),
  "data for stream 0": (peer) => peer.frame(data, 0, 0, 1, pattern(1)),
  "credit for stream 0": (peer) => peer.frame(windowUpdate, 0, 0, 1),
  "data for a stream that was never opened": (peer, id) =>
    peer.frame(data, 0, id + 6, 1, pattern(1)),
  "credit for a stream that was never opened": (peer, id) => peer.frame(windowUpdate, 0, id + 7, 1),
  "a stream opened with an id of our side": (peer, id) => peer.frame(windowUpdate, syn, id ^ 3, 0),
  "a stream opened twice": (peer, id) => {
    peer.frame(windowUpdate, syn, id, 0);
    peer.frame(windowUpdate, syn, id, 0);
  },
  "data for a stream that was left out so far": (peer, id) => {
    peer.frame(windowUpdate, syn, id + 8, 0);
    peer.frame(data, 0, id + 6, 1, pattern(1));
  },
  "credit that overflows 32 bits (CVE-2026-31814)": (peer, id) => {
    peer.frame(windowUpdate, syn, id, 0);
    peer.frame(windowUpdate, 0, id, 0xffffffff);
  },
  "credit that overflows in many steps": (peer, id) => {
    peer.frame(windowUpdate, syn, id, 0);
    for (let i = 0; i < 16; i++) peer.frame(windowUpdate, 0, id, 0x10000000);
  },
  "an opening with more data than the window (CVE-2026-32314)": (peer, id) => {
    peer.frame(data, syn, id, WINDOW_BYTES + 1);
  },
  "a data frame larger than the window": (peer, id) => {
    peer.frame(windowUpdate, syn, id, 0);
    peer.frame(data, 0, id, 0xffffffff);
  },
  "a reset that brings more data than the window": (peer, id) => {
    peer.frame(windowUpdate, syn, id, 0);
    peer.frame(data, rst, id, 0xffffffff);
  },
  "a flood of openings and resets (CVE-2023-44487)": (peer, id) => {
    peer.flood(100_000, (i) => [windowUpdate, i % 2 === 0 ? syn : rst, (i & ~1) + id, 0]);
  },
  "a flood of pings": (peer) => {
    peer.flood(1000, (i) => [ping, syn, 0, i]);
  },
  "a flood of empty data": (peer, id) => {
    peer.frame(windowUpdate, syn, id, 0);
    peer.flood(200_000, () => [data, 0, id, 0]);
  },
  "a flood of empty credit": (peer, id) => {
    peer.frame(windowUpdate, syn, id, 0);
    peer.flood(200_000, () => [windowUpdate, 0, id, 0]);
  },
  "a flood for closed streams": (peer, id) => {
    peer.frame(windowUpdate, syn, id, 0);
    peer.frame(windowUpdate, rst, id, 0);
    peer.flood(200_000, () => [windowUpdate, 0, id, 1]);
  },
  "megabytes for closed streams": (peer, id) => {
    peer.frame(windowUpdate, syn, id, 0);
    peer.frame(windowUpdate, rst, id, 0);
    for (let i = 0; i < 40; i++) peer.frame(data, 0, id, 60_000, pattern(60_000));
  },
};

/** Breaches for a stream whose reader takes nothing. */
export const PAUSED_BREACHES: Readonly<Record<string, Breach>> = {
  "data past the window": (peer, id) => {
    peer.frame(data, syn, id, WINDOW_BYTES, pattern(WINDOW_BYTES));
    peer.frame(data, 0, id, 1, pattern(1));
  },
  "a second FIN": (peer, id) => {
    peer.frame(windowUpdate, syn, id, 0);
    peer.frame(windowUpdate, fin, id, 0);
    peer.frame(windowUpdate, fin, id, 0);
  },
  "data after FIN": (peer, id) => {
    peer.frame(data, syn | fin, id, 3, pattern(3));
    peer.frame(data, 0, id, 1, pattern(1));
  },
};
