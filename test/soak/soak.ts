import assert from "node:assert/strict";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type App, createApp, createLogger } from "../../src/app.ts";
import { configSchema, dashboardPlaces, templatesFolder, version } from "../../src/cli/assets.ts";
import { type LoadResult, loadConfig } from "../../src/config/load.ts";
import { systemClock } from "../../src/system-clock.ts";
import { freePort } from "../support/e2e/child.ts";
import { countingClock, createGauges, findLeaks, type Sample, toLine } from "./gauges.ts";
import { type Sleeper, toConfigText } from "./sleepers.ts";
import { createDoors, type Doors } from "./traffic.ts";

/**
 * Real time, real processes: wakes and sleeps for some minutes (`--minutes`, or SOAK_MINUTES; default 2), then asks what
 * stayed behind. Ends by itself; exit code 1 says that something leaked or went wrong.
 */
const { values } = parseArgs({ options: { minutes: { type: "string", default: process.env["SOAK_MINUTES"] ?? "2" } } });
const minutes = Number(values.minutes);
assert.ok(minutes > 0 && minutes <= 24 * 60, "--minutes is a number above 0");

/** Caches and pools fill up first: what they hold is no leak. */
const warmUpShare = 0.3;
const asleepWithinMs = 30_000;
const reloadEveryMs = 7_000;

interface Tally {
  wakes: number;
  sleeps: number;
  replies: number;
  kills: number;
  reloads: number;
}

const clock = countingClock(systemClock);
const gauge = createGauges(clock);
const folder = await mkdtemp(join(tmpdir(), "nodoff-soak-"));
const file = join(folder, "nodoff.yaml");
const tally: Tally = { wakes: 0, sleeps: 0, replies: 0, kills: 0, reloads: 0 };
const asleep = new Set<string>();
const sleepers: readonly Sleeper[] = [
  { alias: "stopped", port: await freePort(), method: "stop" },
  { alias: "paused", port: await freePort(), method: "pause" },
  { alias: "killed", port: await freePort(), method: "kill" },
];
for (const { alias } of sleepers) asleep.add(alias);

async function write(idleS: number): Promise<void> {
  const text = toConfigText(sleepers, { idleS, stateDir: join(folder, "state"), execPath: process.execPath });
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

function load(): LoadResult {
  return loadConfig({ file, env: {}, readFile: (path) => readFileSync(path, "utf8") });
}

async function start(): Promise<App> {
  await write(1);
  const loaded = load();
  if (!loaded.ok) throw new Error(loaded.errors.map(({ key, message }) => `${key}: ${message}`).join("\n"));
  return createApp({
    version: version(),
    config: loaded.config,
    file,
    load,
    env: process.env,
    kill: (pid, signal) => void process.kill(pid, signal),
    inContainer: false,
    templates: templatesFolder(),
    brands: null,
    dashboard: dashboardPlaces(),
    configSchema: configSchema(),
    clock,
    out: () => undefined,
    logger: createLogger({ level: "warn", format: "json", isTerminal: false, write: () => undefined }),
  });
}

function follow({ journal }: App): void {
  journal.subscribe(({ type, step, state, alias, message }) => {
    if (type === "config" && message === "reloaded") tally.reloads++;
    if (type === "wake" && step === "starting") tally.wakes++;
    if (type === "sleep") tally.sleeps++;
    if (type !== "state" || alias === null) return;
    if (state === "napping") asleep.add(alias);
    else asleep.delete(alias);
  });
}

async function untilAsleep(aliases: readonly string[]): Promise<void> {
  const end = performance.now() + asleepWithinMs;
  while (!aliases.every((alias) => asleep.has(alias))) {
    assert.ok(performance.now() < end, `${aliases.join(", ")} went to sleep within ${asleepWithinMs} ms`);
    await delay(50);
  }
}

/** One day in the life of a workload: woken by many at once, used, left alone, asleep. */
async function day({ alias }: Sleeper, doors: Doors, round: number): Promise<void> {
  const host = `${alias}.test`;
  const before = tally.wakes;
  const leavers = [doors.leave(host, 20), doors.watchPage(host, 100)];
  const replies = await Promise.all([
    ...Array.from({ length: 10 }, () => doors.get(host)),
    ...Array.from({ length: 10 }, () => doors.hook(host)),
  ]);
  await Promise.all(leavers);
  for (const { status, text } of replies) assert.equal(status, 200, `${alias}: ${text}`);
  assert.ok(tally.wakes > before, `${alias} was asleep, so it was woken`);
  tally.replies += replies.length;
  assert.match(await doors.upgrade(host), /hello$/);
  if (round % 4 === 3) await crash(alias, doors);
  await untilAsleep([alias]);
}

/** Ends by itself, and is woken again by those who keep asking. */
async function crash(alias: string, doors: Doors): Promise<void> {
  const host = `${alias}.test`;
  const { text } = await doors.get(host);
  process.kill(Number(text), "SIGKILL");
  tally.kills++;
  const end = performance.now() + asleepWithinMs;
  for (;;) {
    const { status, text: pid } = await doors.get(host);
    if (status === 200 && pid !== text) return;
    assert.ok(performance.now() < end, `${alias} came back after its crash`);
    await delay(250);
  }
}

async function live(untilMs: number, doors: Doors): Promise<void> {
  await Promise.all(
    sleepers.map(async (sleeper) => {
      for (let round = 0; performance.now() < untilMs; round++) await day(sleeper, doors, round);
    }),
  );
  await untilAsleep(sleepers.map(({ alias }) => alias));
}

/** Between two samples nothing may be in flight. */
async function sample(what: string): Promise<Sample> {
  await delay(1_500);
  const taken = gauge();
  console.log(`${what}: ${toLine(taken)}`);
  return taken;
}

const app = await start();
follow(app);
const doors = createDoors({ proxy: app.proxy?.port ?? 0, hook: app.hook.port });
let writes = 0;
const reloading = setInterval(() => void write(++writes % 2 === 0 ? 1 : 2), reloadEveryMs);
const begun = performance.now();
try {
  await live(begun + minutes * 60_000 * warmUpShare, doors);
  const before = await sample("warm");
  await live(begun + minutes * 60_000, doors);
  const after = await sample("end");
  const { wakes, sleeps, replies, kills, reloads } = tally;
  console.log(`${wakes} wakes, ${sleeps} sleeps, ${replies} replies, ${kills} crashes, ${reloads} reloads`);
  assert.ok(sleeps > sleepers.length && reloads > 0, "it ran long enough to say anything");
  const leaks = findLeaks(before, after);
  for (const leak of leaks) console.error(`leak: ${leak}`);
  if (leaks.length > 0) process.exitCode = 1;
} finally {
  clearInterval(reloading);
  await app.close();
  await rm(folder, { recursive: true, force: true });
}
// The sweep's last timer fires into nothing.
await delay(1_100);
assert.equal(clock.armed, 0, "timers outlive the shutdown");
