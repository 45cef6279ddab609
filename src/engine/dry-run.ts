import type { Unit, Watch } from "./workload-parts.ts";

/** Keeps the ledger of a dry run: when it would have fallen asleep, and when it would have been woken again. */
export function markDryRun(unit: Unit, watch: Watch, wouldSleep: boolean, memoryBytes: number | null = null): void {
  if (wouldSleep === (watch.wouldSleepSince !== null)) return;
  const { clock, store, journal } = unit.deps;
  const { alias } = unit.spec;
  watch.wouldSleepSince = wouldSleep ? clock.now() : null;
  store.turnInterval(
    alias,
    wouldSleep ? { kind: "would_sleep", memoryBytes } : { kind: "awake", memoryBytes: null },
    clock.wall(),
  );
  const why = unit.reasons.map(({ signal, text }) => `${signal}: ${text}`);
  const message = `dry run: ${wouldSleep ? "would be asleep now" : "would be awake again now"}`;
  unit.logger().info(message, wouldSleep ? { reasons: why } : {});
  journal.publish({ type: "sleep", alias, message: wouldSleep ? `${message}: ${why.join("; ")}` : message });
}
