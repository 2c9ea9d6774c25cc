import assert from "node:assert/strict";
import { kindOf, stepsOf } from "./run/steps.ts";

const PAGE = `
\`\`\`yaml
server: {}
\`\`\`

  \`\`\`sh
  # where the cloud is
  revtun server --listen :8080 \\
    --tunnel :9000
  cat > agent.yaml <<'END'
  agent:
    cluster: edge-a
  END

  revtun config check agent.yaml && revtun agent --config agent.yaml
  revtun agent --help
  revtun service install agent --dry-run
  node -e 'require("http").createServer().listen(80)'
  \`\`\`
`;

Deno.test("stepsOf() takes shell blocks apart as a shell would", () => {
  const steps = stepsOf(PAGE);
  assert.deepEqual(
    steps.map((step) => [step.number, kindOf(step), step.text.split("\n").length]),
    [
      [8, "server", 2],
      [10, "once", 4],
      [15, "agent", 1],
      [16, "once", 1],
      [17, "once", 1],
      [18, "service", 1],
    ],
  );
  assert.equal(steps[1]!.text, "cat > agent.yaml <<'END'\nagent:\n  cluster: edge-a\nEND");
});
