/** Who may ask a frontend of HTTP: what `allow=`, `users=` and `realm=` of `--listen` say. */
import { AddressList } from "../../address_list.ts";
import { UserFile } from "../../auth/user_file.ts";
import { Access } from "../../http/access.ts";
import type { Runtime } from "../../runtime.ts";
import type { ListenSpec } from "../listen_spec.ts";
import { optionOf, optionsOf } from "./options.ts";

/** Options that each scheme has whose clients speak HTTP. */
export const HTTP_ACCESS_OPTIONS = ["allow", "users", "realm"] as const;

/** Rules in force; owned by their frontend, which closes them. */
export interface OpenAccess {
  /** Undefined where everybody may ask. */
  readonly access?: Access;
  close(): void;
}

/** Looks at the options' values. @throws {RangeError} fit to be shown behind `--listen`. */
export function checkHttpAccess(spec: ListenSpec): void {
  allowedOf(spec);
  for (const key of ["users", "realm"]) optionOf(spec, key);
}

/** Reads the file of users, if there is one. @throws {ConfigError} it cannot be used. */
export function openHttpAccess(spec: ListenSpec, runtime: Runtime): OpenAccess {
  const allowed = allowedOf(spec);
  const path = optionOf(spec, "users");
  const realm = optionOf(spec, "realm");
  if (allowed === undefined && path === undefined) return { close() {} };
  const users = path === undefined ? undefined : new UserFile(path, "frontend users", runtime);
  return {
    access: new Access({ allowed, users, ...(realm !== undefined && { realm }) }),
    close: () => void users?.close(),
  };
}

/** Networks of `allow=`, each of which may hold several, separated by commas. */
function allowedOf(spec: ListenSpec): AddressList | undefined {
  const networks = optionsOf(spec, "allow");
  return networks.length === 0 ? undefined : new AddressList(networks);
}
