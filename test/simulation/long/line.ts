import { NodoffError } from "../../../src/core/errors.ts";
import type { IoOptions, Provider } from "../../../src/core/provider.ts";
import type { Box } from "./box.ts";
import type { HeapClock, Life } from "./heap-clock.ts";
import type { Random } from "./random.ts";
import type { SimEngine } from "./sim-engine.ts";

export type EngineCall = "start" | "resume" | "stop" | "pause" | "kill" | "inspect" | "address" | "list" | "counters";

export interface LineDeps {
  readonly engine: SimEngine;
  readonly clock: HeapClock;
  readonly random: Random;
  readonly life: Life;
  readonly canPause: boolean;
  /** A call begins; returns what to do when it has ended, well or not. */
  readonly onCall: (call: EngineCall, box: Box | undefined) => (failed: boolean) => void;
  /** Everybody who waits for something slow. */
  readonly slow: Set<() => void>;
}

const hangMs = 60_000;

/** The way from one nodoff to an engine: calls fail, dawdle and hang on it, before they take effect or after. */
export function createLine(deps: LineDeps): Provider {
  const { engine, clock, random, life, slow } = deps;

  /** As much later as the engine dawdles; rejects when the caller gives up. */
  function pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        cancel();
        slow.delete(go);
        signal.removeEventListener("abort", onAbort);
      };
      const go = (): void => {
        leave();
        resolve();
      };
      const onAbort = (): void => {
        leave();
        reject(new NodoffError("PROVIDER_UNAVAILABLE", "no answer in time"));
      };
      const cancel = clock.after(ms, go);
      slow.add(go);
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** A fault, if there is one now: before the effect or after it. */
  async function meet(call: EngineCall, signal: AbortSignal): Promise<void> {
    const { fails, delays, hangs } = engine.weather;
    const fate = random.next() * 2;
    if (fate < fails) throw new NodoffError("ENGINE_ERROR", `${call} fails`);
    if (fate < fails + hangs) {
      await pause(hangMs, signal);
      throw new NodoffError("PROVIDER_UNAVAILABLE", "no answer for long");
    }
    if (fate < fails + hangs + delays) await pause(random.span(1, 20_000), signal);
  }

  async function through<T>(call: EngineCall, ref: string | null, io: IoOptions, effect: () => T): Promise<T> {
    const box = ref === null ? undefined : engine.known(ref);
    const ended = deps.onCall(call, box);
    const never = new Promise<T>(() => undefined);
    try {
      if (io.signal.aborted) throw new NodoffError("PROVIDER_UNAVAILABLE", "given up");
      await meet(call, io.signal);
      const [min, max] = latencies[call];
      if (max > 0) await pause(random.between(min, max), io.signal);
      if (box?.plan.ignoresStop === true && call === "stop" && box.power !== "stopped") await pause(10_000, io.signal);
      if (engine.isLost) throw new NodoffError("PROVIDER_UNAVAILABLE", "not reachable");
      const result = effect();
      await meet(call, io.signal);
      ended(false);
      return life.isOver ? await never : result;
    } catch (error) {
      ended(true);
      if (life.isOver) return never;
      throw error;
    }
  }

  const need = (ref: string): Box => {
    const box = engine.find(ref);
    if (box === undefined) throw new NodoffError("GONE", `no ${ref}`);
    return box;
  };
  const refuse = (what: string): never => {
    throw new NodoffError("ENGINE_ERROR", what);
  };
  const end = (ref: string, exitCode: number): void => {
    const box = need(ref);
    if (box.power !== "stopped") engine.end(box, { asked: true, exitCode });
  };

  return {
    name: engine.name,
    type: "docker",
    capabilities: { pause: deps.canPause, kill: true, logs: true, health: true, discovers: false },
    list: (io) => through("list", null, io, () => engine.looks()),
    inspect: (ref, io) =>
      through("inspect", ref, io, () => {
        const box = engine.find(ref);
        return box === undefined ? undefined : engine.look(box);
      }),
    start: (ref, io) =>
      through("start", ref, io, () => {
        const box = need(ref);
        if (box.power === "paused") refuse(`${ref} is paused`);
        if (box.power !== "running") engine.start(box);
      }),
    resume: (ref, io) =>
      through("resume", ref, io, () => {
        const box = need(ref);
        if (box.power === "paused") engine.resume(box);
        else if (box.power !== "running") refuse(`${ref} is not paused`);
      }),
    pause: (ref, io) =>
      through("pause", ref, io, () => {
        const box = need(ref);
        if (box.power === "running") engine.pause(box);
        else if (box.power !== "paused") refuse(`${ref} does not run`);
      }),
    stop: (ref, io) => through("stop", ref, io, () => end(ref, 0)),
    kill: (ref, io) => through("kill", ref, io, () => end(ref, 137)),
    logs: () => Promise.resolve([]),
    async *follow() {},
    counters: (ref, io) =>
      through("counters", ref, io, () => ({ memoryBytes: need(ref).plan.name.length * 1_000_000 })),
    address: (ref, query, io) =>
      through("address", ref, io, () => ({ host: need(ref).plan.name, port: query.port ?? 8080 })),
    watch(observer) {
      queueMicrotask(() => {
        if (!life.isOver) engine.observe(observer);
      });
      return {
        close() {
          engine.observe(null);
          return Promise.resolve();
        },
      };
    },
    close: () => Promise.resolve(),
  };
}

/** Usual times, ms; 0 = at once. */
const latencies: Readonly<Record<EngineCall, readonly [number, number]>> = {
  start: [20, 800],
  resume: [5, 50],
  stop: [20, 1_500],
  pause: [5, 50],
  kill: [5, 100],
  inspect: [0, 0],
  address: [0, 0],
  list: [0, 0],
  counters: [0, 30],
};
