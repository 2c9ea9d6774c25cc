/** revtun as one of the tunnels, in the ways in which it is measured. */
import { RUN_FLAGS } from "../npm/run_flags.mjs";
import { routeFlags } from "../npm/route.ts";
import type { PeerSpec } from "./peer_spec.ts";

/** How it runs. */
export interface RevtunOptions {
  readonly name?: string;
  /** Tunnel connections of the agent to each address; 1. */
  readonly connections?: number;
  /** Loopback addresses that the server takes agents on, 127.0.0.1 and up; 1. */
  readonly addresses?: number;
  readonly mode?: "mux" | "raw";
  /** Frontend; "tcp". */
  readonly scheme?: "tcp" | "http";
  /** The tunnel is inside TLS, checked by name and CA: PEM of all that is needed. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
}

/** revtun as users get it: the bundle, with the built program's permissions. */
export function revtunSpec(bundle: string, options: RevtunOptions = {}): PeerSpec {
  const { name = "revtun", connections = 1, mode = "mux", scheme = "tcp", tls } = options;
  const others = Array.from(
    { length: (options.addresses ?? 1) - 1 },
    (_, index) => `127.0.0.${index + 2}:{CTRL}`,
  );
  const more = (flag: string) => others.map((address) => ` --${flag} ${address}`).join("");
  const run = `${Deno.execPath()} run --no-config --no-lock -q ${
    RUN_FLAGS.map((flag) => `'${flag}'`).join(" ")
  } ${bundle}`;
  return {
    name,
    routing: scheme,
    server: `${run} server --log-level warn --tunnel 127.0.0.1:{CTRL}${more("tunnel")}` +
      ` --listen ${scheme}://127.0.0.1:{FRONT}/bench` +
      (tls !== undefined ? " --tls-cert {DIR}/cert.pem --tls-key {DIR}/key.pem" : ""),
    agent: `${run} agent --log-level warn --server {DIAL_HOST}:{DIAL}${more("server")}` +
      (tls !== undefined ? " --tls --tls-ca {DIR}/ca.pem" : "") +
      ` --cluster bench` +
      ` --target 127.0.0.1:{BACKEND} --connections ${connections} --mode ${mode}`,
    files: tls === undefined ? {} : { "ca.pem": tls.ca, "cert.pem": tls.cert, "key.pem": tls.key },
    prepare: [],
  };
}

/**
 * Bundles the program into `folder`; returns the bundle's path.
 *
 * @throws {Error} it cannot be bundled, or `signal` was aborted.
 */
export async function bundleRevtun(folder: string, signal?: AbortSignal): Promise<string> {
  const make = ["run", "-A", "-q", "--no-check", ...routeFlags(), "npm/compile.ts"];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...make, "--bundle-only", `--out=${folder}`],
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    ...(signal !== undefined && { signal }),
    stdout: "piped",
    stderr: "piped",
  }).output();
  signal?.throwIfAborted();
  const decoder = new TextDecoder();
  if (!success) {
    throw new Error(`Cannot bundle: ${decoder.decode(stdout)}${decoder.decode(stderr)}`);
  }
  return `${folder}/revtun.js`;
}
