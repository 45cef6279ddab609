import type { z } from "zod";
import { didYouMean } from "./suggest.ts";

export type KeyPath = readonly (string | number)[];

/** Something wrong (or worth a warning) at one key; where that key stands is added by whoever knows the source. */
export interface Finding {
  readonly path: KeyPath;
  readonly message: string;
}

/** Collects findings while configuration is put together. */
export type Report = (path: KeyPath, message: string) => void;

type Issue = z.core.$ZodIssue;

/** What zod found, one finding per wrong key. Values report their own message; only structure is worded here. */
export function toFindings(issues: readonly Issue[]): Finding[] {
  return issues.flatMap((issue) => {
    const path = toKeyPath(issue.path);
    // A map that may also be `false`, and is neither: what is wrong with it as a map.
    const [asMap] = issue.code === "invalid_union" ? issue.errors : [];
    if (asMap !== undefined)
      return toFindings(asMap).map((found) => ({ path: [...path, ...found.path], message: found.message }));
    if (issue.code !== "unrecognized_keys") return [{ path, message: toMessage(issue) }];
    // `map` in shape.ts puts the allowed keys into the message: nothing else of the schema reaches us here.
    const allowed = issue.message.split("\n");
    return issue.keys.map((key) => ({ path: [...path, key], message: `unknown key${didYouMean(key, allowed)}` }));
  });
}

function toMessage(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return issue.expected === "array" ? "must be a list" : "must be a map";
    case "invalid_key":
      return `"${String(issue.path.at(-1))}" is not a name (letters, digits, ".", "_" and "-")`;
    case "too_small":
      return "must not be empty";
    case "invalid_union":
      return unionMessage(issue);
    default:
      return issue.message;
  }
}

function unionMessage(issue: Issue & { code: "invalid_union" }): string {
  const options = "options" in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
  // The rejected value, as `mapUnion` in shape.ts reports it; empty = it was not given.
  const given = issue.message;
  if (given === "") return `is missing: one of ${options.join(", ")}`;
  return `"${given}" is not one of ${options.join(", ")}${didYouMean(given, options)}`;
}

function toKeyPath(path: readonly PropertyKey[]): KeyPath {
  return path.map((key) => (typeof key === "number" ? key : String(key)));
}
