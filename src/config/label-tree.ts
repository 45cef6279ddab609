import type { Finding } from "./findings.ts";
import { labelText } from "./loose.ts";
import type { Labels } from "./foreign-door.ts";

const prefix = "nodoff.";

export interface LabelTree {
  /** Keys without `nodoff.`, nested at their dots; each value is text that its key reads. */
  readonly tree: Readonly<Record<string, unknown>>;
  readonly problems: readonly Finding[];
}

type Branch = Record<string, unknown>;

/** The `nodoff.` labels as one tree. A key cannot be a value and a map at once. */
export function toLabelTree(labels: Labels): LabelTree {
  const tree: Branch = {};
  const problems: Finding[] = [];
  // Sorted, so that the outcome does not depend on the engine's order: `ready` comes before `ready.http`.
  for (const key of Object.keys(labels)
    .filter((name) => name.startsWith(prefix))
    .sort()) {
    const path = key.slice(prefix.length).split(".");
    const message =
      path.includes("") || path.includes("__proto__") ? "is not a key" : plant(tree, path, labels[key] ?? "");
    if (message !== null) problems.push({ path, message });
  }
  return { tree, problems };
}

function plant(tree: Branch, path: readonly string[], text: string): string | null {
  const last = path.at(-1) ?? "";
  let branch = tree;
  for (const step of path.slice(0, -1)) {
    const next = Object.hasOwn(branch, step) ? branch[step] : (branch[step] = {});
    if (!isBranch(next))
      return `"${prefix}${path.slice(0, path.indexOf(step) + 1).join(".")}" is given as one value too`;
    branch = next;
  }
  branch[last] = labelText(text);
  return null;
}

/** Text of labels carries a symbol only; branches carry none. */
function isBranch(value: unknown): value is Branch {
  return typeof value === "object" && value !== null && Object.getOwnPropertySymbols(value).length === 0;
}
