import assert from "node:assert/strict";
import {
  isTokenOf,
  newTicket,
  parseTicket,
  parseTickets,
  ticketIdOf,
} from "../../lib/auth/ticket.ts";

const HASH = `sha256:${"0a".repeat(32)}`;

Deno.test("a new ticket's line and token belong together", () => {
  const limits = {
    clusters: ["edge-*"],
    hosts: ["till-7"],
    targets: ["default"],
    maxWeight: 20,
    uses: 3,
    expiresMs: Date.parse("2027-01-31T12:00:00Z"),
    note: "desk 7",
  };
  const { line, token } = newTicket({ id: "till.7", ...limits }, 0);
  const ticket = parseTicket(line);
  const { identity, clusters, hosts, targets, maxWeight, uses, expiresMs, note } = ticket;
  assert.deepEqual(
    { identity, clusters, hosts, targets, maxWeight, uses, expiresMs, note },
    { ...limits, identity: "till.7", targets: new Set(["", "default"]) },
  );
  assert.equal(ticketIdOf(token.reveal()), "till.7");
  assert.ok(isTokenOf(ticket, token.reveal()));
  assert.ok(!isTokenOf(ticket, token.reveal().slice(0, -1)));
  assert.ok(!isTokenOf(undefined, token.reveal()));
  assert.notEqual(newTicket({ id: "till.7", ...limits }, 0).token.reveal(), token.reveal());
  assert.equal(String(token), "***");
});

Deno.test("ticketIdOf() finds an id in tokens of ours only", () => {
  for (
    const text of ["", "s3cret", "rvt.x", "rvt..x", "abc.till.x", "rvt.a b.x", "eyJh.eyJz.sig"]
  ) {
    assert.equal(ticketIdOf(text), undefined, text);
  }
});

Deno.test("parseTickets() takes comments and empty lines, and no key that it does not know", () => {
  const text =
    `# tills\n\n{"id":"a","hash":"${HASH}"}\n  # one more\n{"id":"b","hash":"${HASH}"}\n`;
  assert.deepEqual([...parseTickets(text).keys()], ["a", "b"]);
  const wrong: [string, RegExp][] = [
    ["nonsense", /^line 1: it is not a JSON object on one line$/],
    ["[]", /^line 1: it is not a JSON object$/],
    [`{"id":"a b","hash":"${HASH}"}`, /^line 1: id is "a b"/],
    [`{"hash":"${HASH}"}`, /^line 1: id is missing/],
    [`{"id":"a","hash":"s3cret"}`, /^line 1: hash of "a" is not/],
    [`{"id":"a","hash":"${HASH}","host":"x"}`, /^line 1: "host" is unknown, expected id, hash/],
    [`{"id":"a","hash":"${HASH}","clusters":"x"}`, /^line 1: clusters of "a" is "x"/],
    [`{"id":"a","hash":"${HASH}","hosts":["a b"]}`, /^line 1: hosts of "a": "a b" is not a name/],
    [`{"id":"a","hash":"${HASH}","uses":0}`, /^line 1: uses of "a" is 0/],
    [`{"id":"a","hash":"${HASH}","max_weight":10001}`, /^line 1: max_weight of "a" is 10001/],
    [`{"id":"a","hash":"${HASH}","expires":"2027-01-31"}`, /^line 1: expires of "a"/],
    [`{"id":"a","hash":"${HASH}","expires":null}`, /^line 1: expires of "a" is null/],
    [`\n{"id":"a","hash":"${HASH}"}\n{"id":"a","hash":"${HASH}"}`, /^line 3: id "a" is there/],
  ];
  for (const [line, message] of wrong) {
    assert.throws(() => parseTickets(line), { name: "RangeError", message }, line);
  }
});
