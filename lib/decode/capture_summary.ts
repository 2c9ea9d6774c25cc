/** What a capture held, in one line. */
import type { CaptureRecord } from "./capture_input.ts";
import { plural } from "../plural.ts";

/** Counts records as they pass. */
export class CaptureSummary {
  readonly #frames = new Map<string, number>();
  #connections = 0;
  #missingBytes = 0;
  #errors = 0;

  add({ layer, frame, bytes }: CaptureRecord): void {
    if (layer === "bytes") return;
    if (layer !== "capture") {
      this.#frames.set(frame, (this.#frames.get(frame) ?? 0) + 1);
    } else if (frame === "connection") {
      this.#connections += 1;
    } else if (frame === "gap") {
      this.#missingBytes += bytes;
    }
  }

  addError(): void {
    this.#errors += 1;
  }

  get errors(): number {
    return this.#errors;
  }

  /** "3 frames in 263 bytes (raw): 1 ConnectionInitInfo, 2 yamux.data; all decoded". */
  toString(format: string, inputBytes: number): string {
    const parts = [...this.#frames].map(([frame, count]) => `${count} ${frame}`);
    const count = [...this.#frames.values()].reduce((sum, each) => sum + each, 0);
    const where = this.#connections > 0 ? ` of ${plural(this.#connections, "connection")}` : "";
    const what = parts.length === 0 ? "" : `: ${parts.join(", ")}`;
    const gaps = this.#missingBytes > 0 ? `; ${this.#missingBytes} bytes are missing` : "";
    const end = this.#errors === 0
      ? `all ${gaps === "" ? "" : "else "}decoded`
      : plural(this.#errors, "error");
    const total = plural(count, "frame");
    return `${total}${where} in ${inputBytes} bytes (${format})${what}${gaps}; ${end}`;
  }
}
