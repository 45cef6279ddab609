import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readYaml } from "./yaml-tree.ts";

const read = (text: string) => readYaml(text, (scalar) => scalar);

function problemsOf(text: string): string[] {
  return read(text).problems.map(({ line, column, path, message }) => `${line}:${column} ${path.join(".")} ${message}`);
}

describe("readYaml", () => {
  it("keeps scalars, lists and maps as they are", () => {
    const tree = read("a: 1\nb: [true, null, x]\n2: { c: 1.5 }\n");
    assert.deepEqual(tree.value, { a: 1, b: [true, null, "x"], "2": { c: 1.5 } });
    assert.deepEqual(tree.problems, []);
  });

  it("takes an empty text as nothing", () => assert.equal(read("# only a comment\n").value, null));

  it("merges << with the own keys first, then the first source", () => {
    const tree = read("x-a: &a { p: 1, q: 1 }\nx-b: &b { q: 2, r: 2, <<: { s: 3 } }\nm:\n  <<: [*a, *b]\n  p: 0\n");
    assert.deepEqual((tree.value as { m: unknown }).m, { p: 0, q: 1, r: 2, s: 3 });
    assert.deepEqual(tree.problems, []);
  });

  it("follows aliases, the latest anchor of a name", () => {
    const tree = read("a: &x [1]\nb: *x\nc: &x [2]\nd: *x\n");
    assert.deepEqual(tree.value, { a: [1], b: [1], c: [2], d: [2] });
  });

  it("knows where keys and items stand", () => {
    const tree = read("a:\n  b:\n    - x\n    - { c: 1 }\n");
    assert.deepEqual(tree.place(["a", "b"]), { line: 2, column: 3 });
    assert.deepEqual(tree.place(["a", "b", 1, "c"]), { line: 4, column: 9 });
    assert.deepEqual(tree.place(["a", "b", 0]), { line: 3, column: 7 });
    assert.deepEqual(tree.place([]), { line: 1, column: 1 });
  });

  it("points at the nearest key above what is not there", () => {
    assert.deepEqual(read("a:\n  b: {}\n").place(["a", "b", "none", "x"]), { line: 2, column: 3 });
  });

  it("points into the template that a merged key came from", () => {
    assert.deepEqual(read("t: &t\n  bad: 1\nw:\n  <<: *t\n").place(["w", "bad"]), { line: 2, column: 3 });
  });

  for (const [what, text, expected] of [
    ["a key given twice", "a:\n  b: 1\n  b: 2\n", ["3:3 a.b is given twice"]],
    ["a merge of what is no map", "a:\n  <<: 5\n", ["2:7 a << needs a map"]],
    ["a key that is a list", "? [a]\n: 1\n", ["1:3  a key must be text"]],
    ["__proto__", "a:\n  __proto__: { x: 1 }\n", ["2:3 a.__proto__ this key is not allowed"]],
    ["an alias of nothing", "a: *b\n", ["1:4 a *b has no anchor above it"]],
    ["a merge of nothing", "a:\n  <<: *b\n", ["2:7 a *b has no anchor above it"]],
    ["a tag nobody knows", "a: !x 1\n", ["1:4  Unresolved tag: !x"]],
  ] as const) {
    it(`reports ${what}`, () => assert.deepEqual(problemsOf(text), expected));
  }

  it("gives no value for broken YAML", () => {
    const tree = read("a: [1,\nb: 2\n");
    assert.equal(tree.value, undefined);
    assert.equal(tree.problems[0]?.line, 2);
  });

  it("gives up on an alias that holds itself", () => {
    const problems = problemsOf("a: &a [*a, *a]\n");
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? "", /nested too deeply/);
  });

  it("gives up on a text that aliases make endless", () => {
    const rows = Array.from({ length: 20 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(", ")}]`);
    const problems = problemsOf(`a0: &a0 x\n${rows.join("\n")}\n`);
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? "", /an alias repeats itself/);
  });
});
