import type { Request } from "express";
import { z } from "zod";
import { NodoffError } from "../core/errors.ts";
import { healthPeriods } from "../core/health-history.ts";

/** What may stand behind the `?` of an address, by endpoint. Anything else there is ignored. */

const longestCursor = 128;

/** One of a few words. A name that stands there twice is none of them. */
function word<const W extends readonly [string, ...string[]]>(words: W) {
  return z.enum(words, { error: `must be one of ${words.join(", ")}` });
}

/** A whole number, in digits. */
function whole(least: number, most: number, text = `must be a whole number from ${least} to ${most}`) {
  return z
    .unknown()
    .transform((given, context) => {
      const number = typeof given === "string" && /^\d{1,15}$/.test(given) ? Number(given) : -1;
      if (number >= least && number <= most) return number;
      context.addIssue({ code: "custom", message: text });
      return z.NEVER;
    })
    .meta({ type: "integer", minimum: least, maximum: most });
}

/** Where the last page ended: `next` of its answer. */
const After = z
  .string({ error: "must be the next of an answer" })
  .max(longestCursor, { error: "must be the next of an answer" })
  .describe("`next` of the page before; pages come in the order of aliases")
  .optional();
const Limit = whole(1, 10_000).describe("So many at most, in the order of aliases; default: all").optional();

export const WorkloadsQuery = z.object({ limit: Limit, after: After });
export const RoutesQuery = z.object({
  by: word(["provider"]).describe("Grouped by where they were declared").optional(),
  limit: Limit,
  after: After,
});
export const EventsQuery = z.object({
  limit: whole(1, 500).describe("So many at most: the latest (default 100)").optional(),
  before: whole(1, Number.MAX_SAFE_INTEGER, "must be the next of an answer")
    .describe("`next` of the page before: older ones")
    .optional(),
});
export const LogsQuery = z.object({
  lines: whole(0, 1_000).describe("So many of the lines there are already (default 100)").optional(),
});
export const HealthQuery = z.object({
  detail: word(["none", "simple", "full"]).describe("How much of each (default none)").optional(),
});
export const HistoryQuery = z.object({ period: word(healthPeriods).describe("Default 1h").optional() });
export const TimelineQuery = z.object({ period: word(["1d", "7d", "30d"]).describe("Default 1d").optional() });

/** What was asked for; throws BAD_REQUEST that names what is wrong. */
export function readQuery<T extends z.ZodType>(schema: T, { query }: Request): z.infer<T> {
  const result = schema.safeParse(query);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new NodoffError("BAD_REQUEST", `${String(issue?.path[0] ?? "the query")} ${issue?.message ?? "is not valid"}`);
}

/** Part of a list that may be long. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Where the next one begins; absent = there is none. */
  readonly next?: string;
}

/** Without limits all, as they come; with one, so many in the order of aliases. */
export function toPage<T>(
  all: Iterable<T>,
  aliasOf: (item: T) => string,
  { limit, after }: z.infer<typeof WorkloadsQuery>,
): Page<T> {
  if (limit === undefined && after === undefined) return { items: [...all] };
  const rest = [...all].filter((item) => after === undefined || aliasOf(item) > after);
  rest.sort((a, b) => (aliasOf(a) < aliasOf(b) ? -1 : 1));
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  return last === undefined || items.length === rest.length ? { items } : { items, next: aliasOf(last) };
}
