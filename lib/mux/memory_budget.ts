/** What the streams of a process may hold in memory, so that many slow readers cannot exhaust it. */
import type { WindowBudget } from "./window.ts";

/** A session, as its budget sees it. */
export interface BudgetMember {
  /** Unread bytes of its fullest stream. */
  largestUnreadBytes(): number;
  /** Resets that stream. */
  resetLargest(): void;
}

/**
 * Bytes that wait for their readers, and credit granted beyond the 256 KiB that each stream has
 * from the start.
 *
 * What was granted cannot be taken back, so the measures come in steps: windows stop growing at
 * half of the limit, new streams are refused at three quarters, and at the limit the stream with
 * the most unread bytes is reset until there is room again.
 */
export class MemoryBudget implements WindowBudget {
  readonly limitBytes: number;
  readonly #members = new Set<BudgetMember>();
  #grantedBytes = 0;
  #unreadBytes = 0;

  /** @param limitBytes 512 MiB by default. */
  constructor(limitBytes = 512 << 20) {
    this.limitBytes = limitBytes;
  }

  /** Bytes received that no reader has taken. */
  get unreadBytes(): number {
    return this.#unreadBytes;
  }

  /** Credit beyond the initial windows. */
  get grantedBytes(): number {
    return this.#grantedBytes;
  }

  /** New streams should be refused. */
  get isNearlyFull(): boolean {
    return this.#unreadBytes > this.limitBytes * 0.75;
  }

  join(member: BudgetMember): void {
    this.#members.add(member);
  }

  leave(member: BudgetMember): void {
    this.#members.delete(member);
  }

  tryReserve(bytes: number): boolean {
    if (this.#grantedBytes + bytes > this.limitBytes / 2) return false;
    if (this.#unreadBytes > this.limitBytes / 2) return false;
    this.#grantedBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#grantedBytes -= bytes;
  }

  /** Counts bytes that wait for a reader; makes room if there are too many. */
  addUnread(bytes: number): void {
    this.#unreadBytes += bytes;
    while (this.#unreadBytes > this.limitBytes) {
      let fullest: BudgetMember | undefined;
      let mostBytes = 0;
      for (const member of this.#members) {
        const largestBytes = member.largestUnreadBytes();
        if (largestBytes > mostBytes) {
          mostBytes = largestBytes;
          fullest = member;
        }
      }
      if (fullest === undefined) return;
      fullest.resetLargest();
    }
  }

  /** Counts bytes that a reader took or that were dropped. */
  removeUnread(bytes: number): void {
    this.#unreadBytes -= bytes;
  }
}
