import type { Clock } from "../../core/clock.ts";
import type { IoOptions } from "../../core/provider.ts";
import { deadline, wait } from "../deadline.ts";
import type { Client } from "./client.ts";
import { createCommands } from "./commands.ts";
import type { Command } from "./commands.ts";
import { toPower } from "./guest.ts";
import type { Guest } from "./guest.ts";
import type { Guests } from "./guests.ts";
import { isUncertain, PveError } from "./pve-error.ts";
import { isPowerTask } from "./tasks.ts";
import type { TaskEnd, Tasks } from "./tasks.ts";
import { parseUpid } from "./upid.ts";

export interface CarryOutDeps {
  readonly client: Client;
  readonly guests: Guests;
  readonly tasks: Tasks;
  readonly clock: Clock;
}

/** Why a command did not do its work. `lost`: nobody knows of it, it never arrived. */
export interface Failed {
  readonly kind: "said" | "lost";
  readonly text: string;
}

/**
 * Sends a command once and follows its task. null: it said that it was done. Rejects where the cluster cannot be asked,
 * or refuses us.
 */
export type CarryOut = (
  guest: Guest,
  command: Command,
  options: IoOptions & {
    /** Monotonic ms after which the task is given up. */
    readonly within: number;
    /** What the guest was when it was decided to send it. */
    readonly from: Guest["power"];
  },
) => Promise<Failed | null>;

/** Longest time to find out whether a call whose answer was lost arrived, and the pauses between two looks. */
const traceMs = 4_000;
const firstLookMs = 300;
const lastLookMs = 1_000;

export function createCarryOut({ client, guests, tasks, clock }: CarryOutDeps): CarryOut {
  const commands = createCommands(client);

  /**
   * The answer to a command was lost. Whether it arrived shows in the guest's tasks: sending it again unasked could start
   * a guest twice, or start one that somebody just stopped.
   */
  async function traced(
    guest: Guest,
    lost: PveError,
    { signal, from }: IoOptions & { readonly from: Guest["power"] },
  ): Promise<Failed | null> {
    const until = clock.now() + traceMs;
    for (let gapMs = firstLookMs; clock.now() < until; gapMs = lastLookMs) {
      const active = await tasks.of(guest, { signal, active: true }).catch(() => []);
      const upid = parseUpid(active.find(({ type }) => isPowerTask(type))?.upid);
      if (upid !== undefined) return toFailed(await tasks.follow(upid, { signal }));
      const status = await guests.read(guest, { signal });
      if (status === undefined || toPower(status) !== from) return null;
      await wait(clock, gapMs, signal);
    }
    return { kind: "lost", text: lost.message };
  }

  return async function carryOut(guest, command, { signal, within, from }) {
    try {
      const upid = await commands.send(guest, command, { signal });
      const { signal: limited, end } = deadline(clock, Math.max(0, within - clock.now()), signal);
      try {
        return toFailed(await tasks.follow(upid, { signal: limited }));
      } catch (error) {
        if (!limited.aborted || signal.aborted) throw error;
        return { kind: "said", text: `its task does not end (${upid.text})` };
      } finally {
        end();
      }
    } catch (error) {
      if (signal.aborted || !(error instanceof PveError)) throw error;
      if (error.kind === "auth" || error.kind === "permission" || error.kind === "unreachable") throw error;
      if (!isUncertain(error)) return { kind: "said", text: error.message };
      return traced(guest, error, { signal, from });
    }
  };
}

function toFailed(end: TaskEnd): Failed | null {
  if (end.kind === "ok") return null;
  return { kind: "said", text: end.kind === "failed" ? end.text : "the task ended without a word" };
}
