/**
 * The same as deno_conn.ts with `node:net`.
 *
 *     deno run -A bench/io/node_net.ts &   wrk -t1 -c50 -d3s http://127.0.0.1:7002/
 */
import { Buffer } from "node:buffer";
import { createServer } from "node:net";

const ANSWER = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello world\n");

createServer({ noDelay: true }, (socket) => {
  socket.on("data", () => socket.write(ANSWER));
  socket.on("error", () => {});
}).listen(7002, "127.0.0.1");
