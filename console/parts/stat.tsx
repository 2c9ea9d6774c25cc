/** One figure with its name. */
import type { ComponentChildren } from "preact";

export function Stat(
  props: { name: string; children: ComponentChildren; note?: ComponentChildren },
) {
  return (
    <div class="stat">
      <dt>{props.name}</dt>
      <dd>
        <span class="stat-value">{props.children}</span>
        {props.note !== undefined && <span class="stat-note">{props.note}</span>}
      </dd>
    </div>
  );
}
