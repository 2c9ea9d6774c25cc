/** What is asked for once in a while, with its states: not there yet, there, failed. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { ApiError } from "../lib/api.ts";
import { link } from "../lib/link.ts";

interface Props<T> {
  readonly ask: () => Promise<T>;
  /** Asked again after so many ms; never by default. */
  readonly everyMs?: number;
  readonly children: (value: T) => ComponentChildren;
}

export function Fetched<T>(props: Props<T>) {
  const value = useSignal<T | undefined>(undefined);
  const problem = useSignal("");
  const isLive = link.value.state === "live";
  useEffect(() => {
    let isOver = false;
    const load = async () => {
      try {
        const answer = await props.ask();
        if (isOver) return;
        value.value = answer;
        problem.value = "";
      } catch (error) {
        if (!isOver) problem.value = error instanceof ApiError ? error.message : String(error);
      }
    };
    load();
    const timer = props.everyMs === undefined
      ? undefined
      : setInterval(() => document.hidden || load(), props.everyMs);
    return () => {
      isOver = true;
      clearInterval(timer);
    };
    // Asked anew when the server is back.
  }, [isLive]);
  if (value.value !== undefined) return <>{props.children(value.value)}</>;
  return problem.value === ""
    ? <p class="muted">Loading …</p>
    : <p class="problem" role="alert">{problem}</p>;
}
