import type { Counters, IoOptions } from "../../core/provider.ts";
import type { Client } from "./client.ts";
import type { Guest } from "./guest.ts";
import { readTaskLog } from "./raw.ts";
import type { Tasks } from "./tasks.ts";
import { parseUpid } from "./upid.ts";

/** Traffic and CPU since its start, and memory now, as the newest row has them (the cluster counts every 10 s); empty while it is off. */
export function toCounters({ power, row, cpuMs }: Guest): Counters {
  if (power === "stopped" || row.status !== "running") return {};
  return {
    ...(row.netIn !== null && { rxBytes: row.netIn }),
    ...(row.netOut !== null && { txBytes: row.netOut }),
    cpuMs,
    ...(row.memory !== null && { memoryBytes: row.memory }),
  };
}

/** The node's clock and ours may differ by so much. */
const skewMs = 5_000;
const closing = /^TASK OK$/;

/**
 * The log of the newest task of the guest that nodoff may see: what its start said. Consoles inside the guest are not
 * offered: that needs a login by password and a terminal. Lines of a task carry no time, so it counts as a whole.
 */
export async function readTaskOutput(
  deps: { readonly client: Client; readonly tasks: Tasks },
  guest: Guest,
  { lines, since, signal }: IoOptions & { readonly lines: number; readonly since?: number },
): Promise<readonly string[]> {
  if (lines <= 0) return [];
  const [newest] = await deps.tasks.of(guest, { signal, limit: 1 });
  const upid = parseUpid(newest?.upid);
  if (newest === undefined || upid === undefined) return [];
  if (since !== undefined && newest.startedS * 1000 < since - skewMs) return [];
  const path = deps.client.api({ signal }).nodes.$(upid.node).tasks.$(upid.text);
  const log = readTaskLog(await path.log.$get({ start: 0, limit: 1_000 }));
  return log.filter((line) => !closing.test(line)).slice(-lines);
}
