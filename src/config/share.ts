import type { RouteSpec, WorkloadSpec } from "../core/spec.ts";
import type { Defaults } from "./types.ts";

/** Gives the same object for equal values of one `field`. */
export type Share = <T extends object | null>(field: string, value: T) => T;

/** Beyond this many, the values of a field are most likely all different: keeping them would only cost. */
const mostKept = 1000;

function createShare(): Share {
  const fields = new Map<string, Map<string, unknown>>();
  return <T extends object | null>(field: string, value: T): T => {
    const known = fields.get(field) ?? new Map<string, unknown>();
    fields.set(field, known);
    const key = JSON.stringify(value);
    const found = known.get(key);
    // Equal JSON is an equal value: there is nothing but plain data in specs.
    if (found !== undefined) return found as T;
    if (known.size < mostKept) known.set(key, value);
    return value;
  };
}

/** One per running configuration: labels are read one container at a time, as long as it lives. */
const byDefaults = new WeakMap<Defaults, Share>();

/** What all workloads share that start from `defaults`. */
export function shareFor(defaults: Defaults): Share {
  const known = byDefaults.get(defaults);
  if (known !== undefined) return known;
  const share = createShare();
  byDefaults.set(defaults, share);
  return share;
}

/** The workload with its parts shared: thousands have the same few. */
export function withSharedParts(workload: WorkloadSpec, share: Share): WorkloadSpec {
  return {
    ...workload,
    ready: share("ready", workload.ready),
    loading: share("loading", workload.loading),
    deeper: share("deeper", workload.deeper),
    activity: share("activity", workload.activity),
    schedule: share("schedule", workload.schedule),
  };
}

/** The same for a route. */
export function withSharedDoor(route: RouteSpec, share: Share): RouteSpec {
  return { ...route, door: share("door", route.door), health: share("health", route.health) };
}
