import { isLoose } from "./loose.ts";
import type { Finding, KeyPath } from "./findings.ts";

/** A key of the contract that a later issue delivers. Delete the row to make it available. */
interface NotYet {
  /** `*` stands for one name or list index. Rows of `workloads.*` hold for `defaults` and labels too. */
  readonly key: string;
  /** Values that change nothing, so they may stand already. */
  readonly unless?: readonly unknown[];
  /** Only these values are not available; the others are. */
  readonly only?: (value: unknown) => boolean;
}

/** Everything that parses but is not there yet: refused, never ignored. */
export const notYet: readonly NotYet[] = [
  { key: "store", unless: [null] },
  { key: "providers.*.url", only: (value) => typeof value === "string" && value.startsWith("ssh:") },
];

/** What the file may say, and labels not yet: a container would open ports of nodoff's host. */
const notYetInLabels: readonly NotYet[] = [{ key: "workloads.*.listen" }, { key: "routes.*.listen" }];

/** The rows that a tree of the file (as written, not parsed) uses. */
export function findNotYet(tree: unknown, rows: readonly NotYet[] = notYet): Finding[] {
  return rows.flatMap((row) => {
    const steps = row.key.split(".");
    const places = find(tree, steps, []);
    if (steps[0] === "workloads") places.push(...find(tree, ["defaults", ...steps.slice(2)], []));
    return places.flatMap((place) => toFinding(row, place));
  });
}

/** The same for the labels of one container, as a tree without `nodoff.`. */
export function findNotYetInLabels(tree: Readonly<Record<string, unknown>>): Finding[] {
  const { routes, ...workload } = tree;
  const found = findNotYet({ workloads: { label: workload }, routes }, [...notYet, ...notYetInLabels]);
  return found.map(({ path, message }) => ({ path: path[0] === "workloads" ? path.slice(2) : path, message }));
}

interface Place {
  readonly path: KeyPath;
  readonly value: unknown;
}

function toFinding(row: NotYet, { path, value }: Place): Finding[] {
  const plain = isLoose(value) ? value.text : value;
  if (row.unless?.some((harmless) => String(plain) === String(harmless)) === true) return [];
  if (row.only !== undefined && !row.only(plain)) return [];
  const isAboutKey = row.only === undefined && row.unless === undefined;
  const text = isAboutKey || (typeof plain !== "string" && typeof plain !== "boolean") ? path.at(-1) : plain;
  return [{ path, message: `"${String(text)}" is not available yet` }];
}

function find(tree: unknown, steps: readonly string[], path: KeyPath): Place[] {
  const [step, ...rest] = steps;
  if (step === undefined) return [{ path, value: tree }];
  if (typeof tree !== "object" || tree === null || isLoose(tree)) return [];
  if (step !== "*") return Object.hasOwn(tree, step) ? find(Reflect.get(tree, step), rest, [...path, step]) : [];
  return Object.entries(tree).flatMap(([key, value]) =>
    key.startsWith("x-") ? [] : find(value, rest, [...path, Array.isArray(tree) ? Number(key) : key]),
  );
}
