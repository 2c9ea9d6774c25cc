/** Asks before something is changed. */
import { signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { ApiError } from "../lib/api.ts";

interface Question {
  readonly title: string;
  readonly body: ComponentChildren;
  /** What the button says that does it: a verb. */
  readonly verb: string;
  readonly isDangerous?: boolean;
  /** Does it; what it throws is shown, and the dialog stays. */
  readonly act: (form: FormData) => Promise<void>;
}

const question = signal<Question | undefined>(undefined);

/** Opens the dialog; the focus goes back to where it was when it closes. */
export function ask(asked: Question): void {
  question.value = asked;
}

/** The place of the dialog in the page. */
export function DialogPlace() {
  const asked = question.value;
  return asked === undefined ? null : <Dialog key={asked.title} question={asked} />;
}

function Dialog(props: { question: Question }) {
  const { title, body, verb, isDangerous, act } = props.question;
  const dialog = useRef<HTMLDialogElement>(null);
  const opener = useRef<Element | null>(null);
  const titleId = useId();
  const isUnderWay = useSignal(false);
  const problem = useSignal("");
  useEffect(() => {
    opener.current = document.activeElement;
    dialog.current!.showModal();
  }, []);
  const onClose = () => {
    question.value = undefined;
    // Its button may have been replaced meanwhile, as "Drain" is by "Undrain".
    if (opener.current instanceof HTMLElement && opener.current.isConnected) opener.current.focus();
    else document.querySelector<HTMLElement>("h1")?.focus();
  };
  const onSubmit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (isUnderWay.value) return;
    isUnderWay.value = true;
    problem.value = "";
    try {
      await act(new FormData(event.target as HTMLFormElement));
      dialog.current?.close();
    } catch (error) {
      problem.value = error instanceof ApiError ? error.message : String(error);
      isUnderWay.value = false;
    }
  };
  return (
    <dialog ref={dialog} aria-labelledby={titleId} onClose={onClose}>
      <form onSubmit={onSubmit}>
        <h2 id={titleId}>{title}</h2>
        <div class="dialog-body">{body}</div>
        <div role="alert">{problem.value !== "" && <p class="problem">{problem}</p>}</div>
        <div class="dialog-buttons">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button
            type="submit"
            class={`button ${isDangerous ? "danger" : "primary"}`}
            disabled={isUnderWay.value}
          >
            {verb}
          </button>
        </div>
      </form>
    </dialog>
  );
}
