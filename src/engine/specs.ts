import type { Look } from "../core/provider.ts";
import type { RouteSpec, UpstreamSpec, WorkloadSpec } from "../core/spec.ts";
import { isGroup } from "./workload-parts.ts";

/** The specs, each as the object already known where it says the same: its counters stay. */
export function keepEqual<S extends { readonly alias: string }>(
  specs: readonly S[],
  known: (alias: string) => S | undefined,
): readonly S[] {
  return specs.map((spec) => {
    const before = known(spec.alias);
    return before !== undefined && JSON.stringify(before) === JSON.stringify(spec) ? before : spec;
  });
}

/** The compose projects of what an engine has, as text: another text, other dependencies. */
export function placesOf(looks: readonly Look[]): string {
  const places = looks.flatMap(({ refs: [name], compose, refusal }) =>
    compose === undefined || refusal !== null ? [] : [`${name ?? ""} ${JSON.stringify(compose)}`],
  );
  return places.sort().join("\n");
}

/** The same object at the same engine, whatever else changed. */
export function isSame(a: WorkloadSpec, b: WorkloadSpec): boolean {
  return a.provider === b.provider && a.ref === b.ref && isGroup(a) === isGroup(b);
}

/** Addresses that routes give themselves, by the workload they lead to. */
export function upstreamsByWorkload(routes: readonly RouteSpec[]): ReadonlyMap<string, readonly UpstreamSpec[]> {
  const byWorkload = new Map<string, UpstreamSpec[]>();
  for (const { workload, upstream } of routes) {
    if (workload === null || upstream === null) continue;
    byWorkload.set(workload, [...(byWorkload.get(workload) ?? []), upstream]);
  }
  return byWorkload;
}
