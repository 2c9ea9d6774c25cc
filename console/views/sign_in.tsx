/** Asks for the token that the admin API wants. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ApiError, get } from "../lib/api.ts";
import { start } from "../lib/link.ts";
import { setToken, signIn } from "../lib/session.ts";
import { Mark } from "../parts/icons.tsx";

export function SignIn() {
  const field = useRef<HTMLInputElement>(null);
  const isUnderWay = useSignal(false);
  const problem = useSignal("");
  const said = problem.value || signIn.value?.problem || "";
  useEffect(() => {
    document.title = "Sign in · revtun";
    field.current!.focus();
  }, []);
  const onSubmit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (isUnderWay.value) return;
    isUnderWay.value = true;
    problem.value = "";
    // Only the spaces that a paste brings along; a header takes no other characters anyway.
    const given = field.current!.value.trim();
    try {
      if (!/^[\x21-\x7e]+$/.test(given)) throw new ApiError(0, "A token has no spaces or accents.");
      setToken(given);
      await get("status");
      start();
    } catch (error) {
      const isRefused = error instanceof ApiError && signIn.value?.problem !== "";
      if (!isRefused || (error as ApiError).status === 0) {
        problem.value = error instanceof ApiError ? error.message : String(error);
      }
      isUnderWay.value = false;
      field.current!.select();
    }
  };
  return (
    <main id="main" class="sign-in">
      <form class="card" onSubmit={onSubmit}>
        <Mark />
        <h1>Sign in</h1>
        <p>
          This endpoint wants its admin token: what stands in the file of{" "}
          <code>--admin-token-file</code>, or in <code>REVTUN_ADMIN_TOKEN</code>.
        </p>
        <div class="field">
          <label for="token">Admin token</label>
          <input
            ref={field}
            id="token"
            type="password"
            autocomplete="current-password"
            spellcheck={false}
            required
            aria-invalid={said !== ""}
            aria-describedby="token-problem"
          />
        </div>
        <div id="token-problem" role="alert">{said !== "" && <p class="problem">{said}</p>}</div>
        <button type="submit" class="button primary" disabled={isUnderWay.value}>Sign in</button>
        <p class="hint">The token stays in this tab and is forgotten when it is closed.</p>
      </form>
    </main>
  );
}
