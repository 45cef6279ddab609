import { isAnotherStart } from "./changes.ts";
import type { Guest } from "./guest.ts";
import type { GuestRow } from "./raw.ts";

/**
 * A VM somebody paused shows only in a live look: those that do nothing are looked at when they begin to, and then this
 * often.
 */
const idleLookMs = 60_000;
/** After so long a row says what is, unless the cluster's own status has come to a halt. */
const staleMs = 15_000;
/** Longest time between two rows that is counted as it was at its end. */
const countedMs = 20_000;

/** What is known around a row. */
export interface Around {
  /** Monotonic ms. */
  readonly now: number;
  /** Wall clock ms. */
  readonly wall: number;
  readonly isExpected: boolean;
  readonly isOffline: boolean;
}

/**
 * Takes over what one row of `/cluster/resources` says. True when only a live look can tell what the guest is now: rows
 * are up to 12 s old, so none ever changes the power of a guest that matters.
 */
export function takeRow(guest: Guest, row: GuestRow, { now, wall, isExpected, isOffline }: Around): boolean {
  const former = guest.row;
  const moved = row.netIn !== former.netIn || row.netOut !== former.netOut || row.cpu > 0;
  count(guest, row, now);
  // Of a dead or new guest the cluster tells no name for a while.
  guest.row = row.name === "" ? { ...row, name: former.name } : row;
  guest.node = row.node;
  guest.lock = row.lock;
  guest.ha = row.ha;
  guest.template = row.template;
  // Of a dead node the last status stays for 5 minutes, then it is `unknown`: neither says anything.
  if (guest.busy > 0 || isOffline || row.status === "unknown" || row.lock === "migrate") return false;
  const power = row.status === "running" ? "running" : "stopped";
  if (!isExpected) {
    guest.power = power;
    return false;
  }
  if (isDoubtful(guest)) return guest.refuted !== printOf(row) || now - guest.lookedAt >= staleMs;
  if (power === "running" && isAnotherStart(guest, row.uptimeS, wall)) return true;
  if (power === "stopped" || guest.type === "lxc") return false;
  const fellStill = !moved && !guest.still;
  guest.still = !moved;
  if (guest.power === "paused") return moved;
  return fellStill || (!moved && now - guest.lookedAt >= idleLookMs);
}

/** Whether its row says on and we say off, or the other way round. */
export function isDoubtful({ power, row }: Guest): boolean {
  return (power !== "stopped") !== (row.status === "running");
}

/** What a row says of its guest's power: the same again is the same report. */
export function printOf({ status, uptimeS, netIn, netOut }: GuestRow): string {
  return [status, uptimeS, netIn, netOut].join(" ");
}

function count(guest: Guest, row: GuestRow, now: number): void {
  // Counters begin anew with each start.
  if (row.uptimeS < guest.row.uptimeS || row.status !== "running") guest.cpuMs = 0;
  else guest.cpuMs += row.cpu * row.cpus * Math.min(now - guest.countedAt, countedMs);
  guest.countedAt = now;
}
