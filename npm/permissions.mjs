/** What the program may do, in the words of deno's flags: nothing that it does not need. */

/** Flags of every way to start the built program. */
export const PERMISSION_FLAGS = [
  // Tunnels, frontends and targets are wherever the settings say.
  "--allow-net",
  // Settings, certificates, tokens, captures; Unix sockets need both.
  "--allow-read",
  "--allow-write",
  // REVTUN_… and NO_COLOR are ours; npm packages look for others and must find them absent, not fail.
  "--allow-env",
  // The machine's name is the default host name.
  "--allow-sys",
  "--no-prompt",
  "--unstable-net",
];
