/** What happened lately, and the first thing that should not have. */
export interface Ledger {
  /** Kept for a failure; costs next to nothing while there is none. */
  note(what: string, about: string): void;
  must(holds: boolean, what: () => string): void;
  /** Throws the first breach with the history before it. */
  settleUp(): void;
}

const kept = Number(process.env["SIMULATION_LINES"] ?? 400);

export function createLedger(now: () => number): Ledger {
  const begun = now();
  const times: number[] = [];
  const lines: string[] = [];
  const about: string[] = [];
  let next = 0;
  let breach: string | null = null;
  const history = (): string[] =>
    Array.from({ length: Math.min(kept, next) }, (_, nth) => {
      const at = (next - Math.min(kept, next) + nth) % kept;
      return `${((times[at] ?? 0) - begun) / 1000} ${lines[at] ?? ""} ${about[at] ?? ""}`;
    });
  return {
    note(what, whom) {
      const at = next++ % kept;
      times[at] = now();
      lines[at] = what;
      about[at] = whom;
    },
    must(holds, what) {
      if (!holds) breach ??= `${(now() - begun) / 1000} ${what()}`;
    },
    settleUp() {
      if (breach !== null) throw new Error([breach, ...history()].join("\n  "));
    },
  };
}
