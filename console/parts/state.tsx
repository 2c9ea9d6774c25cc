/** A host's state, as a shape and a word. */
import { StateShape } from "./icons.tsx";

/** What each state means, for who asks by pointing at it. */
const MEANINGS: ReadonlyMap<string, string> = new Map([
  ["active", "Takes new work"],
  ["busy", "None of its connections takes more now"],
  ["draining", "Gets no new work; what is under way goes on"],
  ["ejected", "Its targets failed; it comes back by itself"],
]);

export function State(props: { state: string }) {
  const kind = MEANINGS.has(props.state) ? props.state : "other";
  return (
    <span class={`state state-${kind}`} title={MEANINGS.get(props.state)}>
      <StateShape state={kind} />
      {props.state}
    </span>
  );
}
