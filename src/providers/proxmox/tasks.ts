import type { Clock } from "../../core/clock.ts";
import type { IoOptions } from "../../core/provider.ts";
import { wait } from "../deadline.ts";
import type { CallOptions, Client } from "./client.ts";
import type { Guest } from "./guest.ts";
import { PveError } from "./pve-error.ts";
import { readPermissions, readTasks, readTaskStatus } from "./raw.ts";
import type { TaskRow } from "./raw.ts";
import { parseUpid } from "./upid.ts";
import type { Upid } from "./upid.ts";

/** How a task ended. `unknown`: it vanished, or its worker died before it said. */
export type TaskEnd =
  | { readonly kind: "ok" }
  | { readonly kind: "failed"; readonly text: string }
  | { readonly kind: "unknown" };

export interface Tasks {
  /** Follows a task to its end. Rejects only when the cluster cannot be asked, or `signal` aborts. */
  follow(upid: Upid, options: IoOptions): Promise<TaskEnd>;
  /** Tasks of a guest the node knows, the newest first; with `active` only those under way. */
  of(
    guest: Guest,
    options: CallOptions & { readonly active?: boolean; readonly limit?: number },
  ): Promise<readonly TaskRow[]>;
  /** Who ended a guest, by the newest task about its power. */
  whoStopped(guest: Guest, options: CallOptions): Promise<"somebody" | "nobody" | "unknown">;
}

const gapsMs = [250, 250, 350, 500, 700] as const;
const lastGapMs = 1_000;
/** A worker that died, or whose last line was not written yet when it was read. */
const unfinished = "unexpected status";

const stops = /^(?:vz|qm)(?:stop|shutdown|suspend)$|^hastop$|^(?:vz|qm)?stopall$/;
const starts = /^(?:vz|qm)(?:start|resume|reboot|reset)$|^hastart$|^startall$/;

export function createTasks({ client, clock }: { readonly client: Client; readonly clock: Clock }): Tasks {
  async function ask(upid: Upid, { signal }: IoOptions): Promise<{ readonly running: boolean; readonly exit: string }> {
    try {
      return readTaskStatus(await client.api({ signal }).nodes.$(upid.node).tasks.$(upid.text).status.$get());
    } catch (error) {
      // Archived and thrown away, or never written: only the guest itself can tell what came of it.
      if (error instanceof PveError && error.kind === "parameter") return { running: false, exit: "" };
      throw error;
    }
  }

  async function of(
    guest: Guest,
    { active = false, limit = 10, ...options }: Parameters<Tasks["of"]>[1],
  ): Promise<readonly TaskRow[]> {
    const query = { vmid: guest.vmid, limit, source: active ? ("active" as const) : ("all" as const) };
    const rows = readTasks(await client.api(options).nodes.$(guest.node).tasks.$get(query));
    return rows.toSorted((a, b) => b.startedS - a.startedS);
  }

  /** Without Sys.Audit a token sees its own tasks alone: that it sees none of others then means nothing. */
  async function seesAll(node: string, options: CallOptions): Promise<boolean> {
    const path = `/nodes/${node}`;
    const rights = readPermissions(await client.api(options).access.permissions.$get({ path }));
    return rights.get(path)?.has("Sys.Audit") === true;
  }

  return {
    async follow(upid, options) {
      for (let asked = 0, reread = false; ; asked++) {
        await wait(clock, gapsMs[asked] ?? lastGapMs, options.signal);
        const { running, exit } = await ask(upid, options);
        if (running) continue;
        if (exit === "OK" || exit.startsWith("WARNINGS: ")) return { kind: "ok" };
        if (exit === "" || (exit === unfinished && reread)) return { kind: "unknown" };
        if (exit !== unfinished) return { kind: "failed", text: exit };
        reread = true;
      }
    },
    of,
    async whoStopped(guest, options) {
      try {
        const newest = (await of(guest, options)).find(({ type }) => isPowerTask(type));
        if (newest !== undefined && stops.test(newest.type)) return "somebody";
        return (await seesAll(guest.node, options)) ? "nobody" : "unknown";
      } catch {
        return "unknown";
      }
    },
  };
}

/** Whether tasks of this type start, stop, pause or resume guests. */
export function isPowerTask(type: string): boolean {
  return stops.test(type) || starts.test(type) || type === "qmpause";
}

/** The task an answer names. Throws for anything else: a success without a task is none. */
export function needUpid(data: unknown): Upid {
  const upid = parseUpid(data);
  if (upid === undefined) throw new PveError("alien", `the answer names no task (${String(data).slice(0, 80)})`);
  return upid;
}
