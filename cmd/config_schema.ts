/** `revtun config schema`: the JSON Schema of settings files. */
import { jsonSchema } from "../lib/config/json_schema.ts";
import { EXIT } from "./command.ts";
import type { ConfigContext } from "./config.ts";
import { sectionCommands, sectionOf } from "./sections.ts";

/** Prints it. */
export async function action({ stdout }: ConfigContext): Promise<number> {
  const sections = (await sectionCommands()).map(sectionOf);
  await stdout.write(`${JSON.stringify(jsonSchema(sections), null, 2)}\n`);
  return EXIT.ok;
}
