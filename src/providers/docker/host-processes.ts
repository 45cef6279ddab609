import { NodoffError } from "../../core/errors.ts";
import type { Change, IoOptions } from "../../core/provider.ts";
import type { Containers } from "./containers.ts";
import { findHostProcess } from "./host-process.ts";
import type { HostPaths, HostProcess } from "./host-process.ts";
import { toPower } from "./look.ts";
import type { RawContainer } from "./raw.ts";

/** Two ways to the same answer. */
export interface Ways<T> {
  /** The answer while it does not run. */
  readonly ended: T;
  /** The answer while it is frozen; absent: ask all the same. */
  readonly frozen?: T;
  /** undefined: it cannot tell, ask the engine. System errors mean the same. */
  readonly onHost: (process: HostProcess) => T | undefined | Promise<T | undefined>;
  readonly byEngine: (raw: RawContainer) => Promise<T>;
}

/** Containers' processes on this machine. What was found once is kept, so that most questions cost no engine call. */
export interface HostProcesses {
  ask<T>(ref: string, options: IoOptions, ways: Ways<T>): Promise<T>;
  /** Something happened to these, or to any: names may lead to other containers, what ran may be frozen. */
  forget(refs?: Change["refs"]): void;
}

export function createHostProcesses(deps: {
  readonly containers: Containers;
  readonly paths: HostPaths;
}): HostProcesses {
  const { containers, paths } = deps;
  const known = new Map<string, HostProcess>();
  return {
    async ask<T>(ref: string, { signal }: IoOptions, ways: Ways<T>) {
      if (signal.aborted) throw new NodoffError("PROVIDER_UNAVAILABLE", "asked too late", { cause: signal.reason });
      const process = known.get(ref);
      if (process?.isCurrent() === true) {
        const answer = await tryOnHost(process, ways);
        if (answer !== undefined) return answer;
      }
      known.delete(ref);
      const raw = await containers.need(ref, { signal });
      const power = toPower(raw);
      if (power === "stopped" || power === "restarting") return ways.ended;
      if (power === "paused" && ways.frozen !== undefined) return ways.frozen;
      const found = findHostProcess(paths, raw);
      if (found === undefined) return ways.byEngine(raw);
      if (power === "running") known.set(ref, found);
      return (await tryOnHost(found, ways)) ?? ways.byEngine(raw);
    },
    forget(refs) {
      if (refs === undefined) known.clear();
      else for (const ref of refs) known.delete(ref);
    },
  };
}

async function tryOnHost<T>(process: HostProcess, { onHost }: Ways<T>): Promise<T | undefined> {
  try {
    return await onHost(process);
  } catch (error) {
    // It ended meanwhile, or this machine does not let nodoff look.
    if (error instanceof NodoffError) throw error;
    return undefined;
  }
}
