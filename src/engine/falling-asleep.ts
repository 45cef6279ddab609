import { toFailure } from "../core/errors.ts";
import type { StopMethod } from "../core/spec.ts";
import { recordSleep } from "../core/tallies.ts";
import { remember } from "./observing.ts";
import { createScope } from "./scope.ts";
import type { Stop, Unit } from "./workload-parts.ts";

/** Nice to know, never worth a longer delay of a stop. */
const memoryMs = 1_500;

/** What it uses now; null when the engine does not say in time. */
export async function memoryOf(unit: Unit): Promise<number | null> {
  const { provider, clock } = unit.deps;
  const patience = createScope(clock, unit.calls());
  patience.after(memoryMs, () => patience.end());
  try {
    return (await provider.counters(unit.spec.ref, { signal: patience.signal })).memoryBytes ?? null;
  } catch {
    return null;
  } finally {
    patience.end();
  }
}

/**
 * A method the engine does not have becomes a stop. So does a pause behind Traefik's Docker provider: Traefik keeps the
 * frozen server, and whoever asks hangs (facts: proxies.md §4).
 */
export function methodOf(unit: Unit, wanted: StopMethod): StopMethod {
  const { capabilities, suspend } = unit.deps.provider;
  if (wanted === "pause") return capabilities.pause && !unit.dockerHandOver ? "pause" : "stop";
  return wanted === "suspend" && suspend === undefined ? "stop" : wanted;
}

/** Stops it within the turn its last look has: nothing comes in between. Resolves when the engine is done. */
export async function stopInTurn(unit: Unit, stop: Stop): Promise<void> {
  unit.stop = { ...stop, inTurn: true };
  unit.dispatch({ type: "sleep" });
  await unit.stop?.underWay;
}

/** Carries the stop out and says how it ended. */
export async function fallAsleep(unit: Unit): Promise<void> {
  const { deps, spec } = unit;
  const stop = unit.stop ?? { method: methodOf(unit, spec.stopMethod), reasons: [], memoryBytes: null };
  const { method, reasons } = stop;
  const begun = deps.clock.now();
  unit.tell("stopped", `going to sleep (${method})`);
  if (unit.dockerHandOver && spec.stopMethod === "pause" && method === "stop")
    unit.logger().warn("stopped instead of paused", { reason: "Traefik's Docker provider would hang on a paused one" });
  const { signal: left } = unit.scope();
  const send = async (): Promise<void> => {
    // Deleted, or left out of the configuration, before its turn came.
    if (!left.aborted) await sleepAtEngine(unit, method);
  };
  const sent = stop.inTurn === true ? send() : unit.queue().run(send);
  unit.stop = { ...stop, underWay: sent.catch(() => undefined) };
  try {
    await sent;
  } catch (error) {
    // Deleted or closed meanwhile: nothing failed.
    if (left.aborted) return;
    return refused(unit, method, error);
  }
  if (unit.watch !== null) unit.watch.refusals = 0;
  recordSleep(unit.tallies, method, "ok");
  const why = reasons.map(({ signal, text }) => `${signal}: ${text}`);
  unit.reasons = reasons;
  unit.logger().info("asleep", { method, reasons: why, took_ms: Math.round(deps.clock.now() - begun) });
  deps.journal.publish({ type: "sleep", alias: spec.alias, message: `asleep (${method}): ${why.join("; ")}` });
  unit.dispatch({ type: "sleep_done" });
}

function refused(unit: Unit, method: StopMethod, error: unknown): void {
  const failure = toFailure(error, "ENGINE_ERROR");
  recordSleep(unit.tallies, method, "failed");
  if (unit.watch !== null) unit.watch.refusedFor = failure.message;
  unit.logger().error("stop failed", { method, code: failure.code, error: failure.message });
  const { alias } = unit.spec;
  unit.deps.journal.publish({ type: "sleep", alias, message: `stop failed: ${failure.message}`, failure });
  unit.dispatch({ type: "sleep_refused", failure });
}

async function sleepAtEngine(unit: Unit, method: StopMethod): Promise<void> {
  const { provider } = unit.deps;
  const { ref, stopSignal, stopTimeoutMs: timeoutMs } = unit.spec;
  const io = { signal: unit.calls() };
  try {
    if (method === "pause") await provider.pause(ref, io);
    else if (method === "kill") await provider.kill(ref, { ...io, stopSignal, timeoutMs });
    else if (method === "suspend") await provider.suspend?.(ref, io);
    else await provider.stop(ref, { ...io, stopSignal, timeoutMs });
    // The next look may be long in coming, and whoever waits for its start must not find it running till then.
    if (unit.look !== undefined) remember(unit, { ...unit.look, power: method === "pause" ? "paused" : "stopped" });
  } catch (error) {
    // What counts is what the engine has now, not what it answered.
    const found = await provider.inspect(ref, io).catch(() => unit.look);
    if (found !== undefined) remember(unit, found);
    const asleep = found === undefined || found.power === "stopped" || (method === "pause" && found.power === "paused");
    if (!asleep) throw error;
  }
}
