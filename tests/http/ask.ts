/** One request by Node's client, which lets a test choose Host and path bytes. */
import { request } from "node:http";
import type { IncomingHttpHeaders } from "node:http";

/** What came back. */
export interface Asked {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Asks `http://ADDRESS` + `path` on a connection of its own. */
export function ask(
  url: string,
  options: {
    path?: string;
    method?: string;
    headers?: Record<string, string>;
    body?: string;
  } = {},
): Promise<Asked> {
  const { path = "/", method = "GET", headers = {}, body } = options;
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const sent = request(
      { hostname, port, path, method, headers, agent: false },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (piece) => text += piece);
        response.on("error", reject);
        response.on(
          "end",
          () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        );
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}
