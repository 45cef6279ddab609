import { addToSlot, type HealthStore, type Slot, slotWidths } from "../core/health-history.ts";

/** Health that is forgotten at the end of the process. */
export function createMemoryHealthStore(): HealthStore {
  /** By alias and width, oldest first. */
  const kept = new Map<string, Map<number, Slot[]>>();
  const down = new Set<string>();

  function slotsOf(alias: string, widthMs: number): Slot[] {
    const byWidth = kept.get(alias) ?? new Map<number, Slot[]>();
    kept.set(alias, byWidth);
    const slots = byWidth.get(widthMs) ?? [];
    byWidth.set(widthMs, slots);
    return slots;
  }

  return {
    add(alias, changes) {
      for (const { widthMs, change } of changes) {
        const slots = slotsOf(alias, widthMs);
        const known = slots.findLast(({ at }) => at === change.at);
        if (known !== undefined) addToSlot(known, change);
        else if ((slots.at(-1)?.at ?? -1) < change.at) slots.push({ ...change });
        const limit = slotWidths.find((each) => each.widthMs === widthMs)?.slots ?? 0;
        if (slots.length > limit) slots.splice(0, slots.length - limit);
      }
    },
    slots: (alias, { widthMs, from }) => slotsOf(alias, widthMs).filter(({ at }) => at >= from),
    isDown: (alias) => down.has(alias),
    setDown(alias, isDown) {
      if (isDown) down.add(alias);
      else down.delete(alias);
    },
    close: () => Promise.resolve(),
  };
}
