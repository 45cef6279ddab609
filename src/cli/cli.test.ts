import assert from "node:assert/strict";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { runLine } from "../../test/support/cli.ts";
import { findCommand, readCall } from "./command-line.ts";
import { defineCommand } from "./command.ts";
import { commands } from "./commands.ts";
import { CommandFailure } from "./failure.ts";
import { exitCodes } from "./world.ts";

it("says in one line what a user can mend, whichever command met it", async (t) => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  t.after(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  const { code, err } = await runLine(["demo"], { env: { PORT: String(port) } });
  assert.equal(code, 1);
  assert.deepEqual(err, [`cannot listen on 127.0.0.1:${port}: another program listens there already`]);
});

describe("help", () => {
  it("lists every command, once", async () => {
    for (const argv of [["--help"], ["-h"], ["help"]]) {
      const { code, out } = await runLine(argv);
      assert.equal(code, 0);
      for (const { name, summary } of commands) {
        const lines = (out[0] ?? "").split("\n").filter((line) => line.startsWith(`  ${name}  `));
        assert.equal(lines.length, 1, name);
        assert.ok(lines[0]?.endsWith(summary));
      }
    }
    assert.equal(new Set(commands.map(({ name }) => name)).size, commands.length);
  });

  for (const { name, load } of commands)
    it(`says how to use ${name}, in three ways`, async () => {
      const words = name.split(" ");
      const manual = await runLine(["help", ...words]);
      assert.equal(manual.code, 0);
      assert.match(manual.out[0] ?? "", new RegExp(`^nodoff ${name}: .+\n\nUsage: nodoff ${name}`));
      const command = await load();
      for (const option of Object.keys(command.options))
        assert.match(manual.out[0] ?? "", new RegExp(`--${option}\\b`));
      assert.deepEqual(await runLine([...words, "--help"]), manual);
      assert.deepEqual(await runLine(["--help", ...words]), manual);
    });

  it("has examples that are right", async () => {
    for (const row of commands)
      for (const line of (await row.load()).examples ?? []) {
        // What a shell does before and after it is none of ours.
        const argv = (line.split(/ [|>] /)[0] ?? "").split(" ").map((word) => word.replaceAll('"', ""));
        const named = findCommand(argv, commands);
        assert.equal(named.row.name, row.name, line);
        readCall(named, await row.load());
      }
  });
});

describe("a command line that cannot be meant", () => {
  const cases: readonly (readonly [argv: readonly string[], message: string, more?: string])[] = [
    [["nonsense"], 'there is no command "nonsense"'],
    [["chek"], 'there is no command "chek" (did you mean "check"?)'],
    [["help", "chek"], 'there is no command "chek" (did you mean "check"?)'],
    [["--nonsense"], "serve has no option --nonsense", "help serve"],
    [["-x"], "serve has no option -x", "help serve"],
    [["check", "--jsn"], 'check has no option --jsn (did you mean "json"?)', "help check"],
    [["serve", "--json"], "serve has no option --json", "help serve"],
    [["serve", "more"], 'serve takes no "more"', "help serve"],
    [["check", "--json=yes"], "--json takes no value", "help check"],
    [["check", "--config"], "--config needs a value: --config FILE", "help check"],
    [["check", "--config="], "--config needs a value: --config FILE", "help check"],
    [
      ["check", "--config", "--json"],
      '--config needs a value: --config FILE (one that begins with "-": --config=--json)',
      "help check",
    ],
    [["notify"], "notify needs one more word: notify test"],
    [["notify", "tset"], "notify needs one more word: notify test"],
    [["healthcheck", "--url", "nodoff:8090"], '"nodoff:8090" is not a URL such as http://127.0.0.1:8090'],
  ];
  for (const [argv, message, more = "--help"] of cases)
    it(`ends with 2: ${argv.join(" ")}`, async () => {
      assert.deepEqual(await runLine(argv), { code: 2, out: [], err: [`nodoff: ${message}\nTry: nodoff ${more}`] });
    });
});

describe("a command line", () => {
  const row = (name: string) => ({ name, summary: "", load: () => Promise.resolve(spec) });
  const spec = defineCommand({
    about: "",
    arguments: [
      { name: "WHAT", help: "one of two", choices: ["this", "that"] },
      { name: "ALIAS", help: "whose", many: true },
    ],
    options: { follow: { short: "f", help: "" }, lines: { value: "N", help: "" } },
    run: () => Promise.resolve(exitCodes.done),
  });
  const table = [row("serve"), row("try"), row("try harder")];
  const read = (...argv: readonly string[]) => {
    const named = findCommand(argv, table);
    return { name: named.row.name, ...readCall(named, spec) };
  };
  const none = { help: false, version: false };

  it("may have options before, between and after its words", () => {
    const expected = { name: "try", args: ["this", "a"], options: { follow: true, lines: "5", ...none } };
    assert.deepEqual(read("try", "this", "a", "-f", "--lines", "5"), expected);
    assert.deepEqual(read("try", "-f", "this", "--lines=5", "a"), expected);
  });

  it("finds the longer of two names", () => {
    assert.equal(read("try", "harder", "this", "a").name, "try harder");
    assert.equal(read("try", "this", "harder").name, "try");
  });

  it("takes a value before the name for no name", () => {
    assert.equal(findCommand(["--url", "try", "serve"], table).row.name, "serve");
  });

  it("takes words after -- as they are", () => {
    assert.deepEqual(read("try", "this", "--", "-f").args, ["this", "-f"]);
  });

  it("must have the words the command needs, and no others", () => {
    const messages = [["try"], ["try", "this"], ["try", "thas", "a"]].map((argv) => {
      try {
        read(...argv);
        return "";
      } catch (error) {
        assert.ok(error instanceof CommandFailure);
        return error.message.split("\n")[0];
      }
    });
    assert.deepEqual(messages, [
      "nodoff: try needs WHAT: one of two",
      "nodoff: try needs ALIAS: whose",
      'nodoff: WHAT is one of this, that, not "thas" (did you mean "this"?)',
    ]);
  });
});
