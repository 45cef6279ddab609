import { type Spread, toSpread } from "./stats.ts";

/** One line of the results. */
export interface Figure {
  readonly label: string;
  readonly unit: string;
  readonly spread: Spread;
  /** What is compared with the limit; the median unless said otherwise. */
  readonly judged: "median" | "max";
  /** null: for information. */
  readonly limit: Limit | null;
}

export interface Limit {
  readonly is: "at most" | "at least";
  readonly value: number;
  /** False: shown with its target, but too noisy to fail a run by it. */
  readonly fails: boolean;
}

/** What a row of design's table came to. */
export interface RowResult {
  readonly figures: readonly Figure[];
  /** How it was measured, and what was odd. */
  readonly notes: readonly string[];
}

export interface RowOptions {
  /** A smoke run: fewer rounds and routes, limits half as strict again. */
  readonly quick: boolean;
  /** Measure more often than usual: the first try missed. */
  readonly again: boolean;
  /** Flags for the node processes of nodoff under test. */
  readonly nodeFlags: readonly string[];
}

/** One row of design's table of speeds. */
export interface Row {
  readonly name: string;
  readonly title: string;
  /** Why it cannot run here; null = it can. */
  skip(): Promise<string | null>;
  run(options: RowOptions): Promise<RowResult>;
}

type Values = readonly number[];

export function atMost(label: string, unit: string, values: Values, value: number): Figure {
  return figure(label, unit, values, { is: "at most", value, fails: true });
}

/** As `atMost`, for the largest value. */
export function neverOver(label: string, unit: string, values: Values, value: number): Figure {
  return { ...atMost(label, unit, values, value), judged: "max" };
}

/** A target that is shown, but does not fail a run. */
export function hopedFor(label: string, unit: string, values: Values, limit: Omit<Limit, "fails">): Figure {
  return figure(label, unit, values, { ...limit, fails: false });
}

export function information(label: string, unit: string, values: Values): Figure {
  return figure(label, unit, values, null);
}

function figure(label: string, unit: string, values: Values, limit: Limit | null): Figure {
  return { label, unit, spread: toSpread(values), judged: "median", limit };
}

/** A smoke run has too few rounds to be held to the target itself. */
const quickSlack = 1.5;

export function isMet({ spread, judged, limit }: Figure, quick: boolean): boolean {
  if (limit === null) return true;
  const slack = quick ? quickSlack : 1;
  const value = spread[judged];
  return limit.is === "at most" ? value <= limit.value * slack : value >= limit.value / slack;
}

export function isMissed(result: RowResult, quick: boolean): boolean {
  return result.figures.some((each) => each.limit?.fails === true && !isMet(each, quick));
}
