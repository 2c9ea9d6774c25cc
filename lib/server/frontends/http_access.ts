/** Who may ask a frontend of HTTP: what `allow=`, `users=` and `realm=` of `--listen` say. */
import { AddressList } from "../../address_list.ts";
import { UserFile } from "../../auth/user_file.ts";
import { Access } from "../../http/access.ts";
import type { Runtime } from "../../runtime.ts";
import type { ListenSpec } from "../listen_spec.ts";

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
  for (const key of ["users", "realm"]) {
    const values = valuesOf(spec, key);
    if (values.length > 1) throw new RangeError(`${key}= is given twice`);
    if (values[0] === "") throw new RangeError(`${key}= says nothing`);
  }
}

/** Reads the file of users, if there is one. @throws {ConfigError} it cannot be used. */
export function openHttpAccess(spec: ListenSpec, runtime: Runtime): OpenAccess {
  const allowed = allowedOf(spec);
  const [path] = valuesOf(spec, "users");
  const [realm] = valuesOf(spec, "realm");
  if (allowed === undefined && path === undefined) return { close() {} };
  const users = path === undefined ? undefined : new UserFile(path, "frontend users", runtime);
  return {
    access: new Access({ allowed, users, ...(realm !== undefined && { realm }) }),
    close: () => void users?.close(),
  };
}

/** Networks of `allow=`, each of which may hold several, separated by commas. */
function allowedOf(spec: ListenSpec): AddressList | undefined {
  const networks = valuesOf(spec, "allow").flatMap((text) => text.split(","));
  return networks.length === 0 ? undefined : new AddressList(networks);
}

function valuesOf({ options = [] }: ListenSpec, key: string): string[] {
  return options.filter(([name]) => name === key).map(([, value]) => value);
}
