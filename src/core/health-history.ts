import type { HealthStatus } from "./health.ts";

/** Spans of time people ask for, in the words of the API. */
export const healthPeriods = ["5m", "15m", "1h", "1d", "30d"] as const;
export type HealthPeriod = (typeof healthPeriods)[number];

/** Time is kept in slots of three widths, each width as far back as its longest period needs. */
export const slotWidths = [
  { widthMs: 60_000, slots: 60 },
  { widthMs: 900_000, slots: 96 },
  { widthMs: 21_600_000, slots: 120 },
] as const;

const slotsByPeriod: Readonly<Record<HealthPeriod, { readonly widthMs: number; readonly slots: number }>> = {
  "5m": { widthMs: 60_000, slots: 5 },
  "15m": { widthMs: 60_000, slots: 15 },
  "1h": slotWidths[0],
  "1d": slotWidths[1],
  "30d": slotWidths[2],
};

/** What is known of one span of time, or to be added to it. The rest of it nobody watched. */
export interface Slot {
  /** Wall clock ms of its beginning, a multiple of its width. */
  readonly at: number;
  upMs: number;
  downMs: number;
  napMs: number;
  latencySumMs: number;
  latencyCount: number;
}

export interface SlotChange {
  readonly widthMs: number;
  readonly change: Slot;
}

/** Remembers health over time. What was added is found again at once, and after a restart within a minute of it. */
export interface HealthStore {
  /** Adds to slots; ones that fell behind the last of their width are forgotten. */
  add(alias: string, changes: readonly SlotChange[]): void;
  /** Slots that begin at `from` or later, oldest first. */
  slots(alias: string, range: { readonly widthMs: number; readonly from: number }): readonly Slot[];
  /** Whether a notice "down" is out; kept so that pairs survive a restart. */
  isDown(alias: string): boolean;
  setDown(alias: string, down: boolean): void;
  close(): Promise<void>;
}

/** Whom a moment counts for; null = nobody watched. */
type Share = "upMs" | "downMs" | "napMs";

function shareOf(status: HealthStatus): Share | null {
  switch (status) {
    case "healthy":
      return "upMs";
    case "unhealthy":
    case "error":
      return "downMs";
    case "napping":
      return "napMs";
    case "unknown":
    case "starting":
    case "stopped":
      return null;
  }
}

/** What one route has gathered since it was last handed to the store. Plain data: there may be 10,000 of them. */
export interface Gathered {
  markedAt: number;
  status: HealthStatus;
  /** By width. The last of each is the one the present belongs to. */
  readonly slots: readonly Slot[][];
}

export function createGathered(wall: number, status: HealthStatus): Gathered {
  return { markedAt: wall, status, slots: slotWidths.map(() => []) };
}

/** Counts the time since the last mark for the status it had, and goes on with `status`. */
export function mark(gathered: Gathered, wall: number, status: HealthStatus): void {
  const share = shareOf(gathered.status);
  // A wall clock that was set back, or far ahead, adds nothing it cannot know.
  if (share !== null && wall > gathered.markedAt) {
    for (const [n, { widthMs, slots }] of slotWidths.entries()) {
      const own = gathered.slots[n] ?? [];
      let from = Math.max(gathered.markedAt, wall - widthMs * slots);
      while (from < wall) {
        const slot = slotAt(own, from - (from % widthMs));
        const to = Math.min(wall, slot.at + widthMs);
        slot[share] += to - from;
        from = to;
      }
    }
  }
  gathered.markedAt = wall;
  gathered.status = status;
}

/** Adds what an answer took. */
export function addLatency(gathered: Gathered, wall: number, latencyMs: number): void {
  for (const [n, { widthMs }] of slotWidths.entries()) {
    const slot = slotAt(gathered.slots[n] ?? [], wall - (wall % widthMs));
    slot.latencySumMs += latencyMs;
    slot.latencyCount++;
  }
}

function slotAt(slots: Slot[], at: number): Slot {
  const last = slots.at(-1);
  if (last?.at === at) return last;
  const slot = emptySlot(at);
  slots.push(slot);
  return slot;
}

export function emptySlot(at: number): Slot {
  return { at, upMs: 0, downMs: 0, napMs: 0, latencySumMs: 0, latencyCount: 0 };
}

/**
 * Hands over what was gathered, and begins anew: everything, or only the slots of the shortest width that are over
 * (`closedAt`: wall clock ms of now), which are written once that way.
 */
export function drain(gathered: Gathered, closedAt?: number): readonly SlotChange[] {
  if (closedAt !== undefined) {
    const [{ widthMs }] = slotWidths;
    const own = gathered.slots[0] ?? [];
    const over = own.findIndex(({ at }) => at + widthMs > closedAt);
    return own.splice(0, over === -1 ? own.length : over).map((change) => ({ widthMs, change }));
  }
  return slotWidths.flatMap(({ widthMs }, n) =>
    (gathered.slots[n] ?? []).splice(0).map((change) => ({ widthMs, change })),
  );
}

/** Adds `change` to `slot`, which is of the same time. */
export function addToSlot(slot: Slot, change: Slot): void {
  slot.upMs += change.upMs;
  slot.downMs += change.downMs;
  slot.napMs += change.napMs;
  slot.latencySumMs += change.latencySumMs;
  slot.latencyCount += change.latencyCount;
}

export interface HealthHistory {
  readonly period: HealthPeriod;
  readonly samples: readonly {
    readonly at: number;
    readonly status: HealthStatus;
    readonly latencyMs: number | null;
  }[];
  /** Share of the time it was awake and watched; null = never. */
  readonly healthy: number | null;
  /** Share of all the time something is known of; null = none. */
  readonly napping: number | null;
}

/** Where the slots of a period begin. */
export function rangeOf(period: HealthPeriod, wall: number): { readonly widthMs: number; readonly from: number } {
  const { widthMs, slots } = slotsByPeriod[period];
  return { widthMs, from: wall - (wall % widthMs) - (slots - 1) * widthMs };
}

/** A period for people, from its slots. A slot with any outage in it shows the outage. */
export function toHistory(period: HealthPeriod, slots: readonly Slot[]): HealthHistory {
  const total = emptySlot(0);
  for (const slot of slots) addToSlot(total, slot);
  const awake = total.upMs + total.downMs;
  const known = awake + total.napMs;
  return {
    period,
    samples: slots.map((slot) => ({
      at: slot.at,
      status: statusOf(slot),
      latencyMs: slot.latencyCount === 0 ? null : slot.latencySumMs / slot.latencyCount,
    })),
    healthy: awake === 0 ? null : total.upMs / awake,
    napping: known === 0 ? null : total.napMs / known,
  };
}

function statusOf({ upMs, downMs, napMs }: Slot): HealthStatus {
  if (downMs > 0) return "unhealthy";
  if (upMs === 0 && napMs === 0) return "unknown";
  return upMs >= napMs ? "healthy" : "napping";
}
