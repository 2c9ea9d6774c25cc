/**
 * Read buffers that several slices share, so that a payload travels from one socket's read to
 * another socket's write without being copied.
 */

/** Bytes kept free at the start of a read, for a frame header written in front of the payload. */
export const HEAD_ROOM_BYTES = 12;

/** A buffer with a count of its users; it returns to its pool when the last one releases it. */
export class SharedBuffer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** `bytes` without the head room at its start: what a socket reads into. */
  readonly room: Uint8Array<ArrayBuffer>;
  #pool: BufferPool | undefined;
  #users = 1;

  constructor(bytes: Uint8Array<ArrayBuffer>, pool?: BufferPool) {
    this.bytes = bytes;
    this.room = bytes.subarray(HEAD_ROOM_BYTES);
    this.#pool = pool;
  }

  /** True while only one user holds it: that one may write into it again. */
  get isExclusive(): boolean {
    return this.#users === 1;
  }

  /** Adds a user; each needs one `release()`. */
  retain(): void {
    this.#users += 1;
  }

  /**
   * Ends one use; after the last the bytes belong to the pool again.
   *
   * @throws {RangeError} when it was released more often than retained.
   */
  release(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    if (this.#users < 0) throw new RangeError("Cannot release a buffer that has no user");
    this.#pool?.giveBack(this);
  }

  /** Makes a buffer that its pool gave back usable again. Only for {@link BufferPool}. */
  revive(): void {
    this.#users = 1;
  }
}

/** What waits may hold this many times its own bytes of memory. */
const MAX_HELD_TIMES = 4;

/**
 * True if `bytes` that have to wait are better copied: their buffer is so much larger that a queue
 * of such pieces, bounded by their bytes, would hold many times its bound.
 */
export function isWasteful(bytes: Uint8Array, buffer: SharedBuffer): boolean {
  return bytes.length * MAX_HELD_TIMES < buffer.bytes.length;
}

/** The sizes that are pooled, in bytes; smaller ones are left to the garbage collector. */
const SIZE_CLASSES = [1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10] as const;

/** Keeps released buffers for reuse, up to `maxIdleBytes` in all. */
export class BufferPool {
  readonly #idle = new Map<number, SharedBuffer[]>(SIZE_CLASSES.map((size) => [size, []]));
  readonly #maxIdleBytes: number;
  #idleBytes = 0;

  /** @param maxIdleBytes bytes kept while nobody uses them; 16 MiB by default. */
  constructor(maxIdleBytes = 16 << 20) {
    this.#maxIdleBytes = maxIdleBytes;
  }

  /** Bytes that wait here for a user. */
  get idleBytes(): number {
    return this.#idleBytes;
  }

  /** Takes a buffer of exactly `size` bytes with one user, the caller; its content is arbitrary. */
  take(size: number): SharedBuffer {
    const buffer = this.#idle.get(size)?.pop();
    if (buffer === undefined) return new SharedBuffer(new Uint8Array(size), this);
    this.#idleBytes -= size;
    buffer.revive();
    return buffer;
  }

  /** Called by a buffer whose last user released it. */
  giveBack(buffer: SharedBuffer): void {
    const size = buffer.bytes.length;
    const idle = this.#idle.get(size);
    if (idle === undefined || this.#idleBytes + size > this.#maxIdleBytes) return;
    idle.push(buffer);
    this.#idleBytes += size;
  }
}
