import { z } from "zod";
import { parseDuration } from "../core/duration.ts";

const longestReason = 200;
const shortestPinMs = 1_000;
const longestPinMs = 30 * 24 * 3_600_000;

/** Control and formatting characters: they could forge lines of a log or turn text around. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu;

/** Why somebody asks, in their own words, fit for one line. null: they did not say. */
const Reason = z
  .string({ error: "must be text" })
  .max(longestReason, { error: `must have at most ${longestReason} characters` })
  .transform((text) => text.replace(unprintable, " ").trim() || null)
  .nullable()
  .default(null);

const pinError = 'must be a duration from "1s" to "30d", such as "2h"';

const PinTime = z
  .string({ error: pinError })
  .meta({ description: "How long, from 1s to 30d", examples: ["2h", "1h30m", "45m"] })
  .transform((text, context) => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms >= shortestPinMs && ms <= longestPinMs) return ms;
    context.addIssue({ code: "custom", message: pinError });
    return z.NEVER;
  });

/** Bodies of what somebody asks for, by the last part of the path. */
export const bodies = {
  wake: z.strictObject({ reason: Reason }),
  sleep: z.strictObject({
    reason: Reason,
    /** Also while it is in use. */
    force: z.boolean({ error: "must be true or false" }).default(false),
  }),
  pin: z.strictObject({
    reason: Reason,
    /** How long it is kept awake; read as milliseconds. */
    for: PinTime,
  }),
  unpin: z.strictObject({ reason: Reason }),
  restart: z.strictObject({ reason: Reason }),
} as const;

type Parsed<T> = { readonly ok: true; readonly body: T } | { readonly ok: false; readonly detail: string };

/** What was sent, checked; else what is wrong with it, naming the field. Nothing sent is the same as `{}`. */
export function parseBody<T>(schema: z.ZodType<T>, sent: unknown): Parsed<T> {
  const result = schema.safeParse(sent ?? {});
  if (result.success) return { ok: true, body: result.data };
  const [issue] = result.error.issues;
  return { ok: false, detail: issue === undefined ? "the body is not valid" : toDetail(issue) };
}

function toDetail(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys") return `${name(issue.keys[0] ?? "")}: unknown field`;
  if (issue.path.length === 0) return "the body must be a JSON object";
  return `${name(issue.path.join("."))}: ${issue.message}`;
}

/** Fields come from the client. */
function name(field: string): string {
  const short = field.length > 50 ? `${field.slice(0, 50)}…` : field;
  return /^\w+$/.test(short) ? short : JSON.stringify(short);
}
