import type { HealthView } from "../core/health.ts";
import { nextCheckAt, phaseMs, retryDelayMs, slowedMs } from "../core/health.ts";
import type { HealthHistory, HealthPeriod } from "../core/health-history.ts";
import type { Route, RouteChanges, RouteDirectory } from "../core/route.ts";
import { createArchive } from "./archive.ts";
import { checksFor, type RoundDeps, type RoundResult, runRound } from "./round.ts";
import { createSchedule, type Turn } from "./schedule.ts";
import { createTargets, type TargetListener } from "./targets.ts";
import { createTelling, type TellingDeps } from "./telling.ts";
import { createWatched, isChecked, isWatched, toInput, toUnwatchedView, toView, type Watched } from "./watched.ts";

export interface HealthMonitorDeps extends RoundDeps, TellingDeps {
  readonly routes: RouteDirectory;
  /** Told when the first check after a wake is to be tried again. */
  readonly onRetry?: (route: Route, retry: Retry) => void;
  /** Told before each round of a route. */
  readonly asking?: (route: Route) => void;
  /** Origins a route leads to; by default the one it has. */
  readonly targets?: (route: Route) => readonly string[];
}

/** One more try of the first check after a wake: the `attempt`th (from 1), after `delayMs`, because of `detail`. */
export interface Retry {
  readonly attempt: number;
  readonly delayMs: number;
  readonly detail: string | null;
}

/** Watches the health of every route (design §10). Never wakes anything, never counts as use. */
export interface HealthMonitor {
  /** Begins with every route there is, then follows them. Called again it does nothing. */
  start(): void;
  /** Ends the checks under way and waits for their end. For good; called again it answers the same. */
  stop(): Promise<void>;
  view(alias: string): HealthView | undefined;
  views(): Iterable<{ readonly alias: string; readonly view: HealthView }>;
  history(alias: string, period: HealthPeriod): HealthHistory | undefined;
  /**
   * Checks now, or waits for the check under way. What is not checked at present (asleep, disabled) stays so: the view
   * is all there is. undefined: no such route.
   */
  forceCheck(alias: string): Promise<HealthView | undefined>;
  /** Checks every route that is checked at present, with the cap. */
  checkAll(): Promise<void>;
  /** The engine's own check says something new about a workload. */
  engineChanged(workload: string): void;
  /** Whether one target of a workload's routes may be given traffic; yes where nobody watches it. Asked per request. */
  takesTraffic(workload: string, target: string): boolean;
  /** Told when the healthy targets of a route with several change, also because it has others now. Returns the end. */
  onHealthyTargets(listener: TargetListener): () => void;
  /** Checks under way. */
  readonly inFlight: number;
}

const maxInFlight = 64;
/** An address that is not known yet is asked for again after this long. */
const addressRetryMs = 1_000;

export function createHealthMonitor(deps: HealthMonitorDeps): HealthMonitor {
  const { clock, logger, journal, store, routes } = deps;
  const watched = new Map<string, Watched>();
  const byWorkload = new Map<string, Set<Watched>>();
  const schedule = createSchedule<Watched>({ clock, maxInFlight, turn });
  const archive = createArchive({ clock, store, watched: () => watched.values() });
  const targetHealth = createTargets(logger);
  const feed = createTelling({ ...deps, archive });
  let ends: (() => void)[] | null = null;
  let stopped: Promise<void> | null = null;

  const targetsOf = (route: Route): readonly string[] => {
    if (deps.targets !== undefined) return deps.targets(route);
    const origin = route.upstream();
    return origin === null ? [] : [origin];
  };

  function turn(each: Watched, now: number): Turn | null {
    const targets = targetsOf(each.route);
    if (now < each.slowUntil && each.slowFor === targets.join(" ")) {
      planNext(each, now);
      return null;
    }
    // Being read from the engine: no reason to call it an error yet.
    const patience = Math.max(each.state.graceUntil, each.state.since + each.route.spec.health.startGraceMs);
    const mayCome = targets.length === 0 && each.route.spec.files === undefined;
    if (mayCome && now < patience) {
      schedule.plan(each, now + addressRetryMs);
      return null;
    }
    targetHealth.sync(each, targets);
    const checks = checksFor(each.route, targets, each.checks, deps);
    each.checks = checks;
    return {
      places: Math.max(1, targets.length),
      async run(signal) {
        deps.asking?.(each.route);
        const result = await runRound(checks, { signal, clock });
        return () => record(each, result, targets);
      },
    };
  }

  function record(each: Watched, { whole, byTarget }: RoundResult, targets: readonly string[]): void {
    const { alias } = each.route.spec;
    const { outcome, detail, latencyMs } = whole;
    const wall = clock.wall();
    const errorsBefore = each.state.errors;
    each.detail = detail;
    each.latencyMs = latencyMs;
    if (latencyMs !== null) archive.latency(each, latencyMs);
    if (logger.debugEnabled) logger.debug("checked", { alias, outcome: outcome.kind, detail, latency_ms: latencyMs });
    targetHealth.record(each, byTarget);
    feed(each, { type: "checked", outcome });
    if (outcome.kind === "pass") {
      each.lastSeenAt = wall;
      each.attempt = null;
    }
    pace(each, errorsBefore, targets);
    // Planned meanwhile for something new: that stands.
    if (each.dueAt === Number.POSITIVE_INFINITY) planNext(each, clock.now());
  }

  function planNext(each: Watched, now: number): void {
    const { health } = each.route.spec;
    const attempt = each.attempt === null ? null : ++each.attempt;
    const delayMs = attempt === null ? null : retryDelayMs(health.retry, attempt);
    if (attempt !== null && delayMs !== null) {
      deps.onRetry?.(each.route, { attempt, delayMs, detail: each.detail });
      return schedule.plan(each, now + delayMs);
    }
    each.attempt = null;
    schedule.plan(each, nextCheckAt(now, health.intervalMs, each.phase));
  }

  /** Slows down what cannot be checked, and says so; goes back by itself. */
  function pace(each: Watched, errorsBefore: number, targets: readonly string[]): void {
    const { alias, health } = each.route.spec;
    const slowMs = slowedMs(each.state.errors, health.intervalMs);
    const wasSlow = slowedMs(errorsBefore, health.intervalMs) > 0;
    each.slowUntil = slowMs === 0 ? Number.NEGATIVE_INFINITY : clock.now() + slowMs;
    each.slowFor = slowMs === 0 ? "" : targets.join(" ");
    const facts = { alias, detail: each.detail };
    if (slowMs > 0 && !wasSlow) logger.error("monitor slowed: checks cannot be made", { ...facts, next_in_ms: slowMs });
    if (slowMs === 0 && wasSlow) logger.info("monitor back at its pace", facts);
  }

  /** Takes over what the workload of a route does now. What is under way counts for nobody. */
  function follow(each: Watched): void {
    const { workload } = each.route;
    const before = each.workloadState;
    each.workloadState = workload?.state ?? null;
    schedule.leave(each);
    each.checks = null;
    each.latencyMs = null;
    each.slowUntil = Number.NEGATIVE_INFINITY;
    each.detail = workload?.state === "error" ? (workload.view().failure?.message ?? null) : null;
    const input = toInput(each, before);
    feed(each, input);
    each.attempt = input.type === "woken" ? 0 : null;
    if (isChecked(each.route)) schedule.plan(each, clock.now());
  }

  function add(route: Route): void {
    const { alias, workload } = route.spec;
    if (!isWatched(route)) return;
    const each = createWatched(route, clock, store.isDown(alias));
    watched.set(alias, each);
    if (workload !== null) byWorkload.set(workload, (byWorkload.get(workload) ?? new Set()).add(each));
    follow(each);
  }

  function remove(each: Watched): void {
    const { alias, workload } = each.route.spec;
    watched.delete(alias);
    const siblings = workload === null ? undefined : byWorkload.get(workload);
    siblings?.delete(each);
    if (workload !== null && siblings?.size === 0) byWorkload.delete(workload);
    schedule.leave(each);
    feed(each, { type: "stopped" });
    archive.save(each);
    targetHealth.clear(each);
  }

  /** Only what is asked, or where, is another now: what is known of the route stays. */
  function change(each: Watched, route: Route): void {
    if (each.route.workload !== route.workload || !isWatched(route)) {
      remove(each);
      return add(route);
    }
    const { fall, rise } = each.route.spec.health;
    if (fall !== route.spec.health.fall || rise !== route.spec.health.rise) each.targets = null;
    each.route = route;
    each.phase = phaseMs(route.spec.alias, route.spec.health.intervalMs);
    each.slowUntil = Number.NEGATIVE_INFINITY;
    if (isChecked(route)) schedule.plan(each, clock.now());
  }

  function routesChanged({ added, changed, removed }: RouteChanges): void {
    for (const alias of removed) {
      const each = watched.get(alias);
      if (each === undefined) continue;
      remove(each);
      // What is kept for a workload goes with the workload.
      if (each.route.spec.workload !== alias) journal.forget(alias);
    }
    for (const alias of [...changed, ...added]) {
      const [each, route] = [watched.get(alias), routes.get(alias)];
      if (route === undefined) continue;
      if (each === undefined) add(route);
      else change(each, route);
    }
    schedule.begin();
  }

  function workloadChanged(alias: string, then: (each: Watched) => void): void {
    for (const each of byWorkload.get(alias) ?? []) then(each);
    schedule.begin();
  }

  function view(alias: string): HealthView | undefined {
    const each = watched.get(alias);
    if (each !== undefined) return toView(each, clock.now());
    const route = routes.get(alias);
    return route === undefined ? undefined : toUnwatchedView(route);
  }

  function force(each: Watched): Promise<void> {
    each.slowUntil = Number.NEGATIVE_INFINITY;
    return schedule.now(each);
  }

  async function stop(finish: readonly (() => void)[]): Promise<void> {
    for (const end of finish) end();
    for (const each of watched.values()) remove(each);
    await schedule.stop();
  }

  return {
    start() {
      if (ends !== null) return;
      const followed = journal.subscribe(({ type, alias }) => {
        if (type === "state" && alias !== null) workloadChanged(alias, follow);
      });
      ends = [routes.subscribe(routesChanged), followed, archive.stop];
      archive.start();
      for (const route of routes.routes()) add(route);
      schedule.begin();
    },
    stop: () => (stopped ??= stop(ends ?? [])),
    view,
    *views() {
      if (ends === null || stopped !== null) return;
      for (const { spec } of routes.routes()) {
        const now = view(spec.alias);
        if (now !== undefined) yield { alias: spec.alias, view: now };
      }
    },
    history(alias, period) {
      const each = watched.get(alias);
      return each === undefined ? undefined : archive.history(each, period);
    },
    async forceCheck(alias) {
      const each = watched.get(alias);
      if (each === undefined) return view(alias);
      if (isChecked(each.route)) await force(each);
      return toView(each, clock.now());
    },
    async checkAll() {
      await Promise.all([...watched.values()].filter(({ route }) => isChecked(route)).map(force));
    },
    engineChanged(workload) {
      workloadChanged(workload, (each) => {
        each.slowUntil = Number.NEGATIVE_INFINITY;
        if (isChecked(each.route)) schedule.plan(each, clock.now());
      });
    },
    takesTraffic(workload, target) {
      for (const { targets } of byWorkload.get(workload) ?? [])
        if (targets?.stats(target)?.healthy === false) return false;
      return true;
    },
    onHealthyTargets: targetHealth.subscribe,
    get inFlight() {
      return schedule.inFlight;
    },
  };
}
