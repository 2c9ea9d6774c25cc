/** How soon a change made by one is seen by all who watch. */
import { median } from "./stats.ts";

/** From the sending of a change to its coming to the last of the watchers, in ms. */
export interface NewsResult {
  readonly medianMs: number;
  readonly slowestMs: number;
}

const ROUNDS = 20;
const HOST = "edge-0/host-0000";

/** Sets a host's weight again and again, at any time between the seconds. */
export async function measureNews(url: string, consoles: number): Promise<NewsResult> {
  const abort = new AbortController();
  let wanted = "";
  let missing = new Set<number>();
  let onAll = () => {};
  const watch = async (id: number) => {
    const response = await fetch(`${url}/api/v1/live?changes=true`, { signal: abort.signal });
    for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
      if (wanted === "" || !text.includes(wanted)) continue;
      missing.delete(id);
      if (missing.size === 0) onAll();
    }
  };
  const ids = Array.from({ length: consoles }, (_, id) => id);
  const watching = Promise.allSettled(ids.map(watch));
  const times: number[] = [];
  try {
    for (let round = 0; round < ROUNDS; round++) {
      await new Promise((resolve) => setTimeout(resolve, 500 + Math.random() * 1000));
      const weight = 100 + round;
      wanted = `"weight":${weight}`;
      missing = new Set(ids);
      const seen = new Promise<void>((resolve) => onAll = resolve);
      const startMs = performance.now();
      const answer = await fetch(`${url}/api/v1/hosts/${HOST}/weight`, {
        method: "POST",
        body: JSON.stringify({ weight }),
        headers: { "content-type": "application/json" },
        signal: AbortSignal.timeout(5000),
      });
      if (!answer.ok) throw new Error(`The weight was refused: ${await answer.text()}`);
      await answer.body?.cancel();
      await seen;
      times.push(performance.now() - startMs);
    }
  } finally {
    abort.abort();
    await watching;
  }
  return { medianMs: median(times), slowestMs: Math.max(...times) };
}
