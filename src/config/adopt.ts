import { adoptDag } from "./adopt-dag.ts";
import { adoptGodoxy } from "./adopt-godoxy.ts";
import { adoptSablier } from "./adopt-sablier.ts";
import type { Adopted, AdoptInput, LabelSystem } from "./adopting.ts";
import type { Labels } from "./foreign-door.ts";

/** What a container's labels come to once those of other systems are taken as nodoff's. */
export type Adoption =
  /** None of those systems has it, or nodoff's own labels say all there is to say. */
  { readonly kind: "own" } | ({ readonly kind: "adopted"; readonly system: LabelSystem } & Adopted);

const readers: Readonly<Record<LabelSystem, (input: AdoptInput) => Adopted | null>> = {
  godoxy: adoptGodoxy,
  dag: adoptDag,
  sablier: adoptSablier,
};

/**
 * Takes the labels of the first of these systems that has the container as labels of nodoff, with that system's
 * defaults. The container's own `nodoff.*` labels stand above them; `nodoff.enable` given as well switches adoption off:
 * the container has moved already.
 */
export function adoptLabels(input: AdoptInput, systems: readonly LabelSystem[]): Adoption {
  if (input.labels["nodoff.enable"] !== undefined) return { kind: "own" };
  for (const system of systems) {
    const adopted = readers[system](input);
    if (adopted !== null) return { kind: "adopted", system, ...adopted, labels: withOwn(adopted.labels, input.labels) };
  }
  return { kind: "own" };
}

function withOwn(adopted: Labels | null, labels: Labels): Labels | null {
  return adopted === null ? null : { ...labels, ...adopted, ...ownOf(labels) };
}

function ownOf(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([key]) => key.startsWith("nodoff.")));
}
