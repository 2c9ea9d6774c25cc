/** What an operator may do to a host, each after a question. */
import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import { post } from "../lib/api.ts";
import { formatCount, formatShare } from "../lib/format.ts";
import type { Host } from "../lib/hosts.ts";
import { applyHosts, hosts } from "../lib/live.ts";
import { numberOf } from "../lib/read.ts";
import type { Json } from "../lib/read.ts";
import { ask } from "../parts/dialog.tsx";
import { say } from "../parts/toast.tsx";

const MAX_WEIGHT = 10_000;

export function askDrain(host: Host): void {
  ask({
    title: `Drain ${host.name}?`,
    verb: "Drain",
    body: (
      <>
        <p>
          It gets no new work. {underWay(host)}{" "}
          It stays drained when its agent comes back, until you undo it.
        </p>
        {isLastUsable(host) && (
          <p class="warning">
            It is the last host of cluster {host.cluster}{" "}
            that takes work: requests to the cluster will fail.
          </p>
        )}
      </>
    ),
    async act() {
      await change(host, "drain");
      say(`${host.name} is drained.`);
    },
  });
}

export function askUndrain(host: Host): void {
  ask({
    title: `Take the drain of ${host.name} back?`,
    verb: "Undrain",
    body: <p>It gets new work again, by its weight of {formatCount(host.weight)}.</p>,
    async act() {
      await change(host, "undrain");
      say(`${host.name} is back at work.`);
    },
  });
}

export function askWeight(host: Host): void {
  ask({
    title: `Weight of ${host.name}`,
    verb: "Set weight",
    body: <WeightField host={host} />,
    async act(form) {
      const isOwn = form.get("own") === "on";
      const weight = isOwn ? null : Number(form.get("weight"));
      await change(host, "weight", { weight });
      say(isOwn ? `${host.name} has its agent's weight.` : `${host.name} has weight ${weight}.`);
    },
  });
}

export function askDisconnect(host: Host): void {
  ask({
    title: `Disconnect ${host.name}?`,
    verb: "Disconnect",
    isDangerous: true,
    body: (
      <p>
        {host.connections.length === 1
          ? "Its connection is closed at once"
          : `Its ${host.connections.length} connections are closed at once`}
        {host.inFlight === 0
          ? "."
          : `, and what is under way on it, ${formatCount(host.inFlight)} now, is cut off.`}{" "}
        Its agent dials again: drain it first if it is to stay without work.
      </p>
    ),
    async act() {
      const path = pathOf(host, "disconnect");
      const { closed_connections: closed } = await post(path);
      const count = numberOf(closed);
      say(`${host.name}: ${count} ${count === 1 ? "connection" : "connections"} closed.`);
    },
  });
}

function WeightField({ host }: { host: Host }) {
  const id = useId();
  const isOwn = useSignal(false);
  const value = useSignal(String(host.weight));
  const weight = Number(value.value);
  const others = hosts.value
    .filter(({ cluster, key, state }) =>
      cluster === host.cluster && key !== host.key && state === "active"
    )
    .reduce((total, other) => total + other.weight, 0);
  const isNumber = value.value !== "" && Number.isInteger(weight) && weight >= 0;
  return (
    <>
      <div class="field">
        <label for={id}>Weight</label>
        <input
          id={id}
          name="weight"
          type="number"
          inputMode="numeric"
          required
          min={0}
          max={MAX_WEIGHT}
          step={1}
          value={value}
          disabled={isOwn.value}
          aria-describedby={`${id}-hint`}
          onInput={(event) => value.value = event.currentTarget.value}
        />
      </div>
      <p id={`${id}-hint`} class="hint" aria-live="polite">
        {isOwn.value
          ? "The weight that its agent was started with."
          : !isNumber
          ? "A whole number from 0 to 10,000."
          : weight === 0
          ? "No new work: the same as a drain."
          : `${
            formatShare(weight / (weight + others))
          } of the new work of cluster ${host.cluster}.`}
      </p>
      {host.operatorWeight !== null && (
        <label class="check">
          <input
            type="checkbox"
            name="own"
            checked={isOwn}
            onChange={(event) => isOwn.value = event.currentTarget.checked}
          />
          Back to its agent's own weight
        </label>
      )}
    </>
  );
}

async function change(host: Host, verb: string, body: Json = {}): Promise<void> {
  applyHosts((await post(pathOf(host, verb), body))["items"]);
}

function pathOf({ cluster, name }: Host, verb: string): string {
  return `hosts/${encodeURIComponent(cluster)}/${encodeURIComponent(name)}/${verb}`;
}

function underWay({ inFlight }: Host): string {
  if (inFlight === 0) return "Nothing is under way on it.";
  const what = inFlight === 1 ? "The request" : `The ${formatCount(inFlight)} requests`;
  return `${what} under way ${inFlight === 1 ? "goes" : "go"} on.`;
}

function isLastUsable(host: Host): boolean {
  if (host.state !== "active") return false;
  return !hosts.peek().some(({ cluster, key, state }) =>
    cluster === host.cluster && key !== host.key && state === "active"
  );
}
