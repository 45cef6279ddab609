import type { Clock } from "../core/clock.ts";
import type { Route } from "../core/route.ts";
import type { WorkloadHandle } from "../core/workload-handle.ts";
import { toPlainLine } from "../net/plain-line.ts";
import { answer } from "./asked.ts";
import type { Asked } from "./asked.ts";

/** `/.nodoff/logs`: the last lines of the workload's output, where `loading.show_logs` allows it. */
export interface LogTail {
  serve(asked: Asked): void;
  /** The lines themselves; empty where they are not shown. Never rejects. */
  lines(route: Route): Promise<readonly string[]>;
}

/** Everybody who asks within this time gets the same lines: the engine is asked once. */
const freshMs = 1_000;
const patienceMs = 5_000;
const maxLineLength = 500;

export function createLogTail(clock: Clock): LogTail {
  const fresh = new Map<string, Promise<readonly string[]>>();
  const tail = (workload: WorkloadHandle): Promise<readonly string[]> => {
    const { alias, loading } = workload.spec;
    const known = fresh.get(alias);
    if (known !== undefined) return known;
    const patience = new AbortController();
    const giveUp = clock.after(patienceMs, () => patience.abort());
    const lines = workload
      .logs(loading.logLines, patience.signal)
      .then((raw) => raw.map((line) => toPlainLine(line, maxLineLength)), noLines);
    fresh.set(alias, lines);
    void lines.then(() => {
      giveUp();
      clock.after(freshMs, () => fresh.delete(alias));
    });
    return lines;
  };
  const linesOf = ({ workload }: Route): Promise<readonly string[]> | null =>
    workload === null || !workload.spec.loading.showLogs ? null : tail(workload);
  return {
    serve(asked) {
      const lines = linesOf(asked.route);
      if (lines === null) return answer(asked, { lines: [] });
      void lines.then((shown) => answer(asked, { lines: shown }));
    },
    lines: (route) => linesOf(route) ?? Promise.resolve(noLines()),
  };
}

const noLines = (): readonly string[] => [];
