/** Tells elements whether they are in sight: what nobody sees need not be kept up to date. */

/** How far beyond the window's edges counts as in sight. */
const MARGIN = "400px";

export class Eye {
  readonly #listeners = new Map<Element, (isSeen: boolean) => void>();
  readonly #observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) this.#listeners.get(target)?.(isIntersecting);
  }, { rootMargin: MARGIN });

  watch(element: Element, onChange: (isSeen: boolean) => void): void {
    this.#listeners.set(element, onChange);
    this.#observer.observe(element);
  }

  forget(element: Element): void {
    this.#listeners.delete(element);
    this.#observer.unobserve(element);
  }

  close(): void {
    this.#observer.disconnect();
  }
}
