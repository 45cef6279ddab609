import type { Clock } from "../core/clock.ts";
import { NodoffError } from "../core/errors.ts";
import type { Look, Provider } from "../core/provider.ts";
import type { ProbeTarget, Prober } from "../core/prober.ts";
import { parseUpstream } from "../core/route-context.ts";
import type { UpstreamSpec, WorkloadSpec } from "../core/spec.ts";
import { probeUntilReady } from "./readiness.ts";
import type { Scope } from "./scope.ts";
import type { HandOverDeps } from "./workload-parts.ts";

/** How long Traefik's Docker provider may need to learn of a start (facts: proxies.md §4, trap 6). */
const traefikLearnsMs = 2_500;
/** On a busy machine it takes longer: as long as Traefik itself says that it does not know it yet, it gets this. */
const traefikLearnsLateMs = 10_000;
/**
 * What Traefik shows sooner after an end may be the run before it: on a busy machine it had not heard of an end after
 * 2.5 s, and the request that was let through met its 500 once it had.
 */
const traefikForgetsMs = 5_000;
const logPollMs = 500;
const logTail = 200;

export interface ReadinessDeps {
  readonly clock: Clock;
  readonly prober: Prober;
  readonly provider: Provider;
  readonly handOver?: HandOverDeps;
}

/** What readiness needs to know of the workload while it waits. */
export interface ReadinessQuestion {
  readonly spec: WorkloadSpec;
  /** Origin of the workload's own upstream; null = none, running is ready. */
  readonly origin: string | null;
  readonly pace: "eager" | "slow";
  /** The latest look. */
  readonly look: () => Look | undefined;
  /** Resolves when the look may have changed. */
  readonly looked: (signal: AbortSignal) => Promise<void>;
  /** Monotonic ms of the start, resume or adoption. */
  readonly startedAt: number;
  /** Monotonic ms of the end of the run before; -Infinity = not known. */
  readonly endedAt: number;
  /** Ready also means that Traefik's Docker provider knows of it. */
  readonly dockerHandOver: boolean;
  readonly onMiss: (detail: string) => void;
}

/** The questions `ready:` asks of the upstream (design §3); none where nothing answers HTTP or TCP: UDP says nothing. */
function readinessTargets(spec: WorkloadSpec, origin: string | null): readonly ProbeTarget[] {
  const to = origin === null ? null : parseUpstream(origin);
  if (to === null) return [];
  const { scheme, host, address } = to;
  const targets: ProbeTarget[] = [];
  const { ready } = spec;
  if (ready.tcp !== null) targets.push({ kind: "tcp", host, port: ready.tcp });
  if (scheme === "tcp") {
    if (ready.tcp === null) targets.push({ kind: "tcp", host, port: to.port });
  } else if (scheme !== "udp" && (ready.http !== null || ready.tcp === null)) {
    const status = ready.http === null ? null : ready.status;
    // A readiness probe asks whether it answers, not whether its certificate is in order.
    targets.push({ kind: "http", origin: address, path: ready.http ?? "/", status, host: null, tlsVerify: false });
  }
  return targets;
}

/** The origin of an upstream; a port is looked up at the engine anew, since addresses change with each start. */
export async function resolveUpstream(
  upstream: UpstreamSpec,
  ref: string,
  provider: Provider,
  signal: AbortSignal,
): Promise<string> {
  if (upstream.kind === "url") return upstream.url;
  const { host, port } = await provider.address(ref, { port: upstream.port }, { signal });
  return `${upstream.scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Resolves true once everything `ready:` asks for is true, false when the scope ended first. */
export async function untilReady(question: ReadinessQuestion, deps: ReadinessDeps, scope: Scope): Promise<boolean> {
  const { spec, pace, onMiss } = question;
  const { signal } = scope;
  const probes = readinessTargets(spec, question.origin).map((target) =>
    probeUntilReady(target, deps, { pace, signal, onMiss }),
  );
  const wantsHealth = spec.ready.engineHealth || question.dockerHandOver;
  let knownAt = question.startedAt;
  const passed = await Promise.all([
    ...probes,
    wantsHealth
      ? untilHealthy(question, signal).then((healthy) => {
          // Traefik leaves a container out until its check passes, so it learns of that, not of the start.
          if (question.look()?.health === "healthy") knownAt = deps.clock.now();
          return healthy;
        })
      : true,
    spec.ready.log === null ? true : untilLogged(spec.ready.log, question, deps, scope),
  ]);
  if (passed.includes(false)) return false;
  await Promise.all([pause(spec.ready.delayMs, scope), untilHandedOver(question, deps, { scope, knownAt })]);
  return !signal.aborted;
}

/** Resolves when Traefik shows the server, or has had the time to learn of it. */
async function untilHandedOver(
  { dockerHandOver, look, origin, endedAt }: ReadinessQuestion,
  { clock, handOver }: ReadinessDeps,
  { scope, knownAt }: { readonly scope: Scope; readonly knownAt: number },
): Promise<void> {
  const found = look();
  const leftMs = knownAt + traefikLearnsMs - clock.now();
  if (!dockerHandOver || leftMs <= 0) return;
  const over = new AbortController();
  const signal = AbortSignal.any([scope.signal, over.signal]);
  const late = pause(leftMs + traefikLearnsLateMs - traefikLearnsMs, scope);
  const endIsKnown = pause(endedAt + traefikForgetsMs - clock.now(), scope);
  const seen =
    found === undefined || handOver === undefined
      ? undefined
      : endIsKnown.then(() => handOver.untilSeen(found, origin, signal));
  if ((await Promise.race([late, seen ?? "unknown"])) === "unknown")
    await pause(knownAt + traefikLearnsMs - clock.now(), scope);
  over.abort();
}

/** Resolves after `ms`, or when the scope ends. */
export function pause(ms: number, scope: Scope): Promise<void> {
  if (ms <= 0 || scope.signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      scope.signal.removeEventListener("abort", end);
      resolve();
    };
    scope.after(ms, end);
    scope.signal.addEventListener("abort", end, { once: true });
  });
}

/** A workload without a health check of its own counts as healthy. */
async function untilHealthy(question: ReadinessQuestion, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    const look = question.look();
    if (look?.power === "running" && (look.health === "healthy" || look.health === "none")) return true;
    await question.looked(signal);
  }
  return false;
}

async function untilLogged(
  source: string,
  question: ReadinessQuestion,
  deps: ReadinessDeps,
  scope: Scope,
): Promise<boolean> {
  const pattern = new RegExp(source, "u");
  const since = deps.clock.wall() - (deps.clock.now() - question.startedAt);
  while (!scope.signal.aborted) {
    try {
      const lines = await deps.provider.logs(question.spec.ref, { lines: logTail, since, signal: scope.signal });
      if (lines.some((line) => pattern.test(line))) return true;
    } catch (error) {
      if (!(error instanceof NodoffError)) throw error;
      question.onMiss(error.message);
    }
    await pause(logPollMs, scope);
  }
  return false;
}
