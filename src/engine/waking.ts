import { type Failure, NodoffError, toFailure } from "../core/errors.ts";
import type { Look } from "../core/provider.ts";
import type { UpstreamSpec } from "../core/spec.ts";
import { recordWake } from "../core/tallies.ts";
import { wakeDependencies } from "./dependencies.ts";
import { remember, reconcile } from "./observing.ts";
import { createScope, type Scope } from "./scope.ts";
import { pause, resolveUpstream, untilReady } from "./until-ready.ts";
import type { Attempt, Reading, Search, Unit } from "./workload-parts.ts";

/** Probing begins at the latest so long after the start was sent: some engines answer late. */
const probeEarlyMs = 300;
/** An address that cannot be read is asked for again so often. */
const addressRetryMs = 5_000;
/** Who asks for an address that is being read waits so long at most. */
const firstTryMs = 2_000;

/** Wakes its dependencies, starts it (or resumes it), then probes; with `start` false only probes what runs already. */
export function beginWake(unit: Unit, start: boolean): void {
  const scope = unit.scope();
  const now = unit.deps.clock.now();
  const attempt: Attempt = {
    scope,
    begunAt: now,
    ours: start,
    startedAt: now,
    pending: start,
    resumed: false,
    lastMiss: start ? "the engine has not answered the start" : "no answer yet",
    search: null,
  };
  unit.attempt = attempt;
  unit.addresses = null;
  if (!start) {
    scope.after(unit.spec.wakeTimeoutMs, () => timeOut(unit, attempt));
    unit.tell("waiting_ready", "found running, waiting until it answers");
    return seek(unit, attempt, { pace: "eager", startedAt: startedAtOf(unit) });
  }
  // How the last run ended no longer matters.
  unit.lastExit = null;
  unit.exits = null;
  unit.logger().info("wake begun");
  unit.tell("starting", "starting", { etaMs: estimateMs(unit) });
  if (unit.links.dependencies.length === 0) return startNow(unit, attempt);
  void wakeDependencies(unit, scope).then((failure) => {
    if (scope.signal.aborted) return undefined;
    return failure === null ? startNow(unit, attempt) : fail(unit, attempt, failure);
  });
}

function startNow(unit: Unit, attempt: Attempt): void {
  const { clock } = unit.deps;
  const { scope } = attempt;
  attempt.startedAt = clock.now();
  scope.after(unit.spec.wakeTimeoutMs, () => timeOut(unit, attempt));
  if (mayProbeEarly(unit))
    scope.after(probeEarlyMs, () => seek(unit, attempt, { pace: "eager", startedAt: clock.now() }));
  void startAtEngine(unit, attempt);
}

function timeOut(unit: Unit, { lastMiss, search }: Attempt): void {
  const seconds = unit.spec.wakeTimeoutMs / 1000;
  // Most often the port is another one: only with the address people see that.
  const asked = search === null || unit.links.completes ? null : originOf(unit, null);
  const where = asked === null ? "" : `${asked}: `;
  const failure: Failure = { code: "WAKE_TIMEOUT", message: `not ready within ${seconds} s: ${where}${lastMiss}` };
  unit.dispatch({ type: "wake_failed", failure, running: unit.look?.power === "running" });
}

/** A port's address, health and log belong to the new run: they can be asked for only once it is there. */
function mayProbeEarly({ spec: { upstream, ready }, dockerHandOver }: Unit): boolean {
  return upstream?.kind === "url" && !dockerHandOver && !ready.engineHealth && ready.log === null;
}

async function startAtEngine(unit: Unit, attempt: Attempt): Promise<void> {
  const { clock } = unit.deps;
  const { scope } = attempt;
  try {
    await unit.queue().run(() => startOrResume(unit, attempt));
  } catch (error) {
    return fail(unit, attempt, toFailure(error, "ENGINE_ERROR"));
  }
  if (scope.signal.aborted) return;
  attempt.pending = false;
  attempt.lastMiss = unit.links.completes ? "it has not ended yet" : "no answer yet";
  unit.logger().info("started", { took_ms: Math.round(clock.now() - attempt.begunAt) });
  unit.tell("started", "started");
  unit.tell("waiting_ready", unit.links.completes ? "waiting until it has done its work" : "waiting until it answers");
  seek(unit, attempt, { pace: "eager", startedAt: clock.now() });
  // It may have ended before the engine's answer reached us, and its event with it.
  reconcile(unit);
}

async function startOrResume(unit: Unit, attempt: Attempt): Promise<void> {
  const { signal: left } = attempt.scope;
  // Given up before its turn came.
  if (left.aborted) return;
  const { ref, wakeTimeoutMs } = unit.spec;
  const { provider, clock } = unit.deps;
  const call = createScope(clock);
  // A hanging start must not keep the stop behind it for ever.
  call.after(wakeTimeoutMs, () => call.end());
  const options = { signal: AbortSignal.any([call.signal, unit.calls()]) };
  try {
    const found = await provider.inspect(ref, options);
    if (found === undefined) return unit.dispatch({ type: "deleted" });
    remember(unit, found);
    // Timed out or stopped outside while the engine looked: nothing asks for this start any more.
    if (left.aborted) return;
    if (found.refusal !== null) throw new NodoffError("REFUSED", `nodoff does not manage it: ${found.refusal}`);
    attempt.resumed = found.power === "paused";
    if (attempt.resumed) await provider.resume(ref, options);
    else await provider.start(ref, options);
    // The look after it may fail, and then nobody would know that it runs.
    if (unit.look !== undefined) remember(unit, { ...unit.look, power: "running" });
  } finally {
    call.end();
  }
}

/** Fails the attempt once the engine has said whether it runs all the same. */
async function fail(unit: Unit, { scope }: Attempt, failure: Failure): Promise<void> {
  if (scope.signal.aborted) return;
  const inspect = (): Promise<Look | undefined> => unit.deps.provider.inspect(unit.spec.ref, { signal: unit.calls() });
  const found = await unit
    .queue()
    .run(inspect)
    // It cannot be asked: the last known state stands.
    .catch(() => unit.look);
  if (scope.signal.aborted) return;
  if (found !== undefined) remember(unit, found);
  unit.dispatch({ type: "wake_failed", failure, running: found?.power === "running" });
}

function seek(unit: Unit, attempt: Attempt, how: Omit<Search, "scope">): void {
  // What is to end is not asked whether it answers: its exit tells.
  if (unit.links.completes || attempt.scope.signal.aborted || attempt.search !== null) return;
  attempt.search = { ...how, scope: createScope(unit.deps.clock, attempt.scope.signal) };
  void untilPassed(unit, attempt, attempt.search);
}

async function untilPassed(unit: Unit, attempt: Attempt, { pace, startedAt, scope }: Search): Promise<void> {
  try {
    if (pace === "eager") await resolveOrigins(unit, scope);
    else await resolvePatiently(unit, scope);
  } catch (error) {
    return scope.signal.aborted ? undefined : fail(unit, attempt, toFailure(error));
  }
  const onMiss = (detail: string): void => {
    attempt.lastMiss = detail;
    if (unit.deps.logger.debugEnabled) unit.logger().debug("not ready yet", { detail });
  };
  const passed = await untilReady(
    {
      spec: unit.spec,
      origin: originOf(unit, null),
      pace,
      look: () => unit.look,
      looked: (signal) => unit.changed(signal),
      startedAt,
      endedAt: unit.endedAt,
      dockerHandOver: unit.dockerHandOver,
      onMiss,
    },
    unit.deps,
    scope,
  );
  if (passed && !scope.signal.aborted) unit.dispatch({ type: "readiness_passed" });
}

async function resolveOrigins(unit: Unit, { signal }: Scope): Promise<void> {
  for (const upstream of unit.upstreams()) {
    const resolved = await resolveUpstream(upstream, unit.spec.ref, unit.deps.provider, signal);
    if (!signal.aborted) (unit.addresses ??= new Map()).set(keyOf(upstream), resolved);
  }
}

/** For what runs already: nobody else would ask again. */
async function resolvePatiently(unit: Unit, scope: Scope, onMiss = (): void => undefined): Promise<void> {
  for (let told = ""; ;) {
    try {
      return await resolveOrigins(unit, scope);
    } catch (error) {
      if (scope.signal.aborted) return;
      const { code, message } = toFailure(error);
      if (message !== told) unit.logger().warn("address not known", { code, error: message });
      told = message;
    }
    onMiss();
    await pause(addressRetryMs, scope);
  }
}

/** Probes every 5 s what failed to get ready but still runs. */
export function seekSlowly(unit: Unit): void {
  const attempt = unit.attempt;
  if (attempt === null) return;
  // The attempt is over, its place in `unit` is not: a late readiness ends it after all.
  const late: Attempt = { ...attempt, scope: unit.scope(), search: null };
  unit.attempt = late;
  seek(unit, late, { pace: "slow", startedAt: unit.deps.clock.now() });
}

/** Begins the search for readiness anew, if one is under way: what it asks, or where, is another one now. */
export function seekAnew(unit: Unit): void {
  const { attempt } = unit;
  if (attempt === null || attempt.search === null || attempt.scope.signal.aborted) return;
  const { pace, startedAt, scope } = attempt.search;
  scope.end();
  attempt.search = null;
  seek(unit, attempt, { pace, startedAt });
}

/** The engine's health check says unhealthy. */
export function unhealthy(unit: Unit): void {
  const { attempt, state } = unit;
  // Right after a resume the engine's check has not run since the pause: what it says is old.
  if (state !== "starting" || attempt === null || !attempt.ours || attempt.pending || attempt.resumed) return;
  void fail(unit, attempt, { code: "ENGINE_ERROR", message: "the engine's health check says unhealthy" });
}

/** The attempt ended: books it, tells how long it took. */
export function endWake(unit: Unit, failure: Failure | null): void {
  const { attempt } = unit;
  if (attempt === null || !attempt.ours) return;
  attempt.ours = false;
  const tookMs = Math.round(unit.deps.clock.now() - attempt.begunAt);
  recordWake(unit.tallies, failure === null ? "ok" : "failed", tookMs);
  if (failure === null) unit.deps.store.addWakeDuration(unit.spec.alias, tookMs);
}

/** Reads the addresses again until they are known. */
export function readAddresses(unit: Unit): void {
  unit.reading?.scope.end();
  const scope = createScope(unit.deps.clock);
  const reading: Reading = { scope, firstTry: null };
  unit.reading = reading;
  reading.firstTry = new Promise((resolve) => {
    const tried = (): void => {
      reading.firstTry = null;
      resolve();
    };
    scope.after(firstTryMs, tried);
    // Ended with its state: whoever waits finds out what became of it.
    scope.signal.addEventListener("abort", tried, { once: true });
    void resolvePatiently(unit, scope, tried).then(() => {
      if (unit.reading === reading) unit.reading = null;
      scope.end();
    });
  });
}

/** Origin of one of its upstreams (null: its own); null while unknown. */
export function originOf(unit: Unit, upstream: UpstreamSpec | null): string | null {
  const wanted = upstream ?? unit.spec.upstream;
  if (wanted === null) return null;
  return wanted.kind === "url" ? wanted.url : (unit.addresses?.get(keyOf(wanted)) ?? null);
}

/** Duration in ms to expect of a wake, from past ones; null = none yet. */
export function estimateMs({ deps, spec }: Unit): number | null {
  const durations = [...deps.store.wakeDurations(spec.alias)].sort((a, b) => a - b);
  return durations[Math.floor(durations.length / 2)] ?? null;
}

function startedAtOf({ look, deps: { clock } }: Unit): number {
  if (look === undefined || look.startedAt === null) return clock.now();
  return clock.now() - Math.max(0, clock.wall() - look.startedAt);
}

function keyOf(upstream: UpstreamSpec): string {
  return upstream.kind === "url" ? upstream.url : `${upstream.scheme}:${upstream.port ?? ""}`;
}
