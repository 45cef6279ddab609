import type { Clock } from "../../core/clock.ts";
import type { Change } from "../../core/provider.ts";
import { toPower } from "./guest.ts";
import type { Guest } from "./guest.ts";
import type { Status } from "./raw.ts";

export interface ChangesDeps {
  readonly clock: Clock;
  /** Tells the watchers. */
  readonly changed: (change: Change) => void;
  /** The next list tells what no change can. */
  readonly restructured: () => void;
  /** Who ended a guest that nodoff did not end: somebody, nobody (it crashed), or no right to know. */
  readonly whoStopped: (guest: Guest) => Promise<"somebody" | "nobody" | "unknown">;
  /** The names watchers know it by. */
  readonly refsOf: (guest: Guest) => readonly string[];
}

/** Turns what live looks saw into changes, each told once and in order. */
export interface Changes {
  /** Takes over what a live look saw. */
  settle(guest: Guest, status: Status): void;
  deleted(guest: Guest): void;
}

/** Two answers about one start differ by less: uptime comes in seconds, and rows are up to 12 s old. */
const sameStartMs = 20_000;

export function createChanges(deps: ChangesDeps): Changes {
  const { clock, refsOf } = deps;
  /** An end whose reason is being asked for: later changes of the guest are told after it. */
  const telling = new Map<string, Promise<void>>();

  function tell(guest: Guest, change: Change): void {
    const before = telling.get(guest.key);
    if (before === undefined) deps.changed(change);
    else inTurn(guest, () => deps.changed(change));
  }

  function inTurn({ key }: Guest, run: () => void | Promise<void>): void {
    const turn = (telling.get(key) ?? Promise.resolve()).then(run);
    telling.set(key, turn);
    void turn.finally(() => telling.get(key) === turn && telling.delete(key));
  }

  function ended(guest: Guest): void {
    const at = clock.wall();
    const refs = refsOf(guest);
    const toExit = (asked: boolean): Change => ({ kind: "exited", refs, at, asked, exitCode: null, restarts: false });
    if (guest.asked) {
      guest.asked = false;
      return tell(guest, toExit(true));
    }
    inTurn(guest, async () => {
      const who = await deps.whoStopped(guest);
      if (who === "unknown") deps.restructured();
      else deps.changed(toExit(who === "somebody"));
    });
  }

  return {
    settle(guest, status) {
      guest.lookedAt = clock.now();
      guest.lock = status.lock;
      guest.ha = status.ha;
      const former = guest.power;
      const power = toPower(status);
      // Moved by stop and start: it is about to run on the other node, nobody stopped it.
      if (power === "stopped" && former !== "stopped" && status.lock === "migrate") return;
      guest.power = power;
      if (power === "stopped") return former === "stopped" ? undefined : ended(guest);
      const before = former === "stopped" ? null : guest.startedAt;
      if (former === "stopped") guest.startedAt = null;
      noteUptime(guest, status.uptimeS, clock.wall());
      const facts = { refs: refsOf(guest), at: clock.wall() };
      const isAnew = guest.startedAt !== before;
      if (isAnew) {
        guest.error = null;
        guest.asked = false;
        tell(guest, { kind: "started", ...facts });
      }
      if (power === "paused" && (isAnew || former === "running")) tell(guest, { kind: "paused", ...facts });
      if (power === "running" && !isAnew && former === "paused") tell(guest, { kind: "resumed", ...facts });
    },
    deleted: (guest) => tell(guest, { kind: "deleted", refs: refsOf(guest), at: clock.wall() }),
  };
}

/** Keeps the time of its start steady, although each answer gives it only to the second. */
export function noteUptime(guest: Guest, uptimeS: number, wall: number): void {
  if (guest.startedAt === null || isAnotherStart(guest, uptimeS, wall)) guest.startedAt = wall - uptimeS * 1000;
}

/** Whether an uptime is that of a later start than the one that is known. */
export function isAnotherStart({ startedAt }: Guest, uptimeS: number, wall: number): boolean {
  return startedAt !== null && wall - uptimeS * 1000 > startedAt + sameStartMs;
}
