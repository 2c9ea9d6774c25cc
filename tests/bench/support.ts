/** What tests of the harness ask of processes. */

/** Whether a process is there. */
export function isAlive(pid: number): boolean {
  try {
    // SIGCONT does nothing to a process that runs.
    Deno.kill(pid, "SIGCONT");
    return true;
  } catch {
    return false;
  }
}
