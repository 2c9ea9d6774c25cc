/** A frontend as an agent asks for it: `tcp://[HOST]:PORT`, `udp://[HOST]:PORT`, or `http://HOST` on those that are there. */

/** Taken apart. */
export type ExposeUrl =
  | { readonly scheme: "tcp" | "udp"; readonly host: string; readonly port: number }
  /** `host` in small letters, without port. */
  | { readonly scheme: "http"; readonly host: string };

const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/;

/**
 * Reads it.
 *
 * @throws {RangeError} saying what is wrong with it, fit to be shown behind the setting's name.
 */
export function parseExposeUrl(text: string): ExposeUrl {
  const place = /^(tcp|udp):\/\/(\[[0-9a-fA-F:.]+\]|[^:[\]/@?#\s]*):(\d{1,5})$/.exec(text);
  if (place !== null) {
    const [, scheme, listenHost = ""] = place;
    const port = Number(place[3]);
    if (port < 1 || port > 65535) {
      throw new RangeError(`"${text}" has no port that can be had, expected 1 to 65535`);
    }
    return {
      scheme: scheme as "tcp" | "udp",
      host: listenHost.replace(/^\[(.*)\]$/, "$1"),
      port,
    };
  }
  const host = /^http:\/\/([^/:]+)\/?$/.exec(text)?.[1]?.toLowerCase();
  if (host !== undefined && HOST_NAME.test(host)) return { scheme: "http", host };
  const shown = text.length > 100 ? `${text.slice(0, 100)}…` : text;
  throw new RangeError(
    `"${shown}" is no frontend, expected tcp://:PORT, udp://:PORT or http://HOST`,
  );
}

/** Writes it in one way. */
export function formatExposeUrl(url: ExposeUrl): string {
  if (url.scheme === "http") return `http://${url.host}`;
  return `${url.scheme}://${url.host.includes(":") ? `[${url.host}]` : url.host}:${url.port}`;
}
