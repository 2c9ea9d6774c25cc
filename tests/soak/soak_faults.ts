/** What goes wrong in a soak, by name. */
import { setDrained, setWeight } from "../../lib/server/steering.ts";
import { HOST_NAMES } from "./soak_world.ts";
import type { SoakWorld } from "./soak_world.ts";

/** Ends what was done; undefined where it ends by itself. */
export type Undo = (() => void | Promise<void>) | undefined;

/** Each does its harm at once and gives back what ends it. */
export const FAULTS: Readonly<
  Record<string, (world: SoakWorld, index: number, random: () => number) => Undo | Promise<Undo>>
> = {
  "latency"(world, index, random) {
    return world.spoil(index, { latencyMs: 20 + random() * 200 });
  },
  "narrow link"(world, index) {
    return world.spoil(index, { bytesPerSecond: 500_000 });
  },
  "split writes"(world, index, random) {
    return world.spoil(index, { pieceBytes: 1 + Math.floor(random() * 400) });
  },
  "cut after some bytes"(world, index, random) {
    return world.spoil(index, { cutAfterBytes: random() * 3_000_000 });
  },
  "reset"(world, index) {
    world.proxies[index]!.reset();
    return undefined;
  },
  "black hole"(world, index) {
    const proxy = world.proxies[index]!;
    proxy.blackHole();
    return () => proxy.heal();
  },
  "half-open towards the server"(world, index) {
    world.proxies[index]!.loseClients();
    return undefined;
  },
  "half-open towards the agent"(world, index) {
    world.proxies[index]!.loseTarget();
    return undefined;
  },
  async "agent restart"(world, index) {
    await world.agents[index]!.close();
    return async () => void (world.agents[index] = await world.startAgent(index));
  },
  async "agent killed"(world, index) {
    await world.agents[index]!.abort();
    return async () => void (world.agents[index] = await world.startAgent(index));
  },
  "drain"(world, index) {
    setDrained(world.server.registry, "edge-a", HOST_NAMES[index]!, true);
    return () => setDrained(world.server.registry, "edge-a", HOST_NAMES[index]!, false);
  },
  "weight"(world, index, random) {
    const weight = Math.floor(random() * 100);
    setWeight(world.server.registry, "edge-a", HOST_NAMES[index]!, weight);
    return () => setWeight(world.server.registry, "edge-a", HOST_NAMES[index]!, undefined);
  },
};
