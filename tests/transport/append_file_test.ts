import assert from "node:assert/strict";
import { AppendFile } from "../../lib/transport/append_file.ts";

const utf8 = new TextEncoder();

Deno.test("AppendFile goes on at the end of its file, and after a rename where it is told to", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/access.log`;
  await Deno.writeTextFile(path, "before\n");
  const file = await AppendFile.open(path);
  await file.write(utf8.encode("one\n"));
  await Deno.rename(path, `${path}.1`);
  await file.write(utf8.encode("two\n"));
  const writes = [file.write(utf8.encode("three\n")), file.reopen()];
  writes.push(file.write(utf8.encode("four\n")));
  await Promise.all(writes);
  file.close();
  assert.equal(await Deno.readTextFile(`${path}.1`), "before\none\ntwo\nthree\n");
  assert.equal(await Deno.readTextFile(path), "four\n");
  if (Deno.build.os !== "windows") assert.equal((await Deno.stat(path)).mode! & 0o777, 0o640);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("AppendFile that cannot be opened anew goes on as it was", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/access.log`;
  const file = await AppendFile.open(path);
  await Deno.rename(path, `${path}.1`);
  await Deno.mkdir(path);
  await assert.rejects(file.reopen());
  await file.write(utf8.encode("line\n"));
  file.close();
  // Whoever asks for it now waits until it is closed.
  await file.write(utf8.encode("late\n")).catch(() => {});
  assert.equal(await Deno.readTextFile(`${path}.1`), "line\n");
  await Deno.remove(folder, { recursive: true });
});

Deno.test({
  name: "AppendFile says that the disk is full (needs /dev/full)",
  ignore: await Deno.stat("/dev/full").then(() => false, () => true),
  async fn() {
    const file = await AppendFile.open("/dev/full");
    await assert.rejects(file.write(utf8.encode("line\n")), /[Nn]o space left/);
    file.close();
    await file.write(utf8.encode("x")).catch(() => {});
  },
});
