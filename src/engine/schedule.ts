import { Cron } from "croner";
import type { ScheduleSpec, ScheduleWindow } from "../core/spec.ts";

/** An open window: wall clock ms. */
export interface OpenWindow {
  readonly from: number;
  readonly to: number;
}

/** When a schedule wants a workload awake or asleep. All times are wall clock ms. */
export interface Schedule {
  /** The awake window open at `wall`; null = none. */
  awake(wall: number): OpenWindow | null;
  /** The asleep window open at `wall`; null = none, or an awake one is open, which wins. */
  asleep(wall: number): OpenWindow | null;
  /** When the next window of either kind opens after `wall`; null = never. */
  nextOpening(wall: number): number | null;
}

interface Opening {
  readonly cron: Cron;
  readonly durationMs: number;
}

/** Follows the windows of `schedule:`; daylight saving is the cron library's business. */
export function createSchedule(spec: ScheduleSpec): Schedule {
  const compile = ({ cron, durationMs }: ScheduleWindow): Opening => ({
    cron: new Cron(cron, { paused: true, ...(spec.timezone === null ? {} : { timezone: spec.timezone }) }),
    durationMs,
  });
  const awake = spec.awake.map(compile);
  const asleep = spec.asleep.map(compile);
  const openAt = (openings: readonly Opening[], wall: number): OpenWindow | null => {
    const open = openings.map((opening) => windowAt(opening, wall)).filter((window) => window !== null);
    if (open.length === 0) return null;
    return { from: Math.max(...open.map(({ from }) => from)), to: Math.max(...open.map(({ to }) => to)) };
  };
  const look = (wall: number): Glance => {
    const openAwake = openAt(awake, wall);
    const openAsleep = openAwake === null ? openAt(asleep, wall) : null;
    const next = [...awake, ...asleep].map(({ cron }) => nextAfter(cron, wall)).filter((at) => at !== null);
    const nextOpening = next.length === 0 ? null : Math.min(...next);
    const until = Math.min(openAwake?.to ?? Infinity, openAsleep?.to ?? Infinity, nextOpening ?? Infinity);
    return { from: wall, until, awake: openAwake, asleep: openAsleep, nextOpening };
  };
  // Asked every second, and reading a cron expression is slow: one answer stands until something opens or ends.
  let glance: Glance | null = null;
  const at = (wall: number): Glance => {
    if (glance === null || wall < glance.from || wall >= glance.until) glance = look(wall);
    return glance;
  };
  return {
    awake: (wall) => at(wall).awake,
    asleep: (wall) => at(wall).asleep,
    nextOpening: (wall) => at(wall).nextOpening,
  };
}

interface Glance {
  readonly from: number;
  /** Nothing changes before. */
  readonly until: number;
  readonly awake: OpenWindow | null;
  readonly asleep: OpenWindow | null;
  readonly nextOpening: number | null;
}

/** The latest opening whose window has not ended yet: windows of one expression may overlap. */
function windowAt({ cron, durationMs }: Opening, wall: number): OpenWindow | null {
  let from: number | null = null;
  let at = nextAfter(cron, wall - durationMs);
  while (at !== null && at <= wall) {
    from = at;
    at = nextAfter(cron, at);
  }
  return from === null ? null : { from, to: from + durationMs };
}

function nextAfter(cron: Cron, wall: number): number | null {
  return cron.nextRun(new Date(wall))?.getTime() ?? null;
}
