/** The text of revtun's units for systemd: `deploy/` has what this makes, and so has `install`. */

/** What a unit is for. */
export interface UnitOptions {
  readonly role: "server" | "agent";
  /** For one user's own systemd, which may do less and has its files at home. */
  readonly isUser: boolean;
  /** Path of the executable. */
  readonly program: string;
  /** Path of a settings file; without it, settings are variables in a file of them. */
  readonly configFile?: string | undefined;
}

/** The unit's file name. */
export function unitName(role: UnitOptions["role"]): string {
  return `revtun-${role}.service`;
}

/** Where the unit's file stands below `home` or the root of the machine. */
export function unitFolder(isUser: boolean): string {
  return isUser ? ".config/systemd/user" : "etc/systemd/system";
}

/** The target that wants the unit at start-up. */
export function wantedBy(isUser: boolean): string {
  return isUser ? "default.target" : "multi-user.target";
}

/** The whole unit file. */
export function systemdUnit(options: UnitOptions): string {
  const sections = [
    [
      "[Unit]",
      `Description=revtun ${options.role === "server" ? "tunnel server" : "agent"}`,
      // A user's systemd does not know when the machine is on the network.
      ...(options.isUser ? [] : ["After=network-online.target", "Wants=network-online.target"]),
    ],
    ["[Service]", ...serviceLines(options), ...confinement(options)],
    ["[Install]", `WantedBy=${wantedBy(options.isUser)}`],
  ];
  return `${[...head(options), ...sections.map((lines) => lines.join("\n") + "\n")].join("\n")}`;
}

function head({ role, isUser, configFile }: UnitOptions): string[] {
  const systemctl = isUser ? "systemctl --user" : "systemctl";
  const folder = isUser ? "~/.config/revtun" : "/etc/revtun";
  const comments = [
    `revtun ${role} under systemd: ${systemctl} enable --now revtun-${role}`,
    "Made by revtun service install, which can make it anew.",
  ];
  if (configFile !== undefined) {
    comments.push(`Settings: ${configFile}, taken over when it changes.`);
  } else if (role === "server") {
    comments.push(
      `Settings: ${folder}/server.env, e.g. REVTUN_LISTEN=:8080; tokens by \`revtun token\`.`,
    );
  } else {
    comments.push(
      `Settings: ${folder}/agent.env, e.g. REVTUN_SERVER=tls://cloud:9000 and REVTUN_CLUSTER=edge-a.`,
      isUser
        ? `The token: ${folder}/token, readable by you alone.`
        : `The token: ${folder}/token, readable by root alone; the agent gets a copy of its own.`,
    );
  }
  return [comments.map((line) => `# ${line}`).join("\n")];
}

function serviceLines({ role, isUser, program, configFile }: UnitOptions): string[] {
  const folder = isUser ? "%E/revtun" : "/etc/revtun";
  const start = `ExecStart=${escaped(program)} ${role}`;
  const wrong = role === "agent"
    ? [
      "# Wrong settings stay wrong, and a server that refuses for good is not asked again.",
      "RestartPreventExitStatus=2 3",
    ]
    : ["# Wrong settings stay wrong.", "RestartPreventExitStatus=2"];
  const state = role === "server" ? ["StateDirectory=revtun", "StateDirectoryMode=0700"] : [];
  return [
    ...settingsLines(start, role, { isUser, folder, configFile }),
    ...(isUser ? [] : ["DynamicUser=yes"]),
    ...state,
    // The portable form unpacks itself there.
    "CacheDirectory=revtun",
    "Environment=REVTUN_CACHE_DIR=%C/revtun",
    "Restart=on-failure",
    "RestartSec=5s",
    ...wrong,
    ...openFiles(role === "server" ? 131_072 : 65_536, isUser),
  ];
}

/** A user's systemd gives less where the user may have less: nobody knows how much. */
function openFiles(count: number, isUser: boolean): string[] {
  return [
    `LimitNOFILE=${count}`,
    ...(isUser ? [] : [
      `# The same number: revtun itself cannot see it.`,
      `Environment=REVTUN_OPEN_FILES=${count}`,
    ]),
  ];
}

function settingsLines(
  start: string,
  role: UnitOptions["role"],
  { isUser, folder, configFile }: {
    isUser: boolean;
    folder: string;
    configFile: string | undefined;
  },
): string[] {
  if (configFile !== undefined) return [`${start} --config ${escaped(configFile)}`];
  if (role === "server") {
    return [
      `${start} --credential token-file --token-file \${STATE_DIRECTORY}/tokens`,
      `EnvironmentFile=-${folder}/server.env`,
    ];
  }
  const environment = `EnvironmentFile=${folder}/agent.env`;
  if (isUser) return [`${start} --token-file ${folder}/token`, environment];
  return [
    `${start} --token-file \${CREDENTIALS_DIRECTORY}/token`,
    environment,
    `LoadCredential=token:${folder}/token`,
  ];
}

/** What takes rights away without those of root. */
const FOR_ALL = [
  "NoNewPrivileges=yes",
  "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
  "RestrictNamespaces=yes",
  "RestrictRealtime=yes",
  "RestrictSUIDSGID=yes",
  "LockPersonality=yes",
  "SystemCallArchitectures=native",
  "SystemCallFilter=@system-service",
  "SystemCallFilter=~@privileged @resources",
  "UMask=0077",
  "# JavaScript is compiled at run time: MemoryDenyWriteExecute would end the process.",
  "MemoryDenyWriteExecute=no",
];

function confinement({ role, isUser }: UnitOptions): string[] {
  if (isUser) return FOR_ALL;
  const isServer = role === "server";
  return [
    ...(isServer
      ? [
        "# For ports below 1024; leave out where none is listened on.",
        "AmbientCapabilities=CAP_NET_BIND_SERVICE",
        "CapabilityBoundingSet=CAP_NET_BIND_SERVICE",
      ]
      : ["CapabilityBoundingSet="]),
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectProc=invisible",
    "ProcSubset=pid",
    "PrivateDevices=yes",
    "PrivateTmp=yes",
    // A namespace of users would take the right to low ports away again.
    `PrivateUsers=${isServer ? "no" : "yes"}`,
    "RemoveIPC=yes",
    ...FOR_ALL,
  ];
}

/** A path within ExecStart: `%` and `$` mean something there, and spaces end a word. */
function escaped(path: string): string {
  const text = path.replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /[\s"'\\;]/.test(text) ? `"${text.replaceAll(/["\\]/g, "\\$&")}"` : text;
}
