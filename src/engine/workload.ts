import { type Failure, toFailure } from "../core/errors.ts";
import type { UpstreamSpec, WorkloadSpec } from "../core/spec.ts";
import { type Command, type Input, type State, step } from "../core/state.ts";
import { createTallies, recordState } from "../core/tallies.ts";
import type { Outcome, WakeCause, WorkloadView } from "../core/workload-handle.ts";
import { createCommandQueue } from "./command-queue.ts";
import { createObserving } from "./observing.ts";
import { createScope } from "./scope.ts";
import { createSleeping } from "./sleeping.ts";
import { createWaiters } from "./waiters.ts";
import { createWaking } from "./waking.ts";
import type { Shared, Workload, WorkloadDeps } from "./workload-parts.ts";

const recheckEveryMs = 1_000;
const goneOutcome: Outcome = { kind: "failed", failure: { code: "GONE", message: "the engine no longer has it" } };

/**
 * Runs the state machine of one workload against its provider (design §9). This file owns the state; what is under way
 * in it lives in waking.ts, sleeping.ts and observing.ts.
 */
export function createWorkload(first: WorkloadSpec, deps: WorkloadDeps): Workload {
  const { clock, journal, provider } = deps;
  const logger = deps.logger.child({ alias: first.alias, provider: provider.name });
  const waiters = createWaiters(deps.defer, (count) => (handle.waiting = count));
  let routeUpstreams: readonly UpstreamSpec[] = [];
  let calls: AbortController | null = null;
  let callsSignal: AbortSignal | null = null;
  let state: State = { name: "unknown" };
  let scope = createScope(clock);
  let since = clock.wall();
  /** Why it was closed; null while it is open. */
  let closed: Failure | null = null;
  let wokenAt: number | null = null;
  let recheckedAt = Number.NEGATIVE_INFINITY;

  const shared: Shared = {
    ...deps,
    logger,
    queue: createCommandQueue(),
    tallies: createTallies(clock.now()),
    calls() {
      calls ??= new AbortController();
      // Made when first needed: most of 10,000 workloads may never be woken.
      return (callsSignal ??= AbortSignal.any([deps.shutdown, calls.signal]));
    },
    spec: () => handle.spec,
    upstreams() {
      const { upstream } = handle.spec;
      return upstream === null ? routeUpstreams : [upstream, ...routeUpstreams];
    },
    state: () => state,
    scope: () => scope,
    dispatch,
    tell(wakeStep, message, { failure, etaMs } = {}) {
      const eta = etaMs === undefined || etaMs === null ? {} : { etaMs };
      const failed = failure === undefined ? {} : { failure };
      journal.publish({ type: "wake", alias: handle.spec.alias, step: wakeStep, message, ...failed, ...eta });
    },
  };
  const observing = createObserving({
    ...shared,
    startPending: () => waking.startPending(),
    unhealthy: () => waking.unhealthy(),
    restarted: lookAgain,
  });
  const { look, looked, remember, reconcile, wakeBegins } = observing;
  const waking = createWaking({ ...shared, look, looked, remember, reconcile, wakeBegins });
  /**
   * What doors hold. Every field is plain data and the functions read per request belong to all handles alike: with
   * 10,000 of them each step through a closure or an accessor is a miss of the processor's cache.
   */
  const handle: Handle = {
    spec: first,
    allow: false,
    state: "unknown",
    waiting: 0,
    lastUsedAt: rememberedUse(first.alias, deps),
    dueAt: 0,
    touch,
    tallies: shared.tallies,
    wake,
    settled,
    recheck,
    requireDockerHandOver: waking.requireDockerHandOver,
    logs,
    view,
    observe: observing.observe,
    listed: observing.listed,
    sweep: (now) => sleeping.sweep(now),
    update,
    origin: waking.origin,
    engineHealth: () => look()?.health ?? null,
    close,
  };
  const sleeping = createSleeping({ ...shared, lookNow: look, use: handle });

  function dispatch(input: Input): void {
    if (closed !== null) return;
    const next = step(state, input, handle.spec, clock.now());
    if (next.state !== state) enter(next.state, input);
    for (const command of next.commands) carryOut(command);
  }

  function enter(next: State, input: Input): void {
    const before = state;
    // A wake queued behind a stop must not end that stop.
    if (before.name !== "stopping" || next.name !== "stopping") {
      scope.end();
      scope = createScope(clock);
    }
    state = next;
    handle.state = next.name;
    handle.allow = next.name === "ready";
    handle.dueAt = 0;
    recordState(shared.tallies, next, clock.now());
    if (before.name === next.name) return;
    since = clock.wall();
    if (next.name === "ready") entersReady(before, input);
    if (next.name === "error") entersError(before, next.failure);
    if (next.name === "napping" || next.name === "gone") waking.forgetAddresses();
    logger.debug("state changed", { from: before.name, to: next.name, input: input.type });
    const message = `${before.name} → ${next.name}`;
    const failure = next.name === "error" ? { failure: next.failure } : {};
    journal.publish({ type: "state", alias: handle.spec.alias, message, state: next.name, ...failure });
  }

  function entersReady(before: State, input: Input): void {
    // A refused stop is no new beginning.
    if (before.name !== "stopping") sleeping.awake(clock.now());
    if (input.type !== "readiness_passed") {
      // Adopted as it stood, or not stopped after all: nobody has asked where it answers.
      return waking.readAddresses();
    }
    wokenAt = clock.wall();
    logger.info("ready", { took_ms: Math.round(clock.now() - waking.begunAt) });
    waking.ended(null);
    shared.tell("ready", "ready");
  }

  function entersError(before: State, failure: Failure): void {
    const message = before.name === "starting" ? "wake failed" : "ended by itself";
    logger.error(message, { code: failure.code, error: failure.message });
    if (before.name === "starting") waking.ended(failure);
    sleeping.awake(clock.now());
    shared.tell("error", failure.message, { failure });
  }

  function carryOut(command: Command): void {
    switch (command.type) {
      case "start":
        // Whoever wakes it wants to use it, counted or not: it gets a full idle period.
        handle.touch(clock.now());
        return waking.begin(true);
      case "probe":
        return waking.begin(false);
      case "probe_slowly":
        return waking.seekSlowly();
      case "sleep":
        return void sleeping.fallAsleep();
      case "retry_sleep":
        return sleeping.backOff();
      case "look":
        return observing.reconcile();
      case "count_as_used":
        return handle.touch(clock.now());
      case "release":
        return waiters.release(toOutcome(command));
    }
  }

  /** Where it answers, or what is asked of it, may be another thing now. */
  function lookAgain(): void {
    if (handle.allow) waking.readAddresses();
    else waking.seekAnew();
  }

  function settledNow(): Outcome | null {
    if (closed !== null) return { kind: "failed", failure: closed };
    switch (state.name) {
      case "ready":
        return { kind: "ready" };
      case "error":
        return { kind: "failed", failure: state.failure };
      case "gone":
        return goneOutcome;
      case "napping":
        return { kind: "changed" };
      case "unknown":
      case "starting":
      case "stopping":
        return null;
    }
  }

  function wallOf(monotonic: number): number {
    return Math.round(clock.wall() - (clock.now() - monotonic));
  }

  function etaMs(): number | null {
    const estimate = waking.estimateMs();
    if (estimate === null || state.name === "ready") return null;
    return state.name === "starting" ? Math.max(0, estimate - (clock.now() - waking.begunAt)) : estimate;
  }

  function view(): WorkloadView {
    const awake = state.name === "ready" || (state.name === "error" && state.running);
    const outlook = awake ? sleeping.outlook() : null;
    const { lastUsedAt } = handle;
    return {
      state: state.name,
      since,
      reasons: outlook?.reasons ?? sleeping.reasons(),
      lastUsedAt: lastUsedAt === Number.NEGATIVE_INFINITY ? null : wallOf(lastUsedAt),
      sleepsAt: outlook === null || outlook.sleepAt === null ? null : wallOf(outlook.sleepAt),
      wokenAt,
      etaMs: etaMs(),
      failure: state.name === "error" ? state.failure : null,
      nextTryAt: state.name === "error" ? wallOf(state.nextTryAt) : null,
    };
  }

  function wake(cause: WakeCause): boolean {
    const insist = cause !== "request";
    if (insist) handle.touch(clock.now());
    const before = state;
    dispatch({ type: "wake", insist, dependenciesReady: true });
    // Nothing else answers a wake within the call: a changed state is its start, or its place behind a stop.
    return state !== before;
  }

  function settled(signal: AbortSignal): Promise<Outcome> {
    const now = settledNow();
    return now === null ? waiters.wait(signal) : Promise.resolve(now);
  }

  function recheck(): void {
    const now = clock.now();
    if (now - recheckedAt < recheckEveryMs) return;
    recheckedAt = now;
    observing.reconcile();
  }

  async function logs(lines: number, signal: AbortSignal): Promise<readonly string[]> {
    try {
      return await provider.logs(handle.spec.ref, { lines, signal });
    } catch (error) {
      logger.debug("logs not readable", { error: toFailure(error).message });
      return [];
    }
  }

  function update(next: WorkloadSpec, upstreams: readonly UpstreamSpec[]): void {
    const same =
      upstreams.length === routeUpstreams.length && upstreams.every((each, at) => each === routeUpstreams[at]);
    if (next === handle.spec && same) return;
    const question = (): string => JSON.stringify([handle.spec.ready, shared.upstreams()]);
    const before = question();
    if (next !== handle.spec) sleeping.reconsider();
    handle.spec = next;
    routeUpstreams = upstreams;
    if (question() !== before) lookAgain();
  }

  function close(why: Failure): void {
    // `allow` stays: what is ready goes on answering while nodoff leaves.
    closed = why;
    sleeping.save();
    calls?.abort();
    scope.end();
    waiters.release({ kind: "failed", failure: why });
  }

  return handle;
}

/** The handle as its owner sees it: the same object, its data writable. */
type Handle = { -readonly [Key in keyof Workload]: Workload[Key] };

function touch(this: Handle, now: number): void {
  this.lastUsedAt = now;
}

function rememberedUse(alias: string, { clock, store }: WorkloadDeps): number {
  const remembered = store.lastUsed(alias);
  return remembered === null ? Number.NEGATIVE_INFINITY : clock.now() - Math.max(0, clock.wall() - remembered);
}

function toOutcome(command: Command & { type: "release" }): Outcome {
  if (command.with === "ready") return { kind: "ready" };
  if (command.with === "change" || command.failure === undefined) return { kind: "changed" };
  return { kind: "failed", failure: command.failure };
}
