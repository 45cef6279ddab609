import type { DependencySpec } from "../core/spec.ts";
import { bad, good, show } from "./readers.ts";
import type { Reading } from "./readers.ts";
import { leaf } from "./shape.ts";
import { didYouMean } from "./suggest.ts";

const conditions = ["started", "healthy", "completed"] as const;

/** `blog-db`, or with what must be true of it: `cache:started`. */
export function dependency() {
  return leaf(readDependency, { type: "string" });
}

function readDependency(value: unknown): Reading<DependencySpec> {
  const text = typeof value === "string" ? value : "";
  const [, name, condition] = /^([A-Za-z0-9][\w./-]*)(?::(.*))?$/.exec(text) ?? [];
  if (name === undefined) return bad(`${show(value)} is not a dependency such as db or db:healthy${toHint(value)}`);
  if (condition === undefined) return good({ name, condition: "auto" });
  const known = conditions.find((word) => word === condition);
  if (known !== undefined) return good({ name, condition: known });
  // As Compose names them.
  const meant = condition.replace(/^service_/, "").replace(/_successfully$/, "");
  return bad(`"${condition}" is not one of ${conditions.join(", ")}${didYouMean(meant, conditions)}`);
}

/** `- cache: started` is a map to YAML. */
function toHint(value: unknown): string {
  if (typeof value !== "object" || value === null) return "";
  const [[name, condition] = [], ...others] = Object.entries(value);
  const isMeant = typeof condition === "string" && others.length === 0 && !Array.isArray(value);
  return isMeant ? ` (did you mean "${name}:${condition}"?)` : "";
}
