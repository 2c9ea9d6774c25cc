/** Says what was done. */
import { signal } from "@preact/signals";

const SHOWN_MS = 6000;
const toast = signal<string>("");
let timer: ReturnType<typeof setTimeout> | undefined;

export function say(text: string): void {
  clearTimeout(timer);
  toast.value = text;
  timer = setTimeout(() => toast.value = "", SHOWN_MS);
}

export function ToastPlace() {
  return (
    <div class="toast-place" role="status">
      {toast.value !== "" && <p class="toast">{toast}</p>}
    </div>
  );
}
