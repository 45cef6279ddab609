import type { WorkloadSpec } from "../../../src/core/spec.ts";
import type { Workload } from "../../../src/engine/workload-parts.ts";
import { createMemoryStore } from "../../../src/store/memory-store.ts";
import { createFleet } from "./blocks.ts";
import type { Box } from "./box.ts";
import { type HeapClock, heapClock } from "./heap-clock.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import { createModel, forgetUnsaved, isGroup, type Memory, type Model } from "./model.ts";
import { createNodoff, type Nodoff } from "./nodoff.ts";
import { createRandom, type Random } from "./random.ts";
import { createSimEngine, type SimEngine } from "./sim-engine.ts";
import { tieUp, type Ties } from "./ties.ts";

/** What a run amounts to. An event is anything delivered: request, answer, timer, call, change, reading, news. */
export interface Tally {
  events: number;
  wakes: number;
  sleeps: number;
  /** Stops that the engine refused, and asks for sleep that nodoff refused. */
  refused: number;
  simulatedMs: number;
}

/** One fleet of containers on some engines, and at most one nodoff at a time that looks after them. */
export interface World {
  readonly clock: HeapClock;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly tally: Tally;
  readonly engines: readonly SimEngine[];
  /** By name. */
  readonly boxes: ReadonlyMap<string, Box>;
  /** What is configured now, by alias. */
  readonly specs: Map<string, WorkloadSpec>;
  /** As it was at first. */
  readonly original: ReadonlyMap<string, WorkloadSpec>;
  readonly ties: Ties;
  readonly rejections: unknown[];
  /** null while it does not run. */
  readonly nodoff: Nodoff | null;
  /** Callers held, by alias. */
  isWaitedFor: (alias: string) => boolean;
  readonly listFailedAt: number;
  listFailed(): void;
  engineOf(box: Box): SimEngine;
  /** By name of box or alias of group; null = nodoff has no workload for it. */
  modelOf(key: string): Model | null;
  modelByAlias(alias: string): Model | null;
  memoryOf(alias: string): Memory;
  units(): Iterable<Workload>;
  boxOf(spec: WorkloadSpec): Box | null;
  /** The ties may have changed. */
  retie(): void;
  begin(): void;
  /** As kill -9 does. */
  kill(): void;
  /** As SIGTERM does; resolves when it has left. */
  close(): Promise<void>;
  /** Tells nodoff what is configured now. */
  configure(): void;
}

export function createWorld(seed: number, tally: Tally, rejections: unknown[]): World {
  const random = createRandom(seed);
  const clock = heapClock(() => tally.events++);
  const fleet = createFleet(random);
  const ledger = createLedger(clock.now);
  const engines = fleet.providers.map(({ name }) =>
    createSimEngine({
      name,
      clock,
      random,
      plans: fleet.boxes.filter(({ provider }) => provider === name),
      count: () => tally.events++,
      onListed: () => world.retie(),
    }),
  );
  const byName = new Map(engines.map((engine) => [engine.name, engine]));
  const boxes = new Map(engines.flatMap((engine) => [...engine.boxes]));
  const byRef = new Map([...boxes.values()].flatMap((box) => box.plan.refs.map((ref) => [ref, box] as const)));
  const store = createMemoryStore(clock);
  const memories = new Map<string, Memory>();
  let models = new Map<string, Model>();
  let aliases = new Map<string, string>();
  let nodoff: Nodoff | null = null;
  let listFailedAt = Number.NEGATIVE_INFINITY;
  const specs = new Map(fleet.specs);
  let ties: Ties = tieUp({ specs, boxes, cycles: fleet.cycles });

  const boxOf = (spec: WorkloadSpec): Box | null => (isGroup(spec) ? null : (byRef.get(spec.ref) ?? null));

  function forget(): void {
    for (const [alias, { unit, state, memory }] of models)
      memory.wasReady = state === "ready" && nodoff?.supervisor.workload(alias) === unit;
    nodoff = null;
    models = new Map();
    aliases = new Map();
  }

  const world: World = {
    clock,
    random,
    ledger,
    tally,
    engines,
    boxes,
    specs,
    original: fleet.specs,
    rejections,
    get ties() {
      return ties;
    },
    get nodoff() {
      return nodoff;
    },
    get listFailedAt() {
      return listFailedAt;
    },
    isWaitedFor: () => false,
    listFailed: () => (listFailedAt = clock.now()),
    engineOf: ({ plan }) => byName.get(plan.provider) as SimEngine,
    modelOf(key) {
      const alias = aliases.get(key) ?? key;
      return world.modelByAlias(alias);
    },
    modelByAlias(alias) {
      const unit = nodoff?.supervisor.workload(alias);
      if (unit === undefined) return null;
      const known = models.get(alias);
      if (known?.unit === unit) return known;
      const box = boxOf(unit.spec);
      const key = box?.plan.name ?? alias;
      aliases.set(key, alias);
      const model = createModel(key, unit, { box, memory: world.memoryOf(alias) }, clock.now());
      models.set(alias, model);
      return model;
    },
    memoryOf(alias) {
      const known = memories.get(alias);
      if (known !== undefined) return known;
      const memory: Memory = { lastUsedAt: Number.NEGATIVE_INFINITY, recent: [], pinnedUntil: null, wasReady: false };
      memories.set(alias, memory);
      return memory;
    },
    units: () => nodoff?.supervisor.workloads() ?? [],
    boxOf,
    retie() {
      ties = tieUp({ specs, boxes, cycles: fleet.cycles });
    },
    begin() {
      ledger.note("nodoff", "begins");
      nodoff = createNodoff({ world, store, providers: fleet.providers });
      nodoff.open();
      world.configure();
    },
    kill() {
      ledger.note("nodoff", "killed");
      nodoff?.life.end();
      for (const engine of engines) engine.observe(null);
      for (const memory of memories.values()) forgetUnsaved(memory, clock.now());
      forget();
    },
    async close() {
      ledger.note("nodoff", "closes");
      const closing = nodoff?.close();
      await closing;
      forget();
    },
    configure() {
      world.retie();
      const routes = fleet.routes.filter(({ workload }) => workload !== null && specs.has(workload));
      nodoff?.supervisor.configure({ workloads: [...specs.values()], routes });
    },
  };
  return world;
}
