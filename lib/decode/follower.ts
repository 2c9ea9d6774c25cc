/** What reads a direction's bytes behind the handshake. */

/** One direction of one protocol. */
export interface Follower {
  /**
   * Takes the next bytes.
   *
   * @param offset of their first byte in the direction.
   * @throws {DecodeError} with the offset in the direction; nothing more can be read of it.
   */
  push(bytes: Uint8Array, offset: number): void;
  /** Goes over bytes that are missing; false if what comes behind them could not be told. */
  skip(bytes: number): boolean;
  /**
   * Hands on what is under way.
   *
   * @param isCut the direction did not end in order: a reset, missing bytes.
   * @throws {DecodeError} it ended within something; never if `isCut`.
   */
  end(isCut: boolean): void;
}
