import type { Clock } from "../../src/core/clock.ts";
import { NodoffError } from "../../src/core/errors.ts";
import type { IoOptions, Provider } from "../../src/core/provider.ts";
import { type FakeProvider, fakeProvider } from "../support/fake-provider.ts";
import type { Action, EngineCall } from "./actions.ts";

export type Fault = Extract<Action, { do: "fault" }>;

export interface FaultyProvider {
  /** What the supervisor gets. */
  readonly provider: Provider;
  /** The engine itself. */
  readonly engine: FakeProvider;
  /** The next such call meets it. */
  add(fault: Fault): void;
  /** Whatever hangs goes on. */
  release(): void;
  /** No call meets a fault any more. */
  heal(): void;
}

export interface FaultyOptions {
  readonly clock: Clock;
  /** A call begins; returns what to do when it has ended, well or not. */
  readonly onCall: (call: EngineCall, ref: string) => (failed: boolean) => void;
}

/** The fake engine behind a line on which calls fail, dawdle and hang, before they take effect or after. */
export function faultyProvider({ clock, onCall }: FaultyOptions): FaultyProvider {
  const engine = fakeProvider({ clock });
  let faults: Fault[] = [];
  let released = new AbortController();

  const meet = async (fault: Fault, signal: AbortSignal): Promise<void> => {
    if (fault.how === "fail") throw new NodoffError("ENGINE_ERROR", `${fault.call} fails ${fault.when} its effect`);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => reject(new NodoffError("PROVIDER_UNAVAILABLE", "no answer in time"));
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    const until = released.signal;
    const go = (): void => resolve();
    until.addEventListener("abort", go, { once: true });
    const cancel = fault.how === "delay" ? clock.after(fault.ms, resolve) : () => undefined;
    try {
      await promise;
    } finally {
      cancel();
      signal.removeEventListener("abort", onAbort);
      until.removeEventListener("abort", go);
    }
  };
  const through = async <T>(call: EngineCall, ref: string, io: IoOptions, run: () => Promise<T>): Promise<T> => {
    const ended = onCall(call, ref);
    const met = faults.find((fault) => fault.call === call && fault.at === ref);
    faults = faults.filter((fault) => fault !== met);
    try {
      if (met?.when === "before") await meet(met, io.signal);
      const result = await run();
      if (met?.when === "after") await meet(met, io.signal);
      ended(false);
      return result;
    } catch (error) {
      ended(true);
      throw error;
    }
  };

  return {
    engine,
    provider: {
      ...engine,
      start: (ref, io) => through("start", ref, io, () => engine.start(ref, io)),
      resume: (ref, io) => through("resume", ref, io, () => engine.resume(ref, io)),
      stop: (ref, io) => through("stop", ref, io, () => engine.stop(ref, io)),
      pause: (ref, io) => through("pause", ref, io, () => engine.pause(ref, io)),
      kill: (ref, io) => through("kill", ref, io, () => engine.kill(ref, io)),
      inspect: (ref, io) => through("inspect", ref, io, () => engine.inspect(ref, io)),
      address: (ref, query, io) => through("address", ref, io, () => engine.address(ref, query, io)),
    },
    add: (fault) => void faults.push(fault),
    release() {
      released.abort();
      released = new AbortController();
    },
    heal() {
      faults = [];
      released.abort();
    },
  };
}
