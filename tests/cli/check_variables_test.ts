import assert from "node:assert/strict";
import { runCli } from "./run_cli.ts";
import { outputOfCli } from "./spawn_cli.ts";

Deno.test("a variable that is nearly one of ours is refused, not passed over", async () => {
  const cases: [argv: string[], name: string, meant: string][] = [
    [["server"], "REVTUN_CREDENTAIL", "REVTUN_CREDENTIAL"],
    [["server"], "REVTUN_TOKENFILE", "REVTUN_TOKEN_FILE"],
    [["agent"], "REVTUN_TLS_CAS", "REVTUN_TLS_CA"],
    [["status"], "REVTUN_ADMINN", "REVTUN_ADMIN"],
  ];
  for (const [argv, name, meant] of cases) {
    const { code, stderr } = await runCli(argv, { env: { [name]: "x" } });
    assert.equal(stderr, `revtun: ${name}: unknown variable, did you mean ${meant}?\n`);
    assert.equal(code, 2);
  }
  // The real process sees them too.
  const real = await outputOfCli(["version"], { REVTUN_LOG_LEVLE: "debug" });
  assert.equal(real.code, 0);
  const server = await outputOfCli(["server"], { REVTUN_LOG_LEVLE: "debug" });
  assert.deepEqual([server.code, server.stdout], [2, ""]);
  assert.match(server.stderr, /^revtun: REVTUN_LOG_LEVLE: .* did you mean REVTUN_LOG_LEVEL\?\n$/);
});

Deno.test("variables of other commands, of Kubernetes and of nobody are no mistakes", async () => {
  const env = {
    // Of `revtun agent`, near one of the server's or not.
    ...{ REVTUN_TARGET: "web=127.0.0.1:80", REVTUN_SERVER: "cloud:9000", REVTUN_TLS_CA: "ca.pem" },
    // Of services called revtun, revtun-tunnel and revtun-admin.
    ...{ REVTUN_SERVICE_HOST: "10.0.0.1", REVTUN_PORT: "tcp://10.0.0.1:80" },
    ...{ REVTUN_TUNNEL_PORT: "tcp://10.0.0.1:9000", REVTUN_TUNNEL_PORT_9000_TCP_ADDR: "10.0.0.1" },
    ...{ REVTUN_ADMIN_SERVICE_PORT_HTTP: "80", REVTUN_OPEN_FILES: "1024", REVTUN_BANANA: "1" },
    ...{ REVTN_LISTEN: ":80" },
  };
  // The settings are looked at behind it: this is what is wrong with them.
  const { code, stderr } = await runCli(["server", "--listen", "nonsense://"], { env });
  assert.equal(code, 2);
  assert.match(stderr, /^revtun: --listen: /);
});
