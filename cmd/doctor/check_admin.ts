/** Does a revtun with these settings run here, and is it well? */
import type { Step } from "../../lib/step.ts";
import { ANSWERS } from "../admin_answers.ts";
import { adminClientOf } from "../admin_client.ts";
import { AdminError } from "../admin_error.ts";
import type { Context } from "../command.ts";
import { stepOf } from "./examination.ts";

/** The settings of an admin endpoint. */
export interface AdminSettings {
  readonly admin: string | undefined;
  readonly "admin-token-file": string | undefined;
  readonly "admin-token": string | undefined;
}

/** What was found at the admin endpoint. */
export interface AdminFinding {
  readonly step: Step;
  /** It answers there. */
  readonly isRunning: boolean;
}

/** Asks the endpoint; undefined where there is none. */
export async function checkAdmin(
  { values, sourceOf }: { values: AdminSettings; sourceOf(option: string): string },
  signal: AbortSignal,
): Promise<AdminFinding | undefined> {
  if (values.admin === undefined) return undefined;
  const subject = values.admin;
  const settings: Pick<Context<AdminSettings & { admin: string }>, "values" | "sourceOf"> = {
    values: { ...values, admin: values.admin },
    sourceOf,
  };
  try {
    using client = await adminClientOf({ ...settings, signal });
    const { software } = await client.get("/api/v1/status", ANSWERS.status);
    await client.get("/readyz", ANSWERS.anything);
    const detail = `${software} runs there and is ready`;
    return { step: stepOf("admin", subject, { verdict: "ok", detail }), isRunning: true };
  } catch (error) {
    if (!(error instanceof AdminError)) throw error;
    const isRunning = error.status > 0;
    return {
      isRunning,
      step: stepOf("admin", subject, {
        verdict: isRunning ? "fail" : "warn",
        detail: isRunning ? error.message : "nobody answers: revtun does not run with this setting",
        advice: isRunning
          ? adviceFor(error.status)
          : "start it, or look into its log if it was started",
      }),
    };
  }
}

function adviceFor(status: number): string {
  if (status === 401) return "the program there has another token: restart it with these settings";
  if (status === 503) return "it stops, or has no connection yet: its log says why";
  return "another program, or another version, has that port";
}
