/** Two processes on one port. */

/**
 * Who else may listen on the same port (Linux, TCP), or have the path of a Unix socket:
 * - `none`: nobody;
 * - `later`: nobody now, a process of a later start that joins;
 * - `join`: whoever listens there now, if it lets others join.
 */
export type PortSharing = "none" | "later" | "join";
