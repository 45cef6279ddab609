import { type Failure, toFailure } from "../core/errors.ts";
import type { WakeStep } from "../core/journal.ts";
import type { Logger } from "../core/logger.ts";
import type { Change, EngineHealth, FollowOptions, Look, Provider } from "../core/provider.ts";
import type { UpstreamSpec, WorkloadSpec } from "../core/spec.ts";
import { type Command, type Input, type State, step } from "../core/state.ts";
import { createTallies, recordState, type Tallies } from "../core/tallies.ts";
import type { Reason } from "../core/verdict.ts";
import type { Outcome, SleepAnswer, WakeCause, WorkloadView } from "../core/workload-handle.ts";
import { type CommandQueue, createCommandQueue } from "./command-queue.ts";
import { isDependencyAway } from "./dependencies.ts";
import { fallAsleep, methodOf } from "./falling-asleep.ts";
import { pollOutput } from "./following.ts";
import { type SignalView, signalsOf } from "./looking.ts";
import { createMemberTurns, type AbleMember, type MemberTurns } from "./member-turns.ts";
import { listed, observe, reconcile } from "./observing.ts";
import { createSchedule, type Schedule } from "./schedule.ts";
import { createScope, type Scope } from "./scope.ts";
import { askedToSleep, backOff, noteDependants, reconsider, saveUse, sweep } from "./sleeping.ts";
import { entered, savedBytes } from "./transitions.ts";
import { viewOf } from "./view.ts";
import { createWaiters, type Waiters } from "./waiters.ts";
import { beginWake, originOf, readAddresses, seekAnew, seekSlowly, unhealthy } from "./waking.ts";
import {
  type Attempt,
  type Links,
  isGroup,
  noLinks,
  type Reading,
  type Stop,
  type Unit,
  type Watch,
  type Workload,
} from "./workload-parts.ts";
import type { WorkloadDeps } from "./workload-parts.ts";

const recheckEveryMs = 1_000;
const goneOutcome: Outcome = { kind: "failed", failure: { code: "GONE", message: "the engine no longer has it" } };
const noReasons: readonly Reason[] = [];
const noUpstreams: readonly UpstreamSpec[] = [];

/** Runs the state machine of one workload against its provider (design §9). */
export function createWorkload(spec: WorkloadSpec, deps: WorkloadDeps): Workload {
  return new WorkloadUnit(spec, deps);
}

/**
 * One workload for its whole life. A class because there may be 10,000: its functions are there once, and what a sleeper
 * does not need is made when it is needed. What doors read per request is plain data.
 */
class WorkloadUnit implements Unit {
  // What each request reads and writes comes first: it lies in one line of the processor's cache.
  allow = false;
  lastUsedAt: number;
  spec: WorkloadSpec;
  readonly deps: WorkloadDeps;
  state: State["name"] = "unknown";
  waiting = 0;
  dueAt = 0;
  savedUse: number;
  awakeSince: number;
  uncounted = 0;
  uncountedAt = Number.NEGATIVE_INFINITY;
  completedAt = Number.NEGATIVE_INFINITY;
  endedAt = Number.NEGATIVE_INFINITY;
  phase: State = { name: "unknown" };
  readonly tallies: Tallies;
  since: number;
  closed: Failure | null = null;
  look: Look | undefined = undefined;
  links: Links = noLinks;
  reasons: readonly Reason[] = noReasons;
  watch: Watch | null = null;
  attempt: Attempt | null = null;
  stop: Stop | null = null;
  addresses: Map<string, string> | null = null;
  schedule: Schedule | null = null;
  insists = false;
  reading: Reading | null = null;
  step: WakeStep | null = null;
  lastExit: { readonly asked: boolean; readonly exitCode: number | null } | null = null;
  exits: number[] | null = null;
  wokenFor: number | null = null;
  wokenAt: number | null = null;
  #turn = 0;
  #memberTurns: MemberTurns | null = null;
  #handOver: "url" | "docker" | "auto" = "url";
  #recheckedAt: number | null = null;
  /** It is on its way down and up again because somebody asked for that. */
  #restarting = false;
  #routeUpstreams: readonly UpstreamSpec[] = noUpstreams;
  #scope: Scope | null = null;
  #queue: CommandQueue | null = null;
  #waiters: Waiters | null = null;
  #calls: AbortController | null = null;
  #callsSignal: AbortSignal | null = null;
  #logger: Logger | null = null;
  #listeners: Set<() => void> | null = null;

  constructor(spec: WorkloadSpec, deps: WorkloadDeps) {
    const { clock, store } = deps;
    this.spec = spec;
    this.deps = deps;
    const remembered = store.lastUsed(spec.alias);
    this.lastUsedAt =
      remembered === null ? Number.NEGATIVE_INFINITY : clock.now() - Math.max(0, clock.wall() - remembered);
    this.savedUse = this.lastUsedAt;
    this.awakeSince = clock.now();
    this.since = clock.wall();
    this.tallies = createTallies(clock.now());
    this.#readSchedule();
  }

  get provider(): Provider {
    return this.deps.provider;
  }

  touch(now: number): void {
    this.lastUsedAt = now;
  }

  pass(now: number): void {
    this.uncounted++;
    this.uncountedAt = now;
  }

  wake(cause: WakeCause): boolean {
    const { clock } = this.deps;
    const insist = cause === "person" || cause === "retry";
    this.insists = insist;
    if (insist) this.touch(clock.now());
    const before = this.phase;
    this.dispatch({ type: "wake", insist, dependenciesReady: !isDependencyAway(this) });
    // Nothing else answers a wake within the call: a changed state is its start, or its place behind a stop.
    return this.phase !== before;
  }

  settled(signal: AbortSignal): Promise<Outcome> {
    const now = this.#settledNow();
    if (now !== null) return Promise.resolve(now);
    this.#waiters ??= createWaiters(this.deps.defer, (count) => (this.waiting = count));
    return this.#waiters.wait(signal);
  }

  sleep(options: { readonly force: boolean; readonly reason: string | null }): Promise<SleepAnswer> {
    return askedToSleep(this, options);
  }

  restart(reason: string | null): void {
    // Paused and resumed it would be the same process as before.
    const method = methodOf(this, this.spec.stopMethod === "kill" ? "kill" : "stop");
    const reasons: Reason[] = [{ signal: "asked", verdict: "waits", text: reason ?? "restart asked by a person" }];
    // Asked twice is asked once: a client that got no answer may ask again.
    if (this.spec.sleeps && !this.#restarting) {
      this.stop = { method, reasons, memoryBytes: null };
      this.dispatch({ type: "sleep" });
      this.#restarting = this.phase.name === "stopping";
    }
    this.wake("person");
  }

  pin(until: number | null): void {
    this.deps.store.savePin(this.spec.alias, until);
    reconsider(this);
    if (until !== null) this.wake("person");
  }

  recheck(): void {
    const now = this.deps.clock.now();
    if (this.#recheckedAt !== null && now - this.#recheckedAt < recheckEveryMs) return;
    this.#recheckedAt = now;
    reconcile(this);
  }

  requireDockerHandOver(by: "docker" | "auto"): void {
    if (this.#handOver !== "docker") this.#handOver = by;
  }

  get dockerHandOver(): boolean {
    if (this.#handOver !== "auto") return this.#handOver === "docker";
    return this.deps.handOver?.isLed(this.spec.alias) !== true;
  }

  async logs(lines: number, signal: AbortSignal): Promise<readonly string[]> {
    try {
      return await this.deps.provider.logs(this.spec.ref, { lines, signal });
    } catch (error) {
      this.logger().debug("logs not readable", { error: toFailure(error).message });
      return [];
    }
  }

  follow(options: FollowOptions): AsyncIterable<string> {
    const { provider, clock } = this.deps;
    const { ref } = this.spec;
    return provider.follow?.(ref, options) ?? pollOutput({ provider, clock, ref }, options);
  }

  view(): WorkloadView {
    return viewOf(this);
  }

  signals(): readonly SignalView[] {
    return signalsOf(this);
  }

  observe(change: Change): void {
    observe(this, change);
  }

  listed(look: Look | undefined): void {
    listed(this, look);
  }

  saveUse(): void {
    saveUse(this);
  }

  sweep(now: number): void {
    sweep(this, now);
  }

  update(next: WorkloadSpec, upstreams: readonly UpstreamSpec[]): void {
    const routes = this.#routeUpstreams;
    const same = upstreams.length === routes.length && upstreams.every((each, at) => each === routes[at]);
    if (next === this.spec && same) return;
    const question = (): string => JSON.stringify([this.spec.ready, this.upstreams()]);
    const before = question();
    const isNew = next !== this.spec;
    this.spec = next;
    this.#routeUpstreams = upstreams;
    if (isNew) {
      this.#readSchedule();
      reconsider(this);
    }
    if (question() !== before) this.restarted();
  }

  link(links: Links): void {
    this.links = links;
    this.neighbourChanged();
  }

  neighbourChanged(): void {
    noteDependants(this);
    reconsider(this);
    this.#refreshAllow();
    // Whether it runs follows from its members.
    if (isGroup(this.spec) && this.closed === null) reconcile(this);
  }

  get locating(): Promise<void> | null {
    if (this.spec.kind !== "group") return this.reading?.firstTry ?? null;
    return this.links.dependencies.find(({ workload }) => workload.locating !== null)?.workload.locating ?? null;
  }

  get isAwake(): boolean {
    const { phase } = this;
    if (phase.name === "stopping") return phase.from !== "asleep";
    if (phase.name === "error") return phase.running;
    return phase.name !== "napping" && phase.name !== "gone";
  }

  origin(upstream: UpstreamSpec | null, passed?: ReadonlySet<string>): string | null {
    const own = originOf(this, upstream);
    return own === null && this.spec.kind === "group" ? this.#memberOrigin(passed) : own;
  }

  origins(): readonly string[] {
    return this.upstreams().flatMap((upstream) => originOf(this, upstream) ?? []);
  }

  ports(): readonly number[] | null {
    const ports = this.upstreams().map((upstream) => (upstream.kind === "port" ? upstream.port : null));
    const known = ports.filter((port) => port !== null);
    if (known.length < ports.length || known.length === 0) return null;
    // An image names what it serves: a session of ssh beside a page is use too.
    return [...known, ...(this.look?.ports ?? [])];
  }

  upstreams(): readonly UpstreamSpec[] {
    const { upstream } = this.spec;
    return upstream === null ? this.#routeUpstreams : [upstream, ...this.#routeUpstreams];
  }

  close(why: Failure): void {
    // `allow` stays: what is ready goes on answering while nodoff leaves.
    this.closed = why;
    saveUse(this);
    this.#calls?.abort();
    this.#scope?.end();
    this.reading?.scope.end();
    this.#waiters?.release({ kind: "failed", failure: why });
    this.announce();
  }

  dispatch(input: Input): void {
    if (this.closed !== null) return;
    const next = step(this.phase, input, this.spec, this.deps.clock.now());
    if (next.state !== this.phase) this.#enter(next.state, input);
    for (const command of next.commands) this.#carryOut(command);
  }

  scope(): Scope {
    return (this.#scope ??= createScope(this.deps.clock));
  }

  queue(): CommandQueue {
    return (this.#queue ??= createCommandQueue());
  }

  calls(): AbortSignal {
    this.#calls ??= new AbortController();
    return (this.#callsSignal ??= AbortSignal.any([this.deps.shutdown, this.#calls.signal]));
  }

  logger(): Logger {
    return (this.#logger ??= this.deps.logger.child({ alias: this.spec.alias, provider: this.deps.provider.name }));
  }

  tell(
    step: WakeStep,
    message: string,
    more: { readonly failure?: Failure; readonly etaMs?: number | null } = {},
  ): void {
    if (step !== "error") this.step = step;
    const { failure, etaMs } = more;
    const eta = etaMs === undefined || etaMs === null ? {} : { etaMs };
    const failed = failure === undefined ? {} : { failure };
    this.deps.journal.publish({ type: "wake", alias: this.spec.alias, step, message, ...failed, ...eta });
  }

  changed(signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.closed !== null) return Promise.resolve();
    const listeners = (this.#listeners ??= new Set());
    return new Promise((resolve) => {
      const end = (): void => {
        listeners.delete(end);
        signal.removeEventListener("abort", end);
        resolve();
      };
      listeners.add(end);
      signal.addEventListener("abort", end, { once: true });
    });
  }

  announce(): void {
    for (const listener of this.#listeners ?? []) listener();
  }

  /** Where it answers, or what is asked of it, may be another thing now. */
  restarted(): void {
    if (this.state === "ready") readAddresses(this);
    else seekAnew(this);
  }

  engineHealth(): EngineHealth | null {
    return this.look?.health ?? null;
  }

  unhealthy(): void {
    unhealthy(this);
  }

  wallOf(monotonic: number): number {
    const { clock } = this.deps;
    return Math.round(clock.wall() - (clock.now() - monotonic));
  }

  memberOrigins(): readonly string[] {
    return this.#readyMembers().map(({ origin }) => origin);
  }

  #readyMembers(): readonly AbleMember[] {
    if (this.spec.kind !== "group") return [];
    return this.links.dependencies.flatMap(({ workload }) => {
      const origin = workload.allow ? workload.origin(null) : null;
      return origin === null ? [] : { alias: workload.spec.alias, origin };
    });
  }

  /** In turn over the members that are ready, and healthy as far as somebody looks. */
  #memberOrigin(passed?: ReadonlySet<string>): string | null {
    const { takesTraffic = () => true } = this.deps;
    const { alias, memberWeights } = this.spec;
    const ready = this.#readyMembers();
    const healthy = ready.filter(({ origin }) => passed?.has(origin) !== true && takesTraffic(alias, origin));
    // Where none is healthy, any may be as good as the others.
    const able = healthy.length > 0 ? healthy : ready;
    if (memberWeights === undefined) return able[this.#turn++ % able.length]?.origin ?? null;
    if (this.#memberTurns?.weights !== memberWeights) this.#memberTurns = createMemberTurns(memberWeights);
    return this.#memberTurns.next(able);
  }

  #readSchedule(): void {
    this.schedule = this.spec.schedule === null ? null : createSchedule(this.spec.schedule);
  }

  #enter(next: State, input: Input): void {
    const { clock, journal } = this.deps;
    const before = this.phase;
    // A wake queued behind a stop must not end that stop.
    if (before.name !== "stopping" || next.name !== "stopping") {
      this.#scope?.end();
      this.#scope = null;
      this.reading?.scope.end();
      this.reading = null;
    }
    this.phase = next;
    this.state = next.name;
    if (next.name !== "stopping" && next.name !== "starting") this.#restarting = false;
    this.dueAt = 0;
    recordState(this.tallies, next, clock.now(), savedBytes(this));
    if (before.name === next.name) return;
    this.since = clock.wall();
    entered(this, before, input);
    this.#refreshAllow();
    this.announce();
    if (before.name === "unknown") for (const dependant of this.links.dependants) dependant.neighbourChanged();
    this.logger().debug("state changed", { from: before.name, to: next.name, input: input.type });
    const message = `${before.name} → ${next.name}`;
    const failure = next.name === "error" ? { failure: next.failure } : {};
    const transient = before.name === "unknown" ? ({ transient: true } as const) : {};
    journal.publish({ type: "state", alias: this.spec.alias, message, state: next.name, ...failure, ...transient });
    for (const { workload } of this.links.dependencies) workload.neighbourChanged();
  }

  #refreshAllow(): void {
    const allow = this.phase.name === "ready" && !isDependencyAway(this);
    if (allow === this.allow) return;
    this.allow = allow;
    this.announce();
    for (const dependant of this.links.dependants) dependant.neighbourChanged();
  }

  #carryOut(command: Command): void {
    const { clock } = this.deps;
    switch (command.type) {
      case "start":
        // Whoever wakes it wants to use it, counted or not: it gets a full idle period.
        this.touch(clock.now());
        return beginWake(this, true);
      case "probe":
        return beginWake(this, false);
      case "probe_slowly":
        return seekSlowly(this);
      case "sleep":
        return void fallAsleep(this);
      case "retry_sleep":
        return backOff(this);
      case "look":
        return reconcile(this);
      case "count_as_used":
        return this.touch(clock.now());
      case "release":
        return this.#waiters?.release(toOutcome(command));
    }
  }

  #settledNow(): Outcome | null {
    if (this.closed !== null) return { kind: "failed", failure: this.closed };
    switch (this.phase.name) {
      case "ready":
        return { kind: "ready" };
      case "error":
        return { kind: "failed", failure: this.phase.failure };
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
}

function toOutcome(command: Command & { type: "release" }): Outcome {
  if (command.with === "ready") return { kind: "ready" };
  if (command.with === "change" || command.failure === undefined) return { kind: "changed" };
  return { kind: "failed", failure: command.failure };
}
