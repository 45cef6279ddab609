import type { ConfigFile } from "./schema.ts";
import { toHosts } from "./resolve-workload.ts";

/** Who is come to from elsewhere in the file: by routes, and by groups. */
export interface Reached {
  /** Whose own address is used there. */
  readonly byAddress: ReadonlySet<string>;
  /** All who are named there. */
  readonly named: ReadonlySet<string>;
}

export function findReached({ routes = {}, workloads = {} }: ConfigFile): Reached {
  const byAddress = new Set<string>();
  const named = new Set<string>();
  for (const { workload, upstream, port } of Object.values(routes)) {
    if (workload === undefined) continue;
    named.add(workload);
    if (upstream === undefined && port === undefined) byAddress.add(workload);
  }
  for (const [alias, keys] of Object.entries(workloads)) {
    const answers = keys.upstream === undefined && (toHosts(keys).length > 0 || byAddress.has(alias));
    for (const member of keys.group ?? []) {
      named.add(member);
      if (answers) byAddress.add(member);
    }
  }
  return { byAddress, named };
}
