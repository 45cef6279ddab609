import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { fakeClock } from "../../test/support/fake-clock.ts";
import type { Clock } from "../core/clock.ts";
import { watchConfig } from "./watch.ts";

const realClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

/** A folder, a watch in it, and a queue of what the watch told. */
async function open(t: TestContext, name = "nodoff.yaml") {
  const folder = await mkdtemp(join(tmpdir(), "nodoff-watch-"));
  const file = join(folder, name);
  let told = 0;
  let wake = (): void => undefined;
  const start = (clock: Clock, pace: { debounceMs?: number; pollMs: number }): void => {
    const onChange = (): void => {
      told++;
      wake();
    };
    const watch = watchConfig(file, onChange, { clock, debounceMs: 5, ...pace });
    t.after(() => watch.close());
  };
  t.after(() => rm(folder, { recursive: true, force: true }));
  const change = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  return { folder, file, start, change, told: () => told };
}

describe("watchConfig", () => {
  for (const [how, pollMs] of [
    ["by events", 600_000],
    ["by looking", 20],
  ] as const) {
    it(`tells of an edit in place (${how})`, { timeout: 10_000 }, async (t) => {
      const { file, start, change } = await open(t);
      await writeFile(file, "a: 1\n");
      start(realClock, { pollMs });
      const changed = change();
      await writeFile(file, "a: 22\n");
      await changed;
    });

    it(`tells of each replacement by rename (${how})`, { timeout: 10_000 }, async (t) => {
      const { file, start, change } = await open(t);
      await writeFile(file, "a: 1\n");
      start(realClock, { pollMs });
      for (let round = 0; round < 3; round++) {
        const changed = change();
        await writeFile(`${file}~`, "a: 1\n");
        await rename(`${file}~`, file);
        await changed;
      }
    });

    it(`waits for a file that is away (${how})`, { timeout: 10_000 }, async (t) => {
      const { file, start, change, told } = await open(t);
      await writeFile(file, "a: 1\n");
      start(realClock, { pollMs });
      await rm(file);
      const changed = change();
      assert.equal(told(), 0);
      await writeFile(file, "b: 1\n");
      await changed;
    });
  }

  it("tells of a link that is turned, as Kubernetes does it", { timeout: 10_000 }, async (t) => {
    const { folder, file, start, change } = await open(t);
    for (const version of ["1", "2"]) {
      await mkdir(join(folder, `..${version}`));
      await writeFile(join(folder, `..${version}`, "nodoff.yaml"), `a: ${version}\n`);
    }
    await symlink("..1", join(folder, "..data"));
    await symlink("..data/nodoff.yaml", file);
    start(realClock, { pollMs: 600_000 });
    const changed = change();
    await symlink("..2", join(folder, "..new"));
    await rename(join(folder, "..new"), join(folder, "..data"));
    await changed;
  });

  it("finds a file whose folder comes later", { timeout: 10_000 }, async (t) => {
    const { folder, start, change, file } = await open(t, "sub/nodoff.yaml");
    start(realClock, { pollMs: 20 });
    const changed = change();
    await mkdir(join(folder, "sub"));
    await writeFile(file, "a: 1\n");
    await changed;
  });

  it("tells once of changes that come together, and of nothing without a change", { timeout: 10_000 }, async (t) => {
    const { folder, file, start, told } = await open(t);
    await writeFile(file, "a: 1\n");
    const clock = fakeClock();
    // The quiet time is 2000 polls long, so each change is seen before it is over.
    start(clock, { debounceMs: 100_000, pollMs: 50 });
    await writeFile(join(folder, "other"), "x");
    await drive(clock, 4000);
    assert.equal(told(), 0);
    for (const text of ["a: 22\n", "a: 333\n", "a: 4444\n"]) {
      await writeFile(file, text);
      await drive(clock, 500);
    }
    assert.equal(told(), 0);
    await drive(clock, 4000);
    assert.equal(told(), 1);
  });

  it("tells nothing after close", async (t) => {
    const { file, told } = await open(t);
    await writeFile(file, "a: 1\n");
    const clock = fakeClock();
    const watch = watchConfig(file, () => assert.fail("closed"), { clock, debounceMs: 1000, pollMs: 50 });
    await writeFile(file, "a: 22\n");
    clock.advance(50);
    watch.close();
    watch.close();
    await drive(clock, 500);
    assert.equal(clock.pending, 0);
    assert.equal(told(), 0);
  });
});

/** Lets so many polls fall due, with a turn of the event loop after each. */
async function drive(clock: ReturnType<typeof fakeClock>, polls: number): Promise<void> {
  for (let poll = 0; poll < polls; poll++) {
    clock.advance(50);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
