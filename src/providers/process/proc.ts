import { readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Clock } from "../../core/clock.ts";
import type { Counters, OpenConnection } from "../../core/provider.ts";
import { toSockets } from "../socket-table.ts";
import { createOwnSockets, heldSockets } from "../sockets.ts";

const proc = "/proc";
/** Looking through all processes of the machine is dear, and the same for every workload. */
const scanMs = 1_000;
/** USER_HZ: what the kernel shows times in, whatever it counts in. */
const msPerTick = 10;

/** What Linux tells of one process. */
export interface ProcessStat {
  /** One letter: `Z` and `X` run no longer. */
  readonly state: string;
  /** The process group. */
  readonly group: number;
  /** Of itself and of the children it has waited for. */
  readonly cpuMs: number;
}

/** undefined: it is gone, or there is no /proc. */
export function readStat(pid: number): ProcessStat | undefined {
  try {
    // `pid (name) state ppid pgrp …`; the name may hold anything, parentheses too. See proc_pid_stat(5).
    const text = readFileSync(`${proc}/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const ticks = fields.slice(11, 15).reduce((all, value) => all + Number(value), 0);
    return { state: fields[0] ?? "", group: Number(fields[2]), cpuMs: ticks * msPerTick };
  } catch {
    return undefined;
  }
}

/** All processes; empty where there is no /proc. */
export function allPids(): readonly number[] {
  try {
    return readdirSync(proc).flatMap((name) => (/^\d+$/.test(name) ? Number(name) : []));
  } catch {
    return [];
  }
}

/** Finds the processes of a group. */
export interface Members {
  now(group: number): readonly number[];
  /** As of up to a second ago. */
  recent(group: number): readonly number[];
}

export function createMembers(clock: Clock): Members {
  let byGroup = new Map<number, number[]>();
  let scannedAt = -Infinity;
  const now = (group: number): readonly number[] => {
    byGroup = new Map();
    scannedAt = clock.now();
    for (const pid of allPids()) {
      const of = readStat(pid)?.group;
      if (of !== undefined) byGroup.set(of, [...(byGroup.get(of) ?? []), pid]);
    }
    return byGroup.get(group) ?? [];
  };
  return {
    now,
    recent: (group) => (clock.now() - scannedAt < scanMs ? byGroup.get(group) : undefined) ?? now(group),
  };
}

/** One process group as the machine counts it. */
export interface Usage {
  /** CPU time never falls, though what a process used is lost where nobody waits for its end. */
  counters(): Counters;
  /** To what the group listens on. Throws PROVIDER_FORBIDDEN where it runs as another user. */
  connections(): Promise<readonly OpenConnection[]>;
}

export function createUsage(members: Members, group: number): Usage {
  const own = createOwnSockets(() => heldSockets(proc, members.now(group)));
  let counted = 0;
  let lost = 0;
  return {
    counters() {
      const pids = members.recent(group);
      const stats = pids.flatMap((pid) => readStat(pid) ?? []);
      if (stats.length === 0) return {};
      const now = stats.reduce((all, { cpuMs }) => all + cpuMs, 0);
      lost += Math.max(0, counted - now);
      counted = now;
      return { cpuMs: now + lost, memoryBytes: pids.reduce((all, pid) => all + anonymousBytes(pid), 0) };
    },
    async connections() {
      const [tcp, tcp6] = await Promise.all(
        ["tcp", "tcp6"].map((name) => readFile(`${proc}/self/net/${name}`, "utf8").catch(() => "")),
      );
      return own.incoming(toSockets(tcp ?? "", tcp6 ?? ""));
    },
  };
}

/** Memory of its own, without files that are only mapped. What was shared by a fork counts for both. */
function anonymousBytes(pid: number): number {
  try {
    const kilobytes = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`${proc}/${pid}/status`, "utf8"))?.[1];
    return Number(kilobytes ?? 0) * 1_024;
  } catch {
    return 0;
  }
}
