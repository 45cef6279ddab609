import type { ConfigFile } from "./schema.ts";
import { hasDoor } from "./resolve-workload.ts";

/** Who is come to from elsewhere in the file: by routes, and by groups. */
export interface Reached {
  /** Who is come to by TCP or UDP alone: how, and at which address of its routes, if they name one. */
  readonly streamed: ReadonlyMap<string, { readonly by: "tcp" | "udp"; readonly upstream: string | undefined }>;
  /** Whose own address is used there. */
  readonly byAddress: ReadonlySet<string>;
  /** All who are named there. */
  readonly named: ReadonlySet<string>;
}

export function findReached({ routes = {}, workloads = {} }: ConfigFile): Reached {
  const byAddress = new Set<string>();
  const named = new Set<string>();
  const streamed = new Map<string, { by: "tcp" | "udp"; upstream: string | undefined }>();
  const spoken = new Set<string>();
  for (const { workload, upstream, upstreams, port, tcp, udp } of Object.values(routes)) {
    if (workload === undefined) continue;
    named.add(workload);
    if (tcp === undefined && udp === undefined) spoken.add(workload);
    // TCP can be probed, so it says more about whether it is ready.
    else if (tcp !== undefined || !streamed.has(workload))
      streamed.set(workload, { by: tcp === undefined ? "udp" : "tcp", upstream });
    if (upstream === undefined && upstreams === undefined && port === undefined) byAddress.add(workload);
  }
  for (const [alias, keys] of Object.entries(workloads)) {
    const answers = keys.upstream === undefined && (hasDoor(keys) || byAddress.has(alias));
    if (hasDoor(keys)) spoken.add(alias);
    for (const { workload: member } of keys.group ?? []) {
      spoken.add(member);
      named.add(member);
      if (answers) byAddress.add(member);
    }
  }
  for (const alias of spoken) streamed.delete(alias);
  return { byAddress, named, streamed };
}
