import type { Prober } from "../../core/prober.ts";
import { cannotCheck, type Check, failed, passed } from "./check.ts";

/** Accepts, and is still open 50 ms later. */
export function createTcpCheck(
  prober: Prober,
  { host, port }: { readonly host: string; readonly port: number },
): Check {
  return async ({ timeoutMs, signal }) => {
    const { ok, detail, cannot } = await prober.probe({ kind: "tcp", host, port }, { patienceMs: timeoutMs, signal });
    if (ok) return passed(detail);
    return cannot === true ? cannotCheck(detail) : failed(detail);
  };
}
