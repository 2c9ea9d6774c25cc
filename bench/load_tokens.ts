/** Loads a file of tokens and says what that took; started by the section `identity`. */
import { readTicketFile } from "../lib/auth/ticket_file.ts";

const collect = (globalThis as unknown as { gc(): void }).gc;
const [file = ""] = Deno.args;

collect();
const before = Deno.memoryUsage();
const startMs = performance.now();
const held = await readTicketFile(file, "the bench");
const loadMs = performance.now() - startMs;
collect();
const after = Deno.memoryUsage();
if (held.tickets.size === 0) throw new Error("There is no token in it");
const heldMb = (after.heapUsed + after.external - before.heapUsed - before.external) / 1e6;
await Deno.stdout.write(new TextEncoder().encode(JSON.stringify({ loadMs, heldMb })));
