import { Cron, CronPattern } from "croner";
import type { ScheduleWindow } from "../core/spec.ts";
import { bad, good, readText, show } from "./readers.ts";
import type { Reader, Reading } from "./readers.ts";
import { leaf } from "./shape.ts";
import { didYouMean } from "./suggest.ts";
import { readDuration } from "./times.ts";

/** `0 8 * * 1-5 for 10h`: a cron expression of five fields, and how long it stays open. */
export function scheduleWindow() {
  return leaf(readWindow, { type: "string", pattern: "\\sfor\\s|\\$\\{" });
}

/** Between windows of a label or variable; a comma may also stand inside of a cron field. */
export const betweenWindows = /(?<=\sfor\s+[^\s,]+\s*),/;

function readWindow(value: unknown): Reading<ScheduleWindow> {
  const text = readText(value);
  if (!text.ok) return text;
  const [, opens = "", lasts = ""] = /^\s*(\S.*?)\s+for\s+(\S.*?)\s*$/.exec(text.value) ?? [];
  if (opens === "") return bad(`${show(value)} is not a window such as "0 8 * * 1-5 for 10h"`);
  const cron = opens.split(/\s+/).join(" ");
  const wrong = wrongCron(cron);
  if (wrong !== null) return bad(`"${cron}" ${wrong}`);
  const duration = readDuration(lasts);
  if (!duration.ok) return duration;
  return duration.value >= 1000
    ? good({ cron, durationMs: duration.value })
    : bad(`${show(value)} is too short (at least 1s)`);
}

/** What is wrong with a cron expression, as the end of a sentence about it; null = nothing. */
function wrongCron(cron: string): string | null {
  const fields = cron.split(" ");
  if (fields.length !== 5) return "is not five cron fields (minute hour day month weekday)";
  try {
    // Read alone where that is enough: looking for its openings costs three times as much.
    const { starDOM } = new CronPattern(cron, undefined, { mode });
    return starDOM || fields[3] === "*" || toOpenings(cron)(anyMonday) !== null ? null : "never comes";
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return `is not a cron expression: ${why.replace(/^CronPattern: /, "").replace(/\.$/, "")}`;
  }
}

const mode = "5-part";

/** The first day of a leap year. What is asked here is asked of the pattern alone, so any start and offset will do. */
const anyMonday = Date.UTC(2024, 0, 1);

/** The first opening after a moment; null = there is none any more. */
function toOpenings(cron: string): (after: number) => number | null {
  // An offset is ten times as fast as a time zone.
  const pattern = new Cron(cron, { mode, utcOffset: 0 });
  return (after) => pattern.nextRun(new Date(after))?.getTime() ?? null;
}

/** Enough to see a fortnight of daily turns, or years of monthly ones. */
const mostTurns = 32;

/** Whether two windows are open at the same time some day, as far as their first turns show. */
export function isOverlap(one: ScheduleWindow, other: ScheduleWindow): boolean {
  const toOne = toOpenings(one.cron);
  const toOther = toOpenings(other.cron);
  let first = toOne(anyMonday);
  let second = toOther(anyMonday);
  for (let turn = 0; turn < mostTurns && first !== null && second !== null; turn++) {
    if (first + one.durationMs <= second) first = toOne(second - one.durationMs);
    else if (second + other.durationMs <= first) second = toOther(first - other.durationMs);
    else return true;
  }
  return false;
}

/** An IANA name such as `Europe/Berlin`, as the cron library takes it too. */
export function timezone() {
  // Intl needs long for each, and thousands of workloads name the same.
  const known = new Set<string>();
  const read: Reader<string> = (value) => {
    const text = readText(value);
    if (!text.ok || known.has(text.value)) return text;
    if (isZone(text.value)) {
      known.add(text.value);
      return text;
    }
    const better = didYouMean(text.value, Intl.supportedValuesOf("timeZone"));
    return bad(`${show(value)} is not a time zone such as Europe/Berlin${better}`);
  };
  return leaf(read, { type: "string" });
}

function isZone(name: string): boolean {
  try {
    const { timeZone } = new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions();
    // Offsets such as +02:00 are zones to Intl, too, but know no summer time.
    return /^[A-Za-z]/.test(timeZone);
  } catch {
    return false;
  }
}
