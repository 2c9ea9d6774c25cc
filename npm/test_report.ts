/** What a run of `deno test` did, from its JUnit report: the counts that can be believed. */

/** Counts of tests; steps belong to their test. */
export interface TestCounts {
  passed: number;
  failed: number;
  /** Names of tests that did not run here; the reason stands in the name. */
  skipped: string[];
}

/** Counts the tests of a report in deno's JUnit format. */
export function countTests(xml: string): TestCounts {
  const counts: TestCounts = { passed: 0, failed: 0, skipped: [] };
  let parent: string | undefined;
  for (const [, attributes = "", content = ""] of xml.matchAll(CASE)) {
    const name = unescapeXml(/\bname="([^"]*)"/.exec(attributes)?.[1] ?? "");
    if (parent !== undefined && name.startsWith(`${parent} > `)) continue;
    parent = name;
    if (content.includes("<failure")) counts.failed += 1;
    else if (content.includes("<skipped")) counts.skipped.push(name);
    else counts.passed += 1;
  }
  return counts;
}

const CASE = /<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g;

function unescapeXml(text: string): string {
  return text.replace(/&(lt|gt|quot|apos|amp|#(\d+));/g, (_, name: string, code?: string) => {
    if (code !== undefined) return String.fromCodePoint(Number(code));
    return { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" }[name] ?? "";
  });
}

/** Lines that can run and did, of a report in lcov's format, by source file. */
export function countLines(lcov: string): Map<string, { found: number; hit: number }> {
  const files = new Map<string, { found: number; hit: number }>();
  for (const record of lcov.split("end_of_record")) {
    const file = /^SF:(.+)$/m.exec(record)?.[1];
    if (file === undefined) continue;
    const found = Number(/^LF:(\d+)$/m.exec(record)?.[1] ?? 0);
    const hit = Number(/^LH:(\d+)$/m.exec(record)?.[1] ?? 0);
    files.set(file, { found, hit });
  }
  return files;
}
