/** The few signs that stand beside words; none carries a meaning alone. */
import type { ComponentChildren } from "preact";

function Icon(props: { children: ComponentChildren; class?: string }) {
  return (
    <svg
      class={`icon ${props.class ?? ""}`}
      viewBox="0 0 16 16"
      width="16"
      height="16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.5"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {props.children}
    </svg>
  );
}

/** A line that leaves a box and comes back into it: the tunnel that is dialled outwards. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
      <rect x="1" y="1" width="22" height="22" rx="6" fill="var(--accent)" />
      <path
        d="M6.5 8.5h7.2a3.6 3.6 0 0 1 0 7.2H7.5m2.6-2.9-2.8 2.9 2.8 2.8"
        fill="none"
        stroke="#fff"
        stroke-width="2"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}

/** A host's state as a shape: full, half, a way down, crossed out. */
export function StateShape(props: { state: string }) {
  const shapes: Readonly<Record<string, ComponentChildren>> = {
    active: <circle cx="8" cy="8" r="4" fill="currentColor" />,
    busy: (
      <>
        <circle cx="8" cy="8" r="4" />
        <path d="M8 4a4 4 0 0 1 0 8z" fill="currentColor" stroke="none" />
      </>
    ),
    draining: <path d="M8 3.5v8m-3.5-3.2L8 12l3.5-3.7" />,
    ejected: <path d="m4.5 4.5 7 7m0-7-7 7" />,
    other: <circle cx="8" cy="8" r="4" />,
  };
  return <Icon>{shapes[props.state]}</Icon>;
}

export function SortArrow(props: { direction: "ascending" | "descending" | undefined }) {
  return (
    <Icon class="sort">
      {props.direction === undefined
        ? <path d="m5.5 6.5 2.5-3 2.5 3m-5 3 2.5 3 2.5-3" opacity=".45" />
        : props.direction === "ascending"
        ? <path d="M8 12.5v-9m-3 3.2 3-3.2 3 3.2" />
        : <path d="M8 3.5v9m-3-3.2 3 3.2 3-3.2" />}
    </Icon>
  );
}

export function CopySign() {
  return (
    <Icon>
      <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
      <path d="M3.5 10.5a1 1 0 0 1-1-1v-6a1 1 0 0 1 1-1h6a1 1 0 0 1 1 1" />
    </Icon>
  );
}

export function Check() {
  return (
    <Icon>
      <path d="m3.5 8.5 3 3 6-7" />
    </Icon>
  );
}

export function Warning() {
  return (
    <Icon>
      <path d="M8 2.5 14 13H2zM8 6.5v3m0 1.7v.1" />
    </Icon>
  );
}
