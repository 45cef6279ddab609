import type { RouteSpec, WorkloadSpec } from "../core/spec.ts";

/** Something in the configuration that was left out, and why. `source` is `nodoff.yaml` or `label blog-web`. */
export interface ConfigProblem {
  readonly source: string;
  readonly key: string;
  readonly message: string;
}

/** A set of workloads and routes from one place: the file, or the labels of one container. */
export interface SpecSet {
  /** How problems name it. */
  readonly source: string;
  readonly workloads: readonly WorkloadSpec[];
  readonly routes: readonly RouteSpec[];
  /** When its container was made, wall clock ms; 0 where the engine does not say. */
  readonly createdAt?: number;
  /** Its container is deleted: where somebody else has what it had, that is as it should be. */
  readonly departed?: true;
}

export interface Desired {
  readonly workloads: readonly WorkloadSpec[];
  readonly routes: readonly RouteSpec[];
  readonly problems: readonly ConfigProblem[];
  /** Labels that the file stands above: as they should be, but somebody may wonder. */
  readonly notices: readonly ConfigProblem[];
}

/**
 * Merges the file with what labels declare. The file wins over labels, an earlier set over a later one; a set that
 * collides is left out as a whole and reported, so that a workload never runs half configured.
 */
export function mergeSpecs(file: SpecSet, labelled: readonly SpecSet[]): Desired {
  const workloads = [...file.workloads];
  const routes = [...file.routes];
  const problems: ConfigProblem[] = [];
  const notices: ConfigProblem[] = [];
  const taken = createTaken(file);
  for (const set of labelled) {
    const clash = taken.clash(set);
    if (clash !== null) {
      // Open doors of a container that is left out anyway are no news.
      const isByDesign = clash.key === "nodoff.enable";
      if (set.workloads.length > 0 && set.departed !== true)
        (isByDesign ? notices : problems).push({ source: set.source, ...clash });
      continue;
    }
    taken.take(set);
    workloads.push(...set.workloads);
    routes.push(...set.routes);
  }
  return { workloads, routes, problems, notices };
}

/**
 * The sets of several engines in the order of their claims: the older container first, whichever engine was listed
 * first, so that the same one has a name or host after each restart. Within an engine their order stands: there it is
 * known who had what before. Who left comes last.
 */
export function inOrderOfClaim(engines: readonly (readonly SpecSet[])[]): readonly SpecSet[] {
  const claims = engines.flatMap((sets) => {
    let latest = 0;
    return sets.map((set) => {
      latest = Math.max(latest, set.createdAt ?? 0);
      return { set, at: set.departed === true ? Number.POSITIVE_INFINITY : latest };
    });
  });
  // Stable: of one age, the engine that is configured first.
  return claims.toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0)).map(({ set }) => set);
}

interface Taken {
  clash(set: SpecSet): { readonly key: string; readonly message: string } | null;
  take(set: SpecSet): void;
}

function createTaken(file: SpecSet): Taken {
  const refs = new Map<string, string>();
  const aliases = new Map<string, string>();
  const doors = new Map<string, string>();
  const doorsOf = (route: RouteSpec): string[] => route.hosts.map((host) => `${host}${route.path}`);
  const take = (set: SpecSet): void => {
    for (const { provider, ref, alias } of set.workloads) {
      refs.set(`${provider}/${ref}`, set.source);
      aliases.set(alias, set.source);
    }
    for (const route of set.routes) {
      aliases.set(route.alias, set.source);
      for (const door of doorsOf(route)) doors.set(door, set.source);
    }
  };
  take(file);
  return {
    take,
    clash(set) {
      for (const { provider, ref } of set.workloads) {
        const by = refs.get(`${provider}/${ref}`);
        if (by !== undefined)
          return { key: "nodoff.enable", message: `${ref} is configured by ${by} already, which wins` };
      }
      for (const { alias } of [...set.workloads, ...set.routes]) {
        const by = aliases.get(alias);
        if (by === undefined) continue;
        return { key: "nodoff.name", message: `the name "${alias}" is taken by ${by}: set another nodoff.name` };
      }
      for (const door of set.routes.flatMap(doorsOf)) {
        const by = doors.get(door);
        if (by !== undefined) return { key: "nodoff.host", message: `${door} is served by ${by} already, which wins` };
      }
      return null;
    },
  };
}
