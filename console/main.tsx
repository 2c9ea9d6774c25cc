/** The console: what a browser shows of an admin endpoint. */
import { render } from "preact";
import { App } from "./app.tsx";
import { start } from "./lib/link.ts";

render(<App />, document.getElementById("app")!);
start();
