/** What the streams of a process may hold in memory, so that many slow readers cannot exhaust it. */
import type { WindowBudget } from "./window.ts";

/** A session, as its budget sees it. */
export interface BudgetMember {
  /** Unread bytes of its fullest stream. */
  largestUnreadBytes(): number;
  /** Resets that stream. */
  resetLargest(): void;
}

/** Part of a limit from which windows stop growing, and from which new streams are refused. */
const GROWTH_PART = 0.5;
const OPEN_PART = 0.75;

/**
 * Bytes that wait for their readers, and credit granted beyond the 256 KiB that each stream has
 * from the start.
 *
 * What was granted cannot be taken back, so the measures come in steps: windows stop growing at
 * half of the limit, new streams are refused at three quarters, and at the limit the stream with
 * the most unread bytes is reset until there is room again. No session gets more than its share, by
 * the same steps: one agent's slow readers leave room for the others.
 */
export class MemoryBudget {
  #limitBytes: number;
  #shareBytes: number;
  readonly #shares = new Map<BudgetMember, MemoryShare>();
  /** For who keeps count: called for each stream that is reset for want of memory. */
  onReset: (() => void) | undefined;
  #grantedBytes = 0;
  #unreadBytes = 0;

  /**
   * @param limitBytes 512 MiB by default.
   * @param shareBytes half of the limit by default.
   */
  constructor(limitBytes = 512 << 20, shareBytes = limitBytes / 2) {
    this.#limitBytes = limitBytes;
    this.#shareBytes = shareBytes;
  }

  get limitBytes(): number {
    return this.#limitBytes;
  }

  /** What one session may have of it. */
  get shareBytes(): number {
    return this.#shareBytes;
  }

  /** Sets another limit; where more is held, the next bytes that come make room. */
  resize(limitBytes: number): void {
    this.#limitBytes = limitBytes;
    this.#shareBytes = limitBytes / 2;
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
    return this.#unreadBytes > this.#limitBytes * OPEN_PART;
  }

  /** Takes a session in; its share ends with `leave()`. */
  join(member: BudgetMember): MemoryShare {
    const share = new MemoryShare(this, member);
    this.#shares.set(member, share);
    return share;
  }

  /** Only for a {@link MemoryShare}. */
  leave(member: BudgetMember): void {
    this.#shares.delete(member);
  }

  /** Only for a {@link MemoryShare}: reserves credit; false if there is no room for it. */
  tryReserve(bytes: number): boolean {
    const limitBytes = this.#limitBytes * GROWTH_PART;
    if (this.#grantedBytes + bytes > limitBytes || this.#unreadBytes > limitBytes) return false;
    this.#grantedBytes += bytes;
    return true;
  }

  /** Only for a {@link MemoryShare}. */
  release(bytes: number): void {
    this.#grantedBytes -= bytes;
  }

  /** Only for a {@link MemoryShare}: counts unread bytes; makes room if there are too many. */
  addUnread(bytes: number): void {
    this.#unreadBytes += bytes;
    while (this.#unreadBytes > this.#limitBytes) {
      let fullest: BudgetMember | undefined;
      let mostBytes = 0;
      for (const member of this.#shares.keys()) {
        const largestBytes = member.largestUnreadBytes();
        if (largestBytes > mostBytes) {
          mostBytes = largestBytes;
          fullest = member;
        }
      }
      if (fullest === undefined) return;
      this.onReset?.();
      fullest.resetLargest();
    }
  }

  /** Only for a {@link MemoryShare}: counts bytes that a reader took or that were dropped. */
  removeUnread(bytes: number): void {
    this.#unreadBytes -= bytes;
  }
}

/** One session's part of a {@link MemoryBudget}. */
export class MemoryShare implements WindowBudget {
  readonly #budget: MemoryBudget;
  readonly #member: BudgetMember;
  #grantedBytes = 0;
  #unreadBytes = 0;

  constructor(budget: MemoryBudget, member: BudgetMember) {
    this.#budget = budget;
    this.#member = member;
  }

  /** Bytes received that none of its readers has taken. */
  get unreadBytes(): number {
    return this.#unreadBytes;
  }

  /** New streams should be refused. */
  get isNearlyFull(): boolean {
    return this.#unreadBytes > this.#budget.shareBytes * OPEN_PART || this.#budget.isNearlyFull;
  }

  tryReserve(bytes: number): boolean {
    const limitBytes = this.#budget.shareBytes * GROWTH_PART;
    if (this.#grantedBytes + bytes > limitBytes || this.#unreadBytes > limitBytes) return false;
    if (!this.#budget.tryReserve(bytes)) return false;
    this.#grantedBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#grantedBytes -= bytes;
    this.#budget.release(bytes);
  }

  /** Counts bytes that wait for a reader (positive) or do no longer (negative). */
  changeUnread(bytes: number): void {
    this.#unreadBytes += bytes;
    if (bytes < 0) {
      this.#budget.removeUnread(-bytes);
      return;
    }
    this.#budget.addUnread(bytes);
    while (this.#unreadBytes > this.#budget.shareBytes && this.#member.largestUnreadBytes() > 0) {
      this.#budget.onReset?.();
      this.#member.resetLargest();
    }
  }

  /** The session has ended. */
  leave(): void {
    this.#budget.leave(this.#member);
  }
}
