import type { Counters, IoOptions } from "../../core/provider.ts";
import type { Client } from "./client.ts";
import type { RawContainer, RawStats } from "./raw.ts";

/** As the engine counts; empty while it does not run. One sample: up to 1 s the first time. */
export async function readCounters(client: Client, raw: RawContainer, { signal }: IoOptions): Promise<Counters> {
  const stats = await client.call("GET /containers/{id}/stats", { signal }, ({ docker }, abortSignal) => {
    const query = { stream: false as const, "one-shot": true, abortSignal };
    return docker.getContainer(raw.Id).stats(query) as Promise<unknown>;
  });
  return toCounters(stats as RawStats, ownsNetwork(raw.HostConfig?.NetworkMode));
}

/** With `host`, `none` or another container's network there is nothing of its own to count; Podman counts all the same. */
export function ownsNetwork(mode = ""): boolean {
  return mode !== "host" && mode !== "none" && !mode.startsWith("container:");
}

export function toCounters(stats: RawStats, withNetwork: boolean): Counters {
  if (stats.read === undefined || stats.read.startsWith("0001-")) return {};
  const cpu = stats.cpu_stats?.cpu_usage?.total_usage;
  const networks = withNetwork && stats.networks ? Object.values(stats.networks) : [];
  const sum = (field: "rx_bytes" | "tx_bytes"): number => networks.reduce((all, one) => all + (one[field] ?? 0), 0);
  return {
    ...(networks.length > 0 && { rxBytes: sum("rx_bytes"), txBytes: sum("tx_bytes") }),
    ...(cpu !== undefined && { cpuMs: cpu / 1e6 }),
    ...toMemory(stats),
  };
}

/** Without the page cache that can go at any time, as `docker stats` shows it: by cgroup v1, v2, old engines. */
function toMemory({ memory_stats: memory }: RawStats): Pick<Counters, "memoryBytes"> {
  if (memory?.usage === undefined) return {};
  const { total_inactive_file: v1, inactive_file: v2, cache = 0 } = memory.stats ?? {};
  return { memoryBytes: Math.max(0, memory.usage - (v1 ?? v2 ?? cache)) };
}
