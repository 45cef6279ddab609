import { mkdir, writeFile } from "node:fs/promises";
import { arch, cpus, loadavg, totalmem } from "node:os";
import { dirname } from "node:path";
import { type Figure, isMet, type RowResult } from "./row.ts";

/** A row that ran, or why it did not. */
export interface Outcome {
  readonly name: string;
  readonly title: string;
  readonly result: RowResult | null;
  readonly skipped: string | null;
  readonly failure: string | null;
}

const columns = [66, 26, 14] as const;

/** The row as people read it. */
export function toTable({ name, title, result, skipped, failure }: Outcome, quick: boolean): string {
  const lines = ["", `${name}: ${title}`];
  if (skipped !== null) lines.push(`  SKIPPED: ${skipped}`);
  if (failure !== null) lines.push(`  FAILED: ${failure}`);
  if (result === null) return lines.join("\n");
  for (const figure of result.figures) lines.push(`  ${toLine(figure, quick)}`);
  for (const note of result.notes) lines.push(`  - ${note}`);
  return lines.join("\n");
}

function toLine(figure: Figure, quick: boolean): string {
  const { label, unit, spread, judged, limit } = figure;
  const { min, median, max } = spread;
  const value = `${toText(spread[judged])} ${unit}`;
  const range = min === max ? value : `${value} (${[min, median, max].map(toText).join(" / ")})`;
  const target = limit === null ? "" : `${limit.is === "at most" ? "<=" : ">="} ${limit.value}`;
  const cells = [label, range, target].map((cell, n) => cell.padEnd(columns[n] ?? 0));
  return `${cells.join(" ")} ${toVerdict(figure, quick)}`.trimEnd();
}

function toVerdict(figure: Figure, quick: boolean): string {
  if (figure.limit === null) return "";
  if (isMet(figure, quick)) return quick ? "met, or nearly" : "met";
  return figure.limit.fails ? "MISSED" : "missed (for information)";
}

function toText(value: number): string {
  const digits = Math.abs(value) >= 1_000 ? 0 : Math.abs(value) >= 100 ? 1 : 2;
  return value.toFixed(digits);
}

/** Everything as JSON, for comparing runs. */
export async function writeReport(path: string, outcomes: readonly Outcome[], quick: boolean): Promise<void> {
  const [cpu] = cpus();
  const report = {
    at: new Date().toISOString(),
    node: process.version,
    machine: { cpu: cpu?.model ?? "unknown", cores: cpus().length, arch: arch(), memory: totalmem(), load: loadavg() },
    quick,
    rows: outcomes.map(({ result, ...outcome }) => ({
      ...outcome,
      notes: result?.notes ?? [],
      figures: (result?.figures ?? []).map((figure) => toJson(figure, quick)),
    })),
  };
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify(report, null, 2)}\n`);
}

function toJson(figure: Figure, quick: boolean): object {
  return { ...figure, met: figure.limit === null ? null : isMet(figure, quick) };
}
