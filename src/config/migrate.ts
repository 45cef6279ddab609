import { adoptLabels } from "./adopt.ts";
import type { LabelPeer, LabelSystem } from "./adopting.ts";
import type { ForeignProblem, Labels } from "./foreign-door.ts";
import { readLabels } from "./labels.ts";

/** One container, or a service of a compose file, with labels of another system. */
export interface Migration {
  readonly name: string;
  readonly system: LabelSystem;
  /** nodoff's labels that say the same; empty where the container is left alone. */
  readonly labels: Labels;
  /** Those of the other system: take them out. */
  readonly replaced: readonly string[];
  /** What has no counterpart, by the label that asks for it. */
  readonly notes: readonly ForeignProblem[];
  /** What is wrong: nothing becomes of the container before it is mended. */
  readonly errors: readonly ForeignProblem[];
}

export interface MigrateOptions {
  /** GoDoxy's `match_domains`. */
  readonly domains: readonly string[];
}

const systems: readonly LabelSystem[] = ["dag", "sablier", "godoxy"];
const prefixes: Readonly<Record<LabelSystem, string>> = { dag: "dag.", sablier: "sablier.", godoxy: "proxy." };

/** Says in nodoff's labels what those of other systems say. What has none of these is left out. */
export function migrateLabels(containers: readonly LabelPeer[], { domains }: MigrateOptions): readonly Migration[] {
  return containers.flatMap((container) => migrate(container, containers, domains) ?? []);
}

function migrate(
  { name, labels, containerName = name }: LabelPeer,
  peers: readonly LabelPeer[],
  domains: readonly string[],
): Migration | null {
  const input = { labels, containerName, peers, domains };
  const adoption = adoptLabels(input, systems);
  if (adoption.kind === "own") return null;
  const { system } = adoption;
  const written = adoption.labels ?? {};
  const own = Object.entries(written).filter(([key]) => key.startsWith("nodoff."));
  const reading = readLabels({ ...input, provider: "", defaults: {}, publicUrl: null, systems });
  const errors = reading.kind === "invalid" ? reading.errors.map(({ key, message }) => ({ key, message })) : [];
  return {
    name,
    system,
    labels: Object.fromEntries(own.toSorted(([a], [b]) => (a < b ? -1 : 1))),
    replaced: Object.keys(labels).filter((key) => key.startsWith(prefixes[system])),
    notes: [...adoption.notes, ...(system === "sablier" ? middlewareNotes(labels, peers) : [])],
    errors,
  };
}

/** Routers go on asking Sablier unless somebody tells them otherwise. */
function middlewareNotes(labels: Labels, peers: readonly LabelPeer[]): readonly ForeignProblem[] {
  const names = new Set([labels, ...peers.map((peer) => peer.labels)].flatMap(sablierMiddlewares));
  return Object.entries(labels).flatMap(([key, value]) => {
    if (!/^traefik\.http\.routers\.[^.]+\.middlewares$/.test(key)) return [];
    const used = value.split(",").filter((name) => /sablier/i.test(name) || names.has(name.trim().replace(/@.*$/, "")));
    return used.map((name) => ({ key, message: `"${name.trim()}" is a middleware of Sablier: name nodoff's instead` }));
  });
}

function sablierMiddlewares(labels: Labels): readonly string[] {
  const keys = Object.keys(labels);
  return keys.flatMap((key) => /^traefik\.http\.middlewares\.([^.]+)\.plugin\.sablier\./i.exec(key)?.[1] ?? []);
}
