/** The page: who is asked, where one can go, the view, and what comes between. */
import type { ComponentChildren } from "preact";
import { useEffect, useErrorBoundary } from "preact/hooks";
import { about, link, signOut } from "./lib/link.ts";
import { away, news } from "./lib/live.ts";
import { linkTo, route } from "./lib/route.ts";
import { signIn, token } from "./lib/session.ts";
import { theme, THEMES } from "./lib/theme.ts";
import type { Theme } from "./lib/theme.ts";
import { DialogPlace } from "./parts/dialog.tsx";
import { Mark, Warning } from "./parts/icons.tsx";
import { Page } from "./parts/page.tsx";
import { ToastPlace } from "./parts/toast.tsx";
import { AgentOverview } from "./views/agent_overview.tsx";
import { AwayPage } from "./views/away_page.tsx";
import { EntriesPage } from "./views/entries_page.tsx";
import { EventsPage } from "./views/events_page.tsx";
import { ExplainPage } from "./views/explain_page.tsx";
import { HostPage } from "./views/host_page.tsx";
import { Overview } from "./views/overview.tsx";
import { RequestsPage } from "./views/requests_page.tsx";
import { SignIn } from "./views/sign_in.tsx";

interface Place {
  readonly name: string;
  readonly title: string;
  readonly show: () => ComponentChildren;
}

const SERVER_VIEWS: readonly Place[] = [
  { name: "", title: "Overview", show: () => <Overview /> },
  { name: "requests", title: "Requests", show: () => <RequestsPage /> },
  { name: "explain", title: "Explain", show: () => <ExplainPage /> },
  { name: "entries", title: "Entry points", show: () => <EntriesPage /> },
  { name: "away", title: "Away", show: () => <AwayPage /> },
  { name: "events", title: "Events", show: () => <EventsPage /> },
];
const AGENT_VIEWS: readonly Place[] = [
  { name: "", title: "Overview", show: () => <AgentOverview /> },
  { name: "events", title: "Events", show: () => <EventsPage /> },
];

export function App() {
  if (signIn.value !== undefined) return <SignIn />;
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>Skip to the content</a>
      <Header />
      <Banner />
      <main id="main" tabIndex={-1}>
        {about.value === undefined ? <Waiting /> : <Current />}
      </main>
      <DialogPlace />
      <ToastPlace />
      <p class="hidden" role="status">{news}</p>
    </>
  );
}

/** The address behind # is the view's: it must not become "#main". */
function skip(event: MouseEvent): void {
  event.preventDefault();
  document.getElementById("main")!.focus();
}

function Header() {
  const views = about.value?.kind === "agent" ? AGENT_VIEWS : SERVER_VIEWS;
  const [current = ""] = route.value;
  const shown = current === "host" ? "" : current;
  return (
    <header>
      <div class="bar">
        <a class="brand" href={linkTo()}>
          <Mark />
          <span>revtun</span>
        </a>
        <nav aria-label="Views">
          <ul>
            {views.map(({ name, title }) => (
              <li key={name}>
                <a
                  href={linkTo(...(name === "" ? [] : [name]))}
                  {...(name === shown && { "aria-current": current === "host" ? "true" : "page" })}
                >
                  {title}
                  {name === "away" && away.value.length > 0 && (
                    <span class="badge">{away.value.length}</span>
                  )}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <div class="bar-end">
          <LinkSign />
          <label class="theme">
            <span class="hidden">Colours</span>
            <select
              value={theme}
              onChange={(event) => theme.value = event.currentTarget.value as Theme}
            >
              {THEMES.map((name) => <option key={name} value={name}>{TITLES[name]}</option>)}
            </select>
          </label>
          {token.value !== "" && (
            <button type="button" class="button quiet" onClick={signOut}>Sign out</button>
          )}
        </div>
      </div>
    </header>
  );
}

const TITLES: Readonly<Record<Theme, string>> = { system: "Auto", light: "Light", dark: "Dark" };

const WORDS = {
  live: "Live",
  connecting: "Connecting",
  away: "Reconnecting",
  resting: "Paused",
} as const;

/** Whose page it is, and whether what it shows is of now. */
function LinkSign() {
  const { state } = link.value;
  const known = about.value;
  return (
    <span class={`link-sign link-${state}`} title={known && `${known.software} ${known.name}`}>
      <span class="dot" aria-hidden="true" />
      {WORDS[state]}
      {known !== undefined && known.name !== "" && <span class="who">{shortly(known.name)}</span>}
    </span>
  );
}

/** Of an id that was made up, the first part. */
function shortly(name: string): string {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-/.test(name) ? name.slice(0, 8) : name;
}

function Banner() {
  const { state, problem } = link.value;
  return (
    <div role="status">
      {state === "away" && about.value !== undefined && (
        <div class="banner">
          <Warning />
          <p>
            {problem}. What is shown is as it was; the page comes back by itself.
          </p>
        </div>
      )}
    </div>
  );
}

function Waiting() {
  const { state, problem } = link.value;
  return (
    <Page title="Connecting">
      <p class="muted">
        {state === "away" ? `${problem}. Trying again …` : "Asking the server …"}
      </p>
    </Page>
  );
}

/** The view of now; what goes wrong in it leaves the rest of the page in order. */
function Current() {
  const [error, reset] = useErrorBoundary();
  const way = route.value.join("/");
  useEffect(reset, [way]);
  return error === undefined ? <View /> : (
    <Page title="This view failed">
      <p class="problem">{String(error)}</p>
      <p>
        <a href="" onClick={() => location.reload()}>Load the page again</a>
      </p>
    </Page>
  );
}

function View() {
  const views = about.value!.kind === "agent" ? AGENT_VIEWS : SERVER_VIEWS;
  const [name = "", cluster, id] = route.value;
  if (
    name === "host" && about.value!.kind === "server" && cluster !== undefined && id !== undefined
  ) {
    return <HostPage key={`${cluster}/${id}`} cluster={cluster} id={id} />;
  }
  const view = views.find((view) => view.name === name);
  if (view === undefined) {
    return (
      <Page title="Nothing here">
        <p>
          There is no such page. <a href={linkTo()}>Overview</a>
        </p>
      </Page>
    );
  }
  return <div key={name}>{view.show()}</div>;
}
