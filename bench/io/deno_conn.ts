/**
 * The least that a request costs with `Deno.Conn`, as lib/transport uses it: one read, one write.
 *
 *     deno run -A bench/io/deno_conn.ts &   wrk -t1 -c50 -d3s http://127.0.0.1:7001/
 */
const ANSWER = new TextEncoder().encode(
  "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello world\n",
);
const ignore = () => {};

for await (const conn of Deno.listen({ hostname: "127.0.0.1", port: 7001 })) {
  conn.setNoDelay(true);
  const buffer = new Uint8Array(4096);
  const onRead = (count: number | null) => {
    if (count === null) return conn.close();
    conn.write(ANSWER).catch(ignore);
    conn.read(buffer).then(onRead, ignore);
  };
  conn.read(buffer).then(onRead, ignore);
}
