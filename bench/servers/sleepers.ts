/** The engine alone, with its signals, over an engine that answers at once; time moves when told. */
import { setImmediate as turn } from "node:timers/promises";
import { loadConfig } from "../../src/config/load.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { Logger } from "../../src/core/logger.ts";
import type { WorkloadSpec } from "../../src/core/spec.ts";
import { createJournal } from "../../src/engine/journal.ts";
import { createSupervisor } from "../../src/engine/supervisor.ts";
import { createDialed } from "../../src/net/dialed.ts";
import { createSignals } from "../../src/signals/signals.ts";
import { createMemoryStore } from "../../src/store/memory-store.ts";
import { aliasOf } from "../hook-request.ts";
import { answerQuestions, cpuUs } from "../ipc.ts";
import { createStubProvider } from "../stub-provider.ts";

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

const silent: Logger = {
  debugEnabled: false,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: console.error,
  child: () => silent,
};

let nowMs = 1_000_000;
const timers = new Set<Timer>();
const clock: Clock = {
  now: () => nowMs,
  wall: () => nowMs,
  after(delayMs, run) {
    const timer = { at: nowMs + delayMs, run };
    timers.add(timer);
    return () => void timers.delete(timer);
  },
};

/** One second passes. Answers how long the timers that came due took, in ms. */
async function second(): Promise<number> {
  nowMs += 1_000;
  const due = [...timers].filter(({ at }) => at <= nowMs);
  const begun = performance.now();
  for (const timer of due) {
    timers.delete(timer);
    timer.run();
  }
  const tookMs = performance.now() - begun;
  for (let turns = 0; turns < 20; turns++) await turn();
  return tookMs;
}

async function seconds(count: number): Promise<readonly number[]> {
  const tookMs: number[] = [];
  while (tookMs.length < count) tookMs.push(await second());
  return tookMs;
}

const count = Number(process.argv[2]);
const isAwake = process.argv[3] === "awake";
const names = Array.from({ length: count }, (_, n) => aliasOf(n));
const provider = createStubProvider(names, isAwake ? "running" : "stopped");

/** A function of its own, so that nothing but the result is kept. */
function readWorkloads(): readonly WorkloadSpec[] {
  const named = names.map((name) => [name, { container: name, port: 80, idle_timeout: "1h" }] as const);
  const text = JSON.stringify({ providers: { stub: { type: "docker" } }, workloads: Object.fromEntries(named) });
  const loaded = loadConfig({ file: "nodoff.yaml", env: {}, readFile: () => text });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.errors));
  return loaded.config.workloads;
}

const workloads = readWorkloads();

function heap(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

const before = heap();
const journal = createJournal({ clock, logger: silent });
const supervisor = createSupervisor({
  clock,
  journal,
  logger: silent,
  prober: { probe: () => Promise.resolve({ ok: true, detail: "" }) },
  store: createMemoryStore(clock),
  signals: createSignals({
    clock,
    inFlight: { count: () => 0 },
    dialed: createDialed({ clock }),
    settings: () => ({ caddy: null, poolIdleMs: 90_000 }),
  }),
  defer: (run) => void setImmediate(run),
  shutdown: new AbortController().signal,
  discover: () => ({ kind: "none" }),
});
supervisor.addProvider(provider);
supervisor.configure({ workloads, routes: [] });
await seconds(5);

answerQuestions(
  {},
  {
    /** Bytes of the engine, its store and journal: configuration and what the provider keeps were there before. */
    heap: () => heap() - before,
    sweeps: () => seconds(15),
    /** From the first look on, when all want to look at the same time: CPU and looks of a minute. */
    async round() {
      while (provider.asked() === 0) await second();
      const [cpu, asked] = [cpuUs(), provider.asked()];
      await seconds(60);
      return { cpuUs: cpuUs() - cpu, looks: provider.asked() - asked };
    },
    states: () =>
      Object.fromEntries(
        Map.groupBy(supervisor.workloads(), ({ state }) => state)
          .entries()
          .map(([state, all]) => [state, all.length]),
      ),
  },
);
