import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ActivityApp, openActivityApps } from "./activity-apps.ts";
import { type Column, idleTimeoutMs, openColumn } from "./activity-column.ts";
import { type DoorName, doors } from "./activity-doors.ts";
import { uses } from "./activity-uses.ts";

export type UseName = keyof typeof uses;
export type Cell = readonly [UseName, DoorName];

export const useNames = Object.keys(uses) as readonly UseName[];
export const doorNames = Object.keys(doors) as readonly DoorName[];

/** What signals as shipped do not see, and why that is no harm. The use must succeed all the same. */
const uncovered: Readonly<Record<string, string>> = {
  "slow download, nginx": "nginx takes the whole answer at once and serves the client itself (up to 1 GB)",
};

const useMs = 30_000;
const graceMs = 15_000;

interface Outcome {
  readonly cell: Cell;
  readonly held: string;
  readonly asleep: string;
  readonly by: string;
}

/** Tries these cells at the same time, on real containers, and prints what became of them. */
export function describeMatrix(title: string, cells: readonly Cell[]): void {
  describe(title, { concurrency: true }, () => {
    const ends: (() => Promise<unknown>)[] = [];
    const columns = new Map<DoorName, Column>();
    const apps = new Map<Cell, ActivityApp>();
    const outcomes: Outcome[] = [];
    let jobs: Promise<unknown> = Promise.resolve();

    before(async () => {
      const made = await openActivityApps();
      ends.push(() => made.close());
      const tried = cells.filter(([, door]) => doors[door].skip === false);
      for (const cell of tried) apps.set(cell, await made.create());
      const openOne = async (name: DoorName): Promise<void> => {
        const mine = tried.filter(([, door]) => door === name);
        const named = new Map(mine.map((cell) => [aliasOf(cell), apps.get(cell)!]));
        const column = await openColumn(await doors[name].prepare(), named);
        ends.push(() => column.close());
        columns.set(name, column);
      };
      // One after the other: each start takes a core for seconds.
      for (const name of new Set(tried.map(([, door]) => door))) await openOne(name);
    });
    after(async () => {
      console.log(toTable(cells, outcomes));
      for (const end of ends.reverse()) await end();
    });
    for (const cell of cells) {
      const [use, door] = cell;
      it(`${use}, ${door}`, { skip: doors[door].skip }, async () => {
        const begin = async (): Promise<Outcome> => tryCell(cell, apps.get(cell)!, columns.get(door)!);
        // Several at once would leave each less of the processor than counts as use.
        const tried = use === "CPU job" ? jobs.then(begin) : begin();
        if (use === "CPU job") jobs = tried.catch(() => undefined);
        outcomes.push(await tried);
      });
    }
  });
}

function aliasOf([use]: Cell): string {
  return `use-${useNames.indexOf(use)}`;
}

async function tryCell(cell: Cell, app: ActivityApp, column: Column): Promise<Outcome> {
  const [use, name] = cell;
  const alias = aliasOf(cell);
  const { nodoff, door, reasons } = column;
  await column.wake(alias);
  const startedAt = await app.startedAt();
  const slept = app.ended();
  slept.catch(() => undefined);
  const detail = (): string => `${reasons.saidOf(alias)}; last words: ${reasons.lastWords(alias)}`;
  const stage = { app, port: door.port, host: column.hostOf(alias), ms: useMs };
  const begun = Date.now();
  const afterwards = await uses[use](stage).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${detail()}`, { cause: error });
  });
  const usedUntil = Date.now();
  const asleepAfterMs = (await slept) - usedUntil;
  const why = uncovered[`${use}, ${name}`];
  if (why === undefined) assert.ok(asleepAfterMs > 0, `stopped ${-asleepAfterMs} ms before its use ended: ${detail()}`);
  assert.equal(await app.startedAt(), startedAt, "one start");
  const patienceMs = idleTimeoutMs + graceMs + doors[name].poolMs;
  assert.ok(asleepAfterMs <= patienceMs, `asleep ${asleepAfterMs} ms after its use ended: ${detail()}`);
  await nodoff.inState(alias, "napping");
  await afterwards?.();
  return {
    cell,
    held: why ?? (afterwards === undefined ? `held ${toSeconds(usedUntil - begun)}` : "not in use"),
    asleep:
      asleepAfterMs > 0 ? `asleep after ${toSeconds(asleepAfterMs)}` : `asleep ${toSeconds(-asleepAfterMs)} before`,
    by: reasons.saidOf(alias),
  };
}

function toSeconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

function toTable(cells: readonly Cell[], outcomes: readonly Outcome[]): string {
  const rows = cells.map((cell) => {
    const [use, door] = cell;
    const outcome = outcomes.find((outcome) => outcome.cell === cell);
    const { skip } = doors[door];
    const missing = skip === false ? "FAILED" : `skipped: ${skip}`;
    return [use, door, outcome?.held ?? missing, outcome?.asleep ?? "", outcome?.by ?? ""];
  });
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
