import { longestDurationMs, parseDuration } from "../core/duration.ts";
import { bad, good, show } from "./readers.ts";
import type { Reader, Reading } from "./readers.ts";
import { leaf } from "./shape.ts";

const keywords = {
  type: ["string", "integer"],
  pattern: "^(\\d+d)?(\\d+h)?(\\d+m)?(\\d+s)?(\\d+ms)?$|^0$|\\$\\{",
  maximum: 0,
};

/** Milliseconds of a duration such as `5m`, at least `min`. */
export function duration(min = 0) {
  return leaf(durationReader(min), keywords);
}

/** `idle_timeout`: 0 = never, else at least a second. */
export function idleTimeout() {
  const read: Reader<number> = (value) => {
    const reading = readDuration(value);
    if (!reading.ok || reading.value === 0 || reading.value >= 1000) return reading;
    return bad(`${show(value)} is too short (0 = never, else at least 1s)`);
  };
  return leaf(read, keywords);
}

function durationReader(min: number): Reader<number> {
  return (value) => {
    const reading = readDuration(value);
    if (!reading.ok || reading.value >= min) return reading;
    return bad(`${show(value)} is too short (at least ${min === 1 ? "1ms" : `${min / 1000}s`})`);
  };
}

/** Milliseconds of a duration, none too long for a timer. */
export function readDuration(value: unknown): Reading<number> {
  const text = typeof value === "number" ? String(value) : value;
  const ms = typeof text === "string" ? parseDuration(text) : undefined;
  if (ms === undefined) {
    const better = typeof text === "string" ? toBetter(text) : undefined;
    return bad(`${show(value)} is not a duration${better === undefined ? "" : ` (did you mean "${better}"?)`}`);
  }
  return ms > longestDurationMs ? bad(`${show(value)} is too long (at most 24d20h)`) : good(ms);
}

const longUnits: readonly (readonly [RegExp, string])[] = [
  [/milli(?:second)?s?/g, "ms"],
  [/sec(?:ond)?s?/g, "s"],
  [/min(?:ute)?s?/g, "m"],
  [/h(?:ou)?rs?/g, "h"],
  [/days?/g, "d"],
];

/** What somebody who wrote `5`, `5 min` or `1h30` most likely meant. */
function toBetter(text: string): string | undefined {
  let better = text.toLowerCase().replaceAll(/\s/g, "");
  if (/^\d+$/.test(better)) return Number(better) > 60 ? `${better}s` : `${better}m`;
  for (const [long, short] of longUnits) better = better.replaceAll(long, short);
  if (/h\d+$/.test(better)) better += "m";
  return parseDuration(better) === undefined ? undefined : better;
}
