/** `npm run bench`: nodoff's speed against its targets, as ratios within one run. See docs/benchmarks.md. */
import { parseArgs } from "node:util";
import { type Outcome, toTable, writeReport } from "./report.ts";
import { isMissed, type Row, type RowResult } from "./row.ts";
import { health } from "./rows/health.ts";
import { hook } from "./rows/hook.ts";
import { processItself } from "./rows/process.ts";
import { proxy } from "./rows/proxy.ts";
import { scale } from "./rows/scale.ts";
import { sleepers } from "./rows/sleepers.ts";
import { waiters } from "./rows/waiters.ts";
import { wake } from "./rows/wake.ts";

const rows: readonly Row[] = [hook, proxy, scale, sleepers, health, wake, waiters, processItself];

const usage = `npm run bench -- [options]
  --quick           smoke run of under a minute: fewer routes and rounds, targets half as strict again
  --only NAME       one row: ${rows.map(({ name }) => name).join(", ")}; may be given several times
  --json PATH       where the results go as JSON (default dist/bench.json)
  --profile FOLDER  write CPU profiles of the nodoff processes there
Exit code: 0 every target met, 1 a target missed or a row failed, 2 usage.`;

interface Options {
  readonly quick: boolean;
  readonly only: readonly string[];
  readonly json: string;
  readonly profile: string | null;
}

function readOptions(): Options | string {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: "boolean", default: false },
        only: { type: "string", multiple: true, default: [] },
        json: { type: "string", default: "dist/bench.json" },
        profile: { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) return usage;
    const unknown = values.only.find((name) => rows.every((row) => row.name !== name));
    if (unknown !== undefined) return `no row "${unknown}"\n${usage}`;
    return { quick: values.quick, only: values.only, json: values.json, profile: values.profile ?? null };
  } catch (error) {
    return `${(error as Error).message}\n${usage}`;
  }
}

/** Runs a row, and once more with more rounds where it missed: one bad minute of the machine is no regression. */
async function runRow(row: Row, { quick, profile }: Options): Promise<RowResult> {
  const nodeFlags = profile === null ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`];
  const result = await row.run({ quick, again: false, nodeFlags });
  if (quick || !isMissed(result, quick)) return result;
  console.log(`\n${row.name}: missed a target, measuring once more with more rounds …`);
  return row.run({ quick, again: true, nodeFlags });
}

async function attempt(row: Row, options: Options): Promise<Outcome> {
  const { name, title } = row;
  const skipped = await row.skip();
  if (skipped !== null) return { name, title, skipped, result: null, failure: null };
  try {
    return { name, title, skipped, result: await runRow(row, options), failure: null };
  } catch (error) {
    return { name, title, skipped, result: null, failure: (error as Error).stack ?? String(error) };
  }
}

async function main(): Promise<number> {
  const options = readOptions();
  if (typeof options === "string") {
    console.error(options);
    return 2;
  }
  const outcomes: Outcome[] = [];
  for (const row of rows) {
    if (options.only.length > 0 && !options.only.includes(row.name)) continue;
    const outcome = await attempt(row, options);
    outcomes.push(outcome);
    console.log(toTable(outcome, options.quick));
  }
  await writeReport(options.json, outcomes, options.quick);
  console.log(`\nresults: ${options.json}`);
  const bad = outcomes.some(
    ({ result, failure }) => failure !== null || (result !== null && isMissed(result, options.quick)),
  );
  return bad ? 1 : 0;
}

// A row that failed half-way may have left a process: it ends with this one.
process.exit(await main());
