/**
 * Who may come in by a listener, and as whom: `allow=` lists the addresses of clients,
 * `proxy_protocol=` the proxies in front of them, which begin with a PROXY header.
 */
import type { Address } from "../../address.ts";
import { formatAddress } from "../../address.ts";
import { AddressList } from "../../address_list.ts";
import { ProxyHeaderDecoder } from "../../codec/proxy_protocol.ts";
import type { ProxyHeader } from "../../codec/proxy_protocol.ts";
import { ConfigError } from "../../errors.ts";
import type { ListenSpec } from "../listen_spec.ts";
import type { Frontend, FrontendServices } from "./frontend.ts";
import { optionsOf } from "./options.ts";
import { PrereadClient } from "./preread_client.ts";
import { refuseClient } from "./refuse_client.ts";

/** Options of every scheme whose clients come in by a stream socket in the clear. */
export const DOOR_OPTIONS = ["allow", "proxy_protocol"] as const;
/** Value of `proxy_protocol=` for the proxies that the server trusts anyway. */
const ACCEPT = "accept";

/** Looks at the options' values. @throws {RangeError} fit to be shown behind `--listen`. */
export function checkDoor(spec: ListenSpec): void {
  new AddressList(optionsOf(spec, "allow"));
  new AddressList(optionsOf(spec, "proxy_protocol").filter((text) => text !== ACCEPT));
}

/** Its clients come in by proxies, each behind a PROXY header. */
export function hasProxyHeaders(spec: ListenSpec): boolean {
  return optionsOf(spec, "proxy_protocol").length > 0;
}

/** Puts the door of `spec`'s options in front of a frontend; nothing where they ask for none. */
export function withDoor(
  spec: ListenSpec,
  services: FrontendServices,
  frontend: Frontend,
): Frontend {
  return withProxyHeaders(spec, services, withAllowed(spec, services, frontend));
}

/** Lets in only those that `allow=` lists, by the address that is believed. */
export function withAllowed(
  spec: ListenSpec,
  services: FrontendServices,
  inner: Frontend,
): Frontend {
  const texts = optionsOf(spec, "allow");
  if (texts.length === 0) return inner;
  const allowed = new AddressList(texts);
  return {
    serve(client) {
      if (allowed.has(client.remote)) return inner.serve(client);
      refuseClient(client, services, {
        reason: "address",
        detail: `${formatAddress(client.remote)} is not on the list of those who may connect`,
      });
    },
    configure: (config) => inner.configure?.(config),
    drain: () => inner.drain(),
    close: () => inner.close(),
  };
}

/**
 * Takes clients from trusted proxies alone, each behind a PROXY header; who comes without is
 * refused, since what would be believed of the one could be said by the other.
 */
export function withProxyHeaders(
  spec: ListenSpec,
  services: FrontendServices,
  inner: Frontend,
): Frontend {
  const texts = optionsOf(spec, "proxy_protocol");
  if (texts.length === 0) return inner;
  const { config, runtime } = services;
  if (texts.includes(ACCEPT) && config.trustedProxies.length === 0) {
    throw new ConfigError(
      "--listen",
      "proxy_protocol=accept lets nobody in, name proxies by --trusted-proxy or in its place",
    );
  }
  const trusted = new AddressList(
    texts.flatMap((text) => text === ACCEPT ? config.trustedProxies : text),
  );
  return {
    serve(client) {
      if (!trusted.has(client.remote)) {
        refuseClient(client, services, {
          reason: "proxy-stranger",
          detail: `${formatAddress(client.remote)} is no trusted proxy, and this frontend takes ` +
            "only those (proxy_protocol)",
        });
        return;
      }
      const preread = new PrereadClient(client, runtime.timers, config.prereadTimeoutMs);
      const decoder = new ProxyHeaderDecoder();
      preread.listen({
        take(bytes) {
          const found = decoder.push(bytes);
          if (found === undefined) return;
          believe(preread, found.header);
          preread.hold(found.rest);
          inner.serve(preread);
        },
        failed: (failure) =>
          refuseClient(client, services, { reason: "proxy-header", detail: failure }),
      });
    },
    configure: (config) => inner.configure?.(config),
    drain: () => inner.drain(),
    close: () => inner.close(),
  };
}

/** @throws {RangeError} a header of datagrams on a stream. */
function believe(client: PrereadClient, header: ProxyHeader): void {
  switch (header.kind) {
    case "tcp":
      client.remote = { kind: "tcp", ...header.source };
      client.local = { kind: "tcp", ...header.destination };
      break;
    case "unixStream":
      client.remote = unixAddress(header.source);
      client.local = unixAddress(header.destination);
      break;
    case "local":
    case "unknown":
      // The proxy speaks for itself, or does not know: it is the client.
      break;
    default:
      throw new RangeError("its PROXY header speaks of datagrams");
  }
}

function unixAddress(path: string): Address {
  return { kind: "unix", path };
}
