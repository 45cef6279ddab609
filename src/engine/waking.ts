import { type Failure, NodoffError, toFailure } from "../core/errors.ts";
import type { Look } from "../core/provider.ts";
import type { UpstreamSpec } from "../core/spec.ts";
import { recordWake } from "../core/tallies.ts";
import { createScope, type Scope } from "./scope.ts";
import { pause, resolveUpstream, untilReady } from "./until-ready.ts";
import type { Shared } from "./workload-parts.ts";

/** How one workload is brought up, and where it answers. */
export interface Waking {
  /** Start it (or resume it), then probe; with `start` false only probe what runs already. */
  begin(start: boolean): void;
  /** Probe every 5 s what failed to get ready but still runs. */
  seekSlowly(): void;
  /** Our start has been sent and not been answered yet. */
  startPending(): boolean;
  /** The engine's health check says unhealthy. */
  unhealthy(): void;
  /** The attempt ended: books it, tells how long it took. */
  ended(failure: Failure | null): void;
  /** Monotonic ms when the attempt under way, or the last one, began. */
  readonly begunAt: number;
  /** Duration to expect in ms, from past wakes; null = none yet. */
  estimateMs(): number | null;
  /** Origin of one of its upstreams (null: its own); null while unknown. */
  origin(upstream: UpstreamSpec | null): string | null;
  /** Reads the addresses again until they are known. */
  readAddresses(): void;
  /** Begins the search for readiness anew, if one is under way: what it asks, or where, is another one now. */
  seekAnew(): void;
  forgetAddresses(): void;
  requireDockerHandOver(): void;
}

export interface WakingDeps extends Shared {
  readonly look: () => Look | undefined;
  readonly looked: (signal: AbortSignal) => Promise<void>;
  readonly remember: (look: Look) => void;
  readonly reconcile: () => void;
  readonly wakeBegins: () => void;
}

/** Probing begins at the latest so long after the start was sent: some engines answer late. */
const probeEarlyMs = 300;
/** An address that cannot be read is asked for again so often. */
const addressRetryMs = 5_000;

/** A search for readiness. One per attempt, however often it is asked for. */
interface Search {
  readonly attempt: Scope;
  readonly pace: "eager" | "slow";
  readonly startedAt: number;
  readonly scope: Scope;
}

export function createWaking(deps: WakingDeps): Waking {
  const { clock, provider, queue, store, logger, dispatch, tell } = deps;
  const origins = new Map<string, string>();
  let search: Search | null = null;
  let reading: Scope | null = null;
  let dockerHandOver = false;
  let begunAt = clock.now();
  let ours = false;
  let pending = false;
  let resumed = false;
  let lastMiss = "";

  function begin(start: boolean): void {
    const attempt = deps.scope();
    const spec = deps.spec();
    begunAt = clock.now();
    ours = start;
    pending = start;
    resumed = false;
    lastMiss = start ? "the engine has not answered the start" : "no answer yet";
    origins.clear();
    attempt.after(spec.wakeTimeoutMs, timeOut);
    if (!start) {
      tell("waiting_ready", "found running, waiting until it answers");
      return seek(attempt, "eager", startedAtOf(deps.look()));
    }
    deps.wakeBegins();
    logger.info("wake begun");
    tell("starting", "starting", { etaMs: estimateMs() });
    if (mayProbeEarly()) attempt.after(probeEarlyMs, () => seek(attempt, "eager", clock.now()));
    void startAtEngine(attempt);
  }

  function timeOut(): void {
    const seconds = deps.spec().wakeTimeoutMs / 1000;
    const failure: Failure = { code: "WAKE_TIMEOUT", message: `not ready within ${seconds} s: ${lastMiss}` };
    dispatch({ type: "wake_failed", failure, running: deps.look()?.power === "running" });
  }

  /** A port's address, health and log belong to the new run: they can be asked for only once it is there. */
  function mayProbeEarly(): boolean {
    const { upstream, ready } = deps.spec();
    return upstream?.kind === "url" && !dockerHandOver && !ready.engineHealth && ready.log === null;
  }

  async function startAtEngine(attempt: Scope): Promise<void> {
    try {
      await queue.run(() => startOrResume(attempt));
    } catch (error) {
      return fail(attempt, toFailure(error, "ENGINE_ERROR"));
    }
    if (attempt.signal.aborted) return;
    pending = false;
    lastMiss = "no answer yet";
    logger.info("started", { took_ms: Math.round(clock.now() - begunAt) });
    tell("started", "started");
    tell("waiting_ready", "waiting until it answers");
    seek(attempt, "eager", clock.now());
    // It may have ended before the engine's answer reached us, and its event with it.
    deps.reconcile();
  }

  async function startOrResume(attempt: Scope): Promise<void> {
    // Given up before its turn came.
    if (attempt.signal.aborted) return;
    const { ref, wakeTimeoutMs } = deps.spec();
    const call = createScope(clock);
    // A hanging start must not keep the stop behind it for ever.
    call.after(wakeTimeoutMs, () => call.end());
    const options = { signal: AbortSignal.any([call.signal, deps.calls()]) };
    try {
      const found = await provider.inspect(ref, options);
      if (found === undefined) return dispatch({ type: "deleted" });
      deps.remember(found);
      // Timed out or stopped outside while the engine looked: nothing asks for this start any more.
      if (attempt.signal.aborted) return;
      if (found.refusal !== null) throw new NodoffError("REFUSED", `nodoff does not manage it: ${found.refusal}`);
      resumed = found.power === "paused";
      if (resumed) await provider.resume(ref, options);
      else await provider.start(ref, options);
    } finally {
      call.end();
    }
  }

  /** Fails the attempt once the engine has said whether it runs all the same. */
  async function fail(attempt: Scope, failure: Failure): Promise<void> {
    if (attempt.signal.aborted) return;
    const inspect = (): Promise<Look | undefined> => provider.inspect(deps.spec().ref, { signal: deps.calls() });
    const found = await queue.run(inspect).catch(() => undefined);
    if (attempt.signal.aborted) return;
    if (found !== undefined) deps.remember(found);
    dispatch({ type: "wake_failed", failure, running: found?.power === "running" });
  }

  function seek(attempt: Scope, pace: Search["pace"], startedAt: number): void {
    if (attempt.signal.aborted || search?.attempt === attempt) return;
    search = { attempt, pace, startedAt, scope: createScope(clock, attempt.signal) };
    void untilPassed(search);
  }

  async function untilPassed({ attempt, pace, startedAt, scope }: Search): Promise<void> {
    try {
      if (pace === "eager") await resolveOrigins(scope);
      else await resolvePatiently(scope);
    } catch (error) {
      return scope.signal.aborted ? undefined : fail(attempt, toFailure(error));
    }
    const onMiss = (detail: string): void => {
      lastMiss = detail;
      if (logger.debugEnabled) logger.debug("not ready yet", { detail });
    };
    const { look, looked } = deps;
    const question = { spec: deps.spec(), origin: origin(null), pace, look, looked, startedAt, dockerHandOver, onMiss };
    const passed = await untilReady(question, deps, scope);
    if (passed && !scope.signal.aborted) dispatch({ type: "readiness_passed" });
  }

  async function resolveOrigins({ signal }: Scope): Promise<void> {
    const { ref } = deps.spec();
    for (const upstream of deps.upstreams()) {
      const resolved = await resolveUpstream(upstream, ref, provider, signal);
      if (!signal.aborted) origins.set(keyOf(upstream), resolved);
    }
  }

  /** For what runs already: nobody else would ask again. */
  async function resolvePatiently(scope: Scope): Promise<void> {
    for (let told = ""; ;) {
      try {
        return await resolveOrigins(scope);
      } catch (error) {
        if (scope.signal.aborted) return;
        const { code, message } = toFailure(error);
        if (message !== told) logger.warn("address not known", { code, error: message });
        told = message;
      }
      await pause(addressRetryMs, scope);
    }
  }

  function origin(upstream: UpstreamSpec | null): string | null {
    const wanted = upstream ?? deps.spec().upstream;
    if (wanted === null) return null;
    return wanted.kind === "url" ? wanted.url : (origins.get(keyOf(wanted)) ?? null);
  }

  function estimateMs(): number | null {
    const durations = [...store.wakeDurations(deps.spec().alias)].sort((a, b) => a - b);
    return durations[Math.floor(durations.length / 2)] ?? null;
  }

  function startedAtOf(found: Look | undefined): number {
    if (found === undefined || found.startedAt === null) return clock.now();
    return clock.now() - Math.max(0, clock.wall() - found.startedAt);
  }

  return {
    begin,
    seekSlowly: () => seek(deps.scope(), "slow", clock.now()),
    startPending: () => pending,
    unhealthy() {
      // Right after a resume the engine's check has not run since the pause: what it says is old.
      if (deps.state().name !== "starting" || !ours || pending || resumed) return;
      void fail(deps.scope(), { code: "ENGINE_ERROR", message: "the engine's health check says unhealthy" });
    },
    ended(failure) {
      if (!ours) return;
      ours = false;
      const tookMs = Math.round(clock.now() - begunAt);
      recordWake(deps.tallies, failure === null ? "ok" : "failed", tookMs);
      if (failure === null) store.addWakeDuration(deps.spec().alias, tookMs);
    },
    get begunAt() {
      return begunAt;
    },
    estimateMs,
    origin,
    readAddresses() {
      reading?.end();
      reading = createScope(clock, deps.scope().signal);
      void resolvePatiently(reading);
    },
    seekAnew() {
      if (search === null || search.attempt.signal.aborted) return;
      const { attempt, pace, startedAt, scope } = search;
      scope.end();
      search = null;
      seek(attempt, pace, startedAt);
    },
    forgetAddresses: () => origins.clear(),
    requireDockerHandOver() {
      dockerHandOver = true;
    },
  };
}

function keyOf(upstream: UpstreamSpec): string {
  return upstream.kind === "url" ? upstream.url : `${upstream.scheme}:${upstream.port ?? ""}`;
}
