import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { Look, Provider } from "../core/provider.ts";
import type { RouteSpec, WorkloadSpec } from "../core/spec.ts";
import type { ConfigProblem, SpecSet } from "./desired.ts";

/** What the labels of one container say. */
export type Discovered =
  | ({ readonly kind: "none" } & FromOthers)
  | ({ readonly kind: "spec"; readonly workload: WorkloadSpec; readonly routes: readonly RouteSpec[] } & FromOthers)
  /** Left out: `routes` let everybody through to it. */
  | { readonly kind: "invalid"; readonly errors: readonly ConfigProblem[]; readonly routes: readonly RouteSpec[] };

interface FromOthers {
  /** Labels of other systems that were seen and not adopted. */
  readonly notes?: readonly ConfigProblem[];
  /** What comes and goes beside it may change what its labels say. */
  readonly dependsOnPeers?: boolean;
}

/** What labels are read with. */
export interface LabelContext {
  readonly provider: Provider;
  /** Aliases that may no longer be used. */
  readonly taken: ReadonlySet<string>;
  /** All there is at the provider. */
  readonly looks: readonly Look[];
}

/** Reads the labels of a look. */
export type ReadLabels = (look: Look, context: LabelContext) => Discovered;

export interface DiscoveryDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly provider: Provider;
  readonly read: ReadLabels;
}

/** What the containers of one provider declare. */
export interface Discovery {
  /**
   * Reads labels where something came, went or was renamed; all of them with `anew`. `taken`: aliases of the file.
   * Returns whether what is declared may have changed.
   */
  update(looks: readonly Look[], taken: ReadonlySet<string>, anew?: boolean): boolean;
  readonly sets: readonly SpecSet[];
  readonly problems: readonly ConfigProblem[];
}

/** A deleted container's routes say "gone" for so long: most come back under their name, made anew by compose. */
const departedMs = 300_000;

interface Departed {
  readonly set: SpecSet;
  readonly until: number;
}

export function createDiscovery(deps: DiscoveryDeps): Discovery {
  const { clock, logger, provider } = deps;
  const known = new Map<string, Discovered>();
  const departed = new Map<string, Departed>();
  let warned: ReadonlySet<string> = new Set();
  const noted = new Set<string>();
  let present: readonly SpecSet[] = [];
  let sets: readonly SpecSet[] = [];
  let problems: readonly ConfigProblem[] = [];

  /** Whom a set belonged to that nobody declares any more, until it comes back or is forgotten. */
  function noteDeparted(found: readonly SpecSet[]): boolean {
    const now = clock.now();
    const sources = new Set(found.map(({ source }) => source));
    const before = departed.size;
    for (const [source, { until }] of departed) if (sources.has(source) || until <= now) departed.delete(source);
    const forgot = departed.size !== before;
    for (const set of present) {
      if (sources.has(set.source) || set.workloads.length === 0) continue;
      departed.set(set.source, { set, until: now + departedMs });
    }
    present = found;
    return forgot;
  }

  function warnAbout(looks: Iterable<Look>): void {
    const lines = new Set<string>();
    for (const look of looks) {
      for (const warning of look.warnings) {
        const line = `${nameOf(look)}: ${warning}`;
        lines.add(line);
        if (warned.has(line)) continue;
        logger.warn("discovered with a warning", { provider: provider.name, ref: nameOf(look), warning });
      }
    }
    warned = lines;
  }

  /** Once for each container and label, however often it is read. */
  function tellNotes(look: Look, read: Discovered): void {
    if (read.kind === "invalid") return;
    for (const { key, message } of read.notes ?? []) {
      const line = `${nameOf(look)} ${key}`;
      if (noted.has(line)) continue;
      noted.add(line);
      logger.warn("label not adopted", { provider: provider.name, ref: nameOf(look), key, reason: message });
    }
  }

  return {
    update(looks, taken, anew = false) {
      const before = known.size;
      const keyed = inOrderOfAge(looks, known);
      // Whoever left may have had the name that somebody else asked for in vain.
      const left = [...known.keys()].some((key) => !keyed.has(key));
      const isOther = left || [...keyed.keys()].some((key) => !known.has(key));
      const claimed = new Set(taken);
      const found: SpecSet[] = [];
      const wrong: ConfigProblem[] = [];
      const optedIn: Look[] = [];
      let changes = false;
      for (const [key, look] of keyed) {
        let read = known.get(key);
        if (read === undefined || anew || isStale(read, { left, isOther }) || isTaken(read, claimed)) {
          read = deps.read(look, { provider, taken: claimed, looks });
          known.set(key, read);
          tellNotes(look, read);
          changes = true;
        }
        if (read.kind === "none") continue;
        optedIn.push(look);
        if (read.kind === "invalid") wrong.push(...read.errors);
        const own = read.kind === "spec" ? [read.workload] : [];
        for (const { alias } of [...own, ...read.routes]) claimed.add(alias);
        const source = `label ${nameOf(look)}`;
        found.push({ source, workloads: own, routes: read.routes, createdAt: ageOf(look) });
      }
      for (const key of known.keys()) if (!keyed.has(key)) known.delete(key);
      warnAbout(optedIn);
      const forgot = noteDeparted(found);
      // Last: whoever is there wins over whoever left.
      sets = [...found, ...Array.from(departed.values(), ({ set }) => ({ ...set, departed: true as const }))];
      problems = wrong;
      return changes || forgot || known.size !== before;
    },
    get sets() {
      return sets;
    },
    get problems() {
      return problems;
    },
  };
}

/** Whether who `left`, or came or left (`isOther`), may have changed what labels say. */
function isStale(read: Discovered, { left, isOther }: { readonly left: boolean; readonly isOther: boolean }): boolean {
  if (read.kind === "invalid") return left;
  return isOther && read.dependsOnPeers === true;
}

function isTaken(read: Discovered, taken: ReadonlySet<string>): boolean {
  return read.kind === "spec" && taken.has(read.workload.alias);
}

/**
 * Looks by what their labels are remembered under: a container's labels never change under one id, but a rename may free
 * a name. In the order they were found, of those found at once the older first: a name or host stays with the container
 * that has it while another is made to replace it, as compose does, and after a restart of nodoff the same one has it.
 */
function inOrderOfAge(looks: readonly Look[], known: ReadonlyMap<string, Discovered>): ReadonlyMap<string, Look> {
  const byAge = looks.toSorted((a, b) => ageOf(a) - ageOf(b) || (nameOf(a) < nameOf(b) ? -1 : 1));
  const keyed = new Map(byAge.map((look) => [`${look.id} ${nameOf(look)}`, look]));
  const ordered = new Map<string, Look>();
  for (const key of [...known.keys(), ...keyed.keys()]) {
    const look = keyed.get(key);
    if (look !== undefined) ordered.set(key, look);
  }
  return ordered;
}

/** When it was made; where the engine does not say, all are of one age. */
function ageOf({ createdAt = 0 }: Look): number {
  return createdAt;
}

function nameOf(look: Look): string {
  return look.refs[0] ?? look.id;
}
