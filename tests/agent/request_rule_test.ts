import assert from "node:assert/strict";
import { allowsRequest, parseRequestRule } from "../../lib/agent/request_rule.ts";
import { RequestHead } from "../../lib/codec/http1/request_head.ts";

function headOf(line: string): RequestHead {
  const bytes = new TextEncoder().encode(`${line} HTTP/1.1\r\nHost: a\r\n\r\n`);
  const head = new RequestHead();
  assert.equal(head.parse(bytes, 0, bytes.length), bytes.length);
  return head;
}

Deno.test("rules allow methods and paths, exactly or by the path's beginning", () => {
  const cases: [string[], string, boolean][] = [
    [["GET,HEAD:/api/*"], "GET /api/x", true],
    [["GET,HEAD:/api/*"], "HEAD /api/", true],
    [["GET,HEAD:/api/*"], "GET /api/x?y=/../z", true],
    [["GET,HEAD:/api/*"], "POST /api/x", false],
    [["GET,HEAD:/api/*"], "get /api/x", false],
    [["GET,HEAD:/api/*"], "GET /api", false],
    [["GET,HEAD:/api/*"], "GET /apix", false],
    [["GET:/api/*"], "GET http://a/api/x", true],
    [["GET:/api/*"], "GET http://a/etc", false],
    [["*:/healthz"], "DELETE /healthz", true],
    [["*:/healthz"], "GET /healthz?x", true],
    [["*:/healthz"], "GET /healthz/", false],
    [["*:/*"], "OPTIONS *", false],
    // What the service may read as a path outside of /api/.
    [["*:/api/*"], "GET /api/../etc", false],
    [["*:/api/*"], "GET /api/..", false],
    [["*:/api/*"], "GET /api/./x", false],
    [["*:/api/*"], "GET /api//x", false],
    [["*:/api/*"], "GET /api/%2e%2E/etc", false],
    [["*:/api/*"], "GET /api/..%2fetc", false],
    [["*:/api/*"], "GET /api/..%5Cetc", false],
    [["*:/api/*"], "GET /api/..;/etc", false],
    [["*:/api/*"], "GET /api/%252e%252e/etc", false],
    [["*:/api/*"], "GET /api/x.y/..z", true],
    [["GET:/a", "POST:/b"], "POST /b", true],
    [["GET:/a", "POST:/b"], "POST /a", false],
  ];
  for (const [rules, line, isAllowed] of cases) {
    const result = allowsRequest(rules.map(parseRequestRule), headOf(line));
    assert.equal(result, isAllowed, `${rules} of ${line}`);
  }
});

Deno.test("parseRequestRule() refuses rules that would not mean what they say", () => {
  for (
    const text of [
      ...["", "GET", "/api", "GET:api", "GET:", "get:/", "GET:/a*b", "a b=GET:/", "GET, POST:/"],
      ...["GET:/a/../b", "GET:/a//b", "x:y=GET:/"],
    ]
  ) assert.throws(() => parseRequestRule(text), RangeError, text);
  assert.deepEqual(parseRequestRule("web=*:/*"), {
    target: "web",
    methods: undefined,
    path: "/",
    isPrefix: true,
  });
});
