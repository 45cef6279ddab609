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

/**
 * What one route has gathered in the slots the present belongs to, since it was last handed over: six numbers for each
 * width, in one piece, for there may be 10,000 routes.
 */
export interface Gathered {
  markedAt: number;
  status: HealthStatus;
  readonly numbers: Float64Array;
}

/** Takes what is complete, or handed over. */
type Taker = (changes: readonly SlotChange[]) => void;

const fields = ["at", "upMs", "downMs", "napMs", "latencySumMs", "latencyCount"] as const;

export function createGathered(wall: number, status: HealthStatus): Gathered {
  return { markedAt: wall, status, numbers: new Float64Array(fields.length * slotWidths.length) };
}

/** Counts the time since the last mark for the status it had, and goes on with `status`. Slots that are over are taken. */
export function mark(gathered: Gathered, wall: number, status: HealthStatus, take: Taker): void {
  const share = shareOf(gathered.status);
  // A wall clock that was set back adds nothing it cannot know.
  if (share !== null && wall > gathered.markedAt) {
    for (const [n, { widthMs, slots }] of slotWidths.entries()) {
      let from = Math.max(gathered.markedAt, wall - widthMs * slots);
      while (from < wall) {
        const at = from - (from % widthMs);
        const to = Math.min(wall, at + widthMs);
        enter(gathered, n, at, take);
        add(gathered, n, share, to - from);
        from = to;
      }
    }
  }
  gathered.markedAt = wall;
  gathered.status = status;
}

/** Adds what an answer took. */
export function addLatency(gathered: Gathered, wall: number, latencyMs: number, take: Taker): void {
  for (const [n, { widthMs }] of slotWidths.entries()) {
    enter(gathered, n, wall - (wall % widthMs), take);
    add(gathered, n, "latencySumMs", latencyMs);
    add(gathered, n, "latencyCount", 1);
  }
}

/** Hands over everything, and begins anew. */
export function drain(gathered: Gathered, take: Taker): void {
  const changes = slotWidths.flatMap((_, n) => takeOut(gathered, n) ?? []);
  if (changes.length > 0) take(changes);
}

/** Makes the slot that begins at `at` the one of width `n`. */
function enter(gathered: Gathered, n: number, at: number, take: Taker): void {
  if (gathered.numbers[n * fields.length] === at) return;
  const over = takeOut(gathered, n);
  if (over !== null) take([over]);
  gathered.numbers[n * fields.length] = at;
}

function add({ numbers }: Gathered, n: number, field: (typeof fields)[number], value: number): void {
  const place = n * fields.length + fields.indexOf(field);
  numbers[place] = (numbers[place] ?? 0) + value;
}

/** null where nothing was added. */
function takeOut({ numbers }: Gathered, n: number): SlotChange | null {
  const first = n * fields.length;
  const [at = 0, upMs = 0, downMs = 0, napMs = 0, latencySumMs = 0, latencyCount = 0] = numbers.subarray(
    first,
    first + fields.length,
  );
  if (upMs + downMs + napMs + latencyCount === 0) return null;
  numbers.fill(0, first + 1, first + fields.length);
  const widthMs = slotWidths[n]?.widthMs ?? 0;
  return { widthMs, change: { at, upMs, downMs, napMs, latencySumMs, latencyCount } };
}

export function emptySlot(at: number): Slot {
  return { at, upMs: 0, downMs: 0, napMs: 0, latencySumMs: 0, latencyCount: 0 };
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
