import assert from "node:assert/strict";
import fc from "fast-check";
import { LinkedList } from "../lib/linked_list.ts";
import type { Linked } from "../lib/linked_list.ts";

class Member implements Linked<Member> {
  previous: Member | undefined;
  next: Member | undefined;
}

Deno.test("LinkedList holds what a Set would, in the same order", () => {
  const members = Array.from({ length: 6 }, () => new Member());
  const step = fc.record({ isAppend: fc.boolean(), index: fc.nat(members.length - 1) });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const list = new LinkedList<Member>();
    const model = new Set<Member>();
    for (const { isAppend, index } of steps) {
      const member = members[index]!;
      if (!isAppend) {
        list.remove(member);
        model.delete(member);
      } else if (!model.has(member)) {
        list.append(member);
        model.add(member);
      }
      assert.deepEqual([...list], [...model]);
      assert.equal(list.size, model.size);
      assert.equal(list.first, [...model][0]);
    }
    for (const member of model) list.remove(member);
    // What is out holds on to nobody, also for the next round.
    for (const member of members) assert.deepEqual({ ...member }, { ...new Member() });
  }));
});

Deno.test("LinkedList: the member that is visited may be removed", () => {
  const list = new LinkedList<Member>();
  for (let count = 0; count < 3; count++) list.append(new Member());
  let visited = 0;
  for (const member of list) {
    list.remove(member);
    visited += 1;
  }
  assert.deepEqual([visited, list.size, list.first], [3, 0, undefined]);
});
