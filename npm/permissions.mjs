/** What the built program may do, in the words of deno's flags: nothing that it does not need. */

/** Variables that the program reads; all others look unset to it and to the packages inside. */
const VARIABLES = [
  "REVTUN_*",
  "NO_COLOR",
  "TERM",
  "HOME",
  "XDG_STATE_HOME",
  "NOTIFY_SOCKET",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "KUBERNETES_*",
  "OTEL_*",
];

/** As flags: no programs, no native libraries. */
export const PERMISSION_FLAGS = [
  // Tunnels, frontends and targets are wherever the settings say.
  "--allow-net",
  // Settings, certificates, tokens, captures; Unix sockets need both.
  "--allow-read",
  "--allow-write",
  `--allow-env=${VARIABLES.join(",")}`,
  "--ignore-env",
  // The machine's name is the default host name; a resolver that asks a certain name server wants
  // to know the interfaces.
  "--allow-sys=hostname,networkInterfaces",
  "--no-prompt",
  "--unstable-net",
];
