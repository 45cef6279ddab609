import type { Clock } from "../../src/core/clock.ts";

/** What happened, and what should not have. */
export interface Ledger {
  note(text: string): void;
  /** A breach unless it holds. */
  must(holds: boolean, text: string): void;
  /** Throws the first breach, with the history before it. */
  settleUp(): void;
}

const shownLines = 60;

export function createLedger(clock: Clock): Ledger {
  const begun = clock.now();
  const history: string[] = [];
  const breaches: string[] = [];
  const at = (text: string): string => `${clock.now() - begun} ${text}`;
  return {
    note: (text) => void history.push(at(text)),
    must(holds, text) {
      if (!holds) breaches.push(at(text));
    },
    settleUp() {
      const [first] = breaches;
      if (first !== undefined) throw new Error([first, ...history.slice(-shownLines)].join("\n  "));
    },
  };
}
