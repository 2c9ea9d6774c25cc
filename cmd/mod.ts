/** The list of commands: each is a file of its own, loaded when it is asked for. */
import type { Command } from "./command.ts";

/** A file in this folder that holds a command. */
export interface CommandModule {
  command: Command;
}

/** Commands by name, in the order of the help. */
export const COMMANDS: Readonly<Record<string, () => Promise<CommandModule>>> = {
  "server": () => import("./server.ts"),
  "agent": () => import("./agent.ts"),
  "demo": () => import("./demo.ts"),
  "config": () => import("./config.ts"),
  "probe": () => import("./probe.ts"),
  "doctor": () => import("./doctor.ts"),
  "token": () => import("./token.ts"),
  "status": () => import("./status.ts"),
  "explain": () => import("./explain.ts"),
  "top": () => import("./top.ts"),
  "events": () => import("./events.ts"),
  "drain": () => import("./drain.ts"),
  "undrain": () => import("./undrain.ts"),
  "weight": () => import("./weight.ts"),
  "log-level": () => import("./log_level.ts"),
  "disconnect": () => import("./disconnect.ts"),
  "decode-frame": () => import("./decode_frame.ts"),
  "encode-frame": () => import("./encode_frame.ts"),
  "hash-password": () => import("./hash_password.ts"),
  "service": () => import("./service.ts"),
  "completion": () => import("./completion.ts"),
  "help": () => import("./help.ts"),
  "version": () => import("./version.ts"),
};
