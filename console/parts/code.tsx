/** A command line to take along. */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Check, CopySign } from "./icons.tsx";

const SHOWN_MS = 2000;

export function CommandLine(props: { line: string; label: string }) {
  const isCopied = useSignal(false);
  const code = useRef<HTMLElement>(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(props.line);
      isCopied.value = true;
      setTimeout(() => isCopied.value = false, SHOWN_MS);
    } catch {
      // Browsers lend the clipboard to https and localhost only: marked, it is one key away.
      getSelection()?.selectAllChildren(code.current!);
    }
  };
  return (
    <div class="command">
      <pre
        tabIndex={0}
        aria-label={props.label}
        role="group"
      ><code ref={code}>{props.line}</code></pre>
      <button type="button" class="button quiet" onClick={copy}>
        {isCopied.value ? <Check /> : <CopySign />}
        <span aria-live="polite">{isCopied.value ? "Copied" : "Copy"}</span>
        <span class="hidden">: {props.label}</span>
      </button>
    </div>
  );
}
