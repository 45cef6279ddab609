import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Case, type CaseName, caseNames, cases } from "./cases.ts";
import { restartUnderLoad } from "./restart.ts";
import type { Stage } from "./stage.ts";
import { wakeInARow } from "./wakes.ts";
import { openWorld, type World } from "./world.ts";
import { nothingInFlight } from "../in-flight.ts";

export interface ConformanceOptions {
  /** Which cases; all unless said. */
  readonly cases?: readonly CaseName[];
  /** How many wakes in a row; 20 unless said. */
  readonly wakes?: number;
  /** Whether nodoff is restarted under load at last; true unless said. */
  readonly restart?: boolean;
}

type Cell = { readonly stage: string; readonly row: string; readonly outcome: string };

/** Runs the stages one after the other, each case of a stage on an app of its own, and prints the table stage × case. */
export function describeConformance(stages: readonly Stage[], options: ConformanceOptions = {}): void {
  const { cases: names = caseNames, wakes = 20, restart = true } = options;
  const cells: Cell[] = [];
  for (const stage of stages) describeStage(stage, { names, wakes, restart, say: (cell) => void cells.push(cell) });
  after(() => console.log(toTable(stages, cells, names)));
}

interface Run {
  readonly names: readonly CaseName[];
  readonly wakes: number;
  readonly restart: boolean;
  say(cell: Cell): void;
}

function describeStage(stage: Stage, { names, wakes, restart, say }: Run): void {
  describe(stage.title, { skip: stage.skip ?? false }, () => {
    let world: World;
    before(async () => void (world = await openWorld(stage, names)));
    after(async () => {
      try {
        // Only nodoff's own proxy carries anything: whatever the cases did, nothing may be left.
        await nothingInFlight(world.nodoff);
      } finally {
        await world?.close();
      }
    });
    const tell = (row: string, outcome: string): void => say({ stage: stage.title, row, outcome });
    const alone = createTurns();

    describe("cases", { concurrency: 4 }, () => {
      // They mostly wait for the engine, and have an app of their own.
      if (wakes > 0) {
        it(`${wakes} wakes in a row`, async () => {
          const { medianMs, worstMs, pages } = await wakeInARow(world, wakes);
          const times = `median ${toSeconds(medianMs)}, worst ${toSeconds(worstMs)}, ${pages} by the page`;
          tell(`${wakes} wakes`, `ok, ${times}`);
        });
      }
      for (const name of names) {
        const without = stage.without?.[name];
        if (without !== undefined) {
          tell(name, `none: ${without}`);
          continue;
        }
        it(name, async () => {
          const begun = performance.now();
          const play = { ...world, guest: world.guest(name), alone: toAlone(world, alone) };
          const { limit, found } = await fallsShort(() => (cases[name] as Case).run(play), stage.limits?.[name]);
          const told = found === undefined ? "" : `, ${found}`;
          tell(name, limit === undefined ? `ok, ${toSeconds(performance.now() - begun)}${told}` : `limit: ${limit}`);
        });
      }
    });

    if (!restart) return;
    it("restarting nodoff", async () => {
      const { open, closed } = await restartUnderLoad(world, stage);
      const unsure = open.unsure === 0 ? "" : ` (${open.unsure} before the first look)`;
      tell("restart, open", `ok, ${open.failed} of ${open.requests} failed${unsure}`);
      const failures = `${closed.failed} of ${closed.requests} failed, within ${toSeconds(closed.failedForMs)}`;
      tell("restart, closed", `ok, ${failures}`);
    });
  });
}

/** Runs what has to succeed, or to fail where there is a known limit. */
async function fallsShort(
  run: () => Promise<string | void>,
  limit: string | undefined,
): Promise<{ readonly limit?: string; readonly found?: string | undefined }> {
  if (limit === undefined) return { found: (await run()) ?? undefined };
  const failed = await run().then(
    () => false,
    () => true,
  );
  assert.ok(failed, `a known limit no longer is one, take it out: ${limit}`);
  return { limit };
}

type Turns = <T>(during: () => Promise<T>) => Promise<T>;

function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return (during) => {
    const turn = last.then(during);
    last = turn.catch(() => undefined);
    return turn;
  };
}

function toAlone({ way }: World, turns: Turns): Turns {
  return (during) =>
    turns(async () => {
      try {
        return await during();
      } finally {
        way.thaw();
        await way.down();
        await way.up();
      }
    });
}

function toSeconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

function toTable(stages: readonly Stage[], cells: readonly Cell[], names: readonly CaseName[]): string {
  const rows = [...new Set([...names, ...cells.map(({ row }) => row)])];
  const width = Math.max(...rows.map((row) => row.length));
  const lines = stages.flatMap(({ title, skip }) => {
    if (skip !== undefined && skip !== false) return [`${title}: skipped, ${skip}`];
    const mine = cells.filter(({ stage }) => stage === title);
    if (mine.length === 0) return [`${title}: nothing of it ran to its end`];
    const shown = rows.map((row) => [row, mine.find((cell) => cell.row === row)?.outcome ?? "FAILED"] as const);
    return [`${title}:`, ...shown.map(([row, outcome]) => `  ${row.padEnd(width)}  ${outcome}`)];
  });
  return lines.join("\n");
}
