import type { Change, EngineHealth, Look, ProviderObserver } from "../../../src/core/provider.ts";
import { type Box, createBox, isHealthy, lookAt } from "./box.ts";
import type { BoxPlan } from "./fleet.ts";
import type { HeapClock } from "./heap-clock.ts";
import type { Random } from "./random.ts";

/** How often things go wrong, as parts of 1. */
export interface Weather {
  readonly fails: number;
  readonly delays: number;
  readonly hangs: number;
  /** Events that nobody hears of. */
  readonly loses: number;
  /** Runs that end by themselves right after their start. */
  readonly crashes: number;
}

export const calm: Weather = { fails: 0, delays: 0.05, hangs: 0, loses: 0, crashes: 0 };
export const stormy: Weather = { fails: 0.06, delays: 0.2, hangs: 0.01, loses: 0.05, crashes: 0.05 };

/** The containers of one engine, and what happens to them. */
export interface SimEngine {
  readonly name: string;
  readonly boxes: ReadonlyMap<string, Box>;
  weather: Weather;
  readonly isLost: boolean;
  looks(): readonly Look[];
  look(box: Box): Look;
  /** By any of its names. */
  find(ref: string): Box | undefined;
  /** As `find`, also while the engine does not have it. */
  known(ref: string): Box | undefined;
  start(box: Box): void;
  pause(box: Box): void;
  resume(box: Box): void;
  end(box: Box, how: { readonly asked: boolean; readonly exitCode: number; readonly restarts?: boolean }): void;
  setHealth(box: Box, health: EngineHealth): void;
  delete(box: Box): void;
  /** There (again) under a new identity. */
  create(box: Box): void;
  lose(): void;
  back(replay: boolean): void;
  relist(): void;
  /** From now on `observer` hears; null = nobody does. */
  observe(observer: ProviderObserver | null): void;
}

export interface SimEngineDeps {
  readonly name: string;
  readonly clock: HeapClock;
  readonly random: Random;
  readonly plans: readonly BoxPlan[];
  /** Something is delivered. */
  readonly count: () => void;
  /** Somebody was told what there is. */
  readonly onListed: () => void;
}

const relistMs = 60_000;
const missedMax = 200;
const lostFailure = { code: "PROVIDER_UNAVAILABLE", message: "not reachable" } as const;

export function createSimEngine({ name, clock, random, plans, count, onListed }: SimEngineDeps): SimEngine {
  const boxes = new Map(plans.map((plan) => [plan.name, createBox(plan)]));
  const byRef = new Map([...boxes.values()].flatMap((box) => box.plan.refs.map((ref) => [ref, box] as const)));
  const missed: Change[] = [];
  let observer: ProviderObserver | null = null;
  let isLost = false;
  let tellAt = 0;
  let cancelRelist = (): void => undefined;

  /** Whose network it uses is settled when it is made. */
  const join = (box: Box): void => void (box.networkOf = boxes.get(box.plan.network ?? "")?.id ?? null);
  boxes.forEach(join);

  const wallOf = (monotonic: number): number => clock.wall() - (clock.now() - monotonic);
  const looks = (): Look[] => [...boxes.values()].filter(({ exists }) => exists).map((box) => lookAt(box, wallOf));

  /** In order, at once or a moment later. */
  function deliver(run: (to: ProviderObserver) => void): void {
    const to = observer;
    const now = clock.now();
    tellAt = Math.max(tellAt, random.chance(0.7) ? now : now + random.between(1, 300));
    const tell = (): void => {
      if (to === null || to !== observer) return;
      count();
      run(to);
    };
    if (tellAt <= now) tell();
    else clock.after(tellAt - now, tell);
  }

  function tell(box: Box, change: Change): void {
    box.changedAt = clock.now();
    if (observer === null || isLost) {
      box.inDoubt = true;
      if (missed.length < missedMax) missed.push(change);
      return;
    }
    if (random.chance(engine.weather.loses)) box.inDoubt = true;
    else deliver((to) => to.changed(change));
  }

  function list(): void {
    if (isLost || observer === null) return;
    const found = looks();
    const settled = [...boxes.values()].filter(({ busy }) => busy === 0);
    const asked = clock.now();
    deliver((to) => {
      for (const box of boxes.values()) {
        const { isListed } = box;
        box.isListed = found.some(({ id }) => id === box.id);
        if (!isListed && box.isListed) box.listedAt = clock.now();
      }
      onListed();
      to.listed(found);
      for (const box of settled) if (box.changedAt <= asked) box.inDoubt = false;
      for (const box of boxes.values()) box.changedAt = Math.max(box.changedAt, asked);
    });
  }

  /** Keeps the times at which it stopped to be what it was. */
  function leave(box: Box): void {
    if (box.power === "running") box.ranUntil = clock.now();
    if (isHealthy(box)) box.healthyUntil = clock.now();
  }

  /** Runs later if it is still the same run. */
  function later(box: Box, ms: number, run: () => void): void {
    const { run: begun } = box;
    clock.after(ms, () => {
      if (box.run === begun && box.exists && box.power === "running") run();
    });
  }

  function begin(box: Box, kind: "started" | "resumed"): void {
    const { plan } = box;
    box.power = "running";
    box.exitCode = null;
    box.run++;
    if (kind === "started") {
      box.startedAt = clock.now();
      box.health = plan.hasHealth ? "starting" : "none";
    }
    tell(box, { kind, refs: plan.refs, at: clock.wall() });
    if (box.health === "starting") later(box, plan.healthyAfterMs, () => engine.setHealth(box, "healthy"));
    if (plan.runMs !== null) later(box, plan.runMs, () => engine.end(box, { asked: false, exitCode: 0 }));
    if (random.chance(engine.weather.crashes))
      later(box, random.span(1, 3_000), () => engine.end(box, { asked: false, exitCode: 1 }));
  }

  const rearm = (): void => {
    cancelRelist();
    if (observer !== null)
      cancelRelist = clock.after(relistMs, () => {
        list();
        rearm();
      });
  };

  const engine: SimEngine = {
    name,
    boxes,
    weather: calm,
    get isLost() {
      return isLost;
    },
    looks,
    look: (box) => lookAt(box, wallOf),
    find: (ref) => {
      const box = byRef.get(ref);
      return box?.exists === true ? box : undefined;
    },
    known: (ref) => byRef.get(ref),
    start: (box) => begin(box, "started"),
    resume: (box) => begin(box, "resumed"),
    pause(box) {
      leave(box);
      box.power = "paused";
      tell(box, { kind: "paused", refs: box.plan.refs, at: clock.wall() });
    },
    end(box, { asked, exitCode, restarts = false }) {
      leave(box);
      if (exitCode === 0) box.completedAt = clock.now();
      box.power = restarts ? "restarting" : "stopped";
      box.exitCode = exitCode;
      tell(box, { kind: "exited", refs: box.plan.refs, at: clock.wall(), asked, exitCode, restarts });
    },
    setHealth(box, health) {
      leave(box);
      box.health = health;
      tell(box, { kind: "health", refs: box.plan.refs, at: clock.wall(), health });
    },
    delete(box) {
      leave(box);
      box.exists = false;
      box.run++;
      tell(box, { kind: "deleted", refs: box.plan.refs, at: clock.wall() });
    },
    create(box) {
      box.exists = true;
      box.run++;
      box.id = `${box.plan.name}-${box.run}`;
      join(box);
      box.power = "stopped";
      box.startedAt = null;
      box.exitCode = null;
      box.health = box.plan.hasHealth ? "starting" : "none";
      box.changedAt = clock.now();
      list();
    },
    lose() {
      if (isLost) return;
      isLost = true;
      for (const box of boxes.values()) box.inDoubt = true;
      deliver((to) => to.link(lostFailure));
    },
    back(replay) {
      if (!isLost) return;
      isLost = false;
      deliver((to) => to.link(null));
      for (const change of missed.splice(0)) if (replay) deliver((to) => to.changed(change));
      list();
    },
    relist: list,
    observe(next) {
      observer = next;
      missed.length = 0;
      for (const box of boxes.values()) {
        box.inDoubt = true;
        // Who begins has not got any list.
        box.isListed = false;
      }
      onListed();
      rearm();
      if (next === null) return;
      deliver((to) => to.link(isLost ? lostFailure : null));
      list();
    },
  };
  return engine;
}
