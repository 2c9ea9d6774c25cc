/**
 * The least that a tunnel costs with `Deno.Conn`: two of these behind each other dial for every
 * client, read and write, and do nothing else.
 *
 *     deno run -A bench/io/relay.ts 7001 7002 &   deno run -A bench/io/relay.ts 7002 BACKEND &
 *     wrk -t1 -c1 -d3s http://127.0.0.1:7001/
 */
const [front, target] = Deno.args.map(Number) as [number, number];
const hostname = "127.0.0.1";
const ignore = () => {};

for await (const client of Deno.listen({ hostname, port: front, tcpBacklog: 4096 })) {
  client.setNoDelay(true);
  Deno.connect({ hostname, port: target }).then((conn) => {
    conn.setNoDelay(true);
    join(client, conn);
  }, () => client.close());
}

function join(client: Deno.Conn, conn: Deno.Conn): void {
  let openCount = 2;
  const pump = (from: Deno.Conn, to: Deno.Conn) => {
    const buffer = new Uint8Array(4096);
    const onRead = (count: number | null) => {
      if (count !== null) {
        to.write(buffer.slice(0, count)).catch(ignore);
        from.read(buffer).then(onRead, ignore);
        return;
      }
      openCount -= 1;
      if (openCount > 0) {
        to.closeWrite().catch(ignore);
      } else {
        client.close();
        conn.close();
      }
    };
    from.read(buffer).then(onRead, ignore);
  };
  pump(client, conn);
  pump(conn, client);
}
