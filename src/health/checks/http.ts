import type { Clock } from "../../core/clock.ts";
import type { Prober } from "../../core/prober.ts";
import type { UpstreamAddress } from "../../core/route-context.ts";
import type { HealthSpec } from "../../core/spec.ts";
import type { Dialed } from "../../net/dialed.ts";
import { cannotCheck, type Check, failed, passed } from "./check.ts";

/** An HTTP question to an origin, as configured. */
export interface HttpQuestion extends Pick<
  HealthSpec,
  "method" | "path" | "status" | "body" | "tlsVerify" | "headers"
> {
  /** Where: http, https or h2c. */
  readonly to: UpstreamAddress;
  /** Host header; null = that of the address. */
  readonly host: string | null;
}

/** What a check needs that opens its connection itself. */
export interface OpenDeps {
  readonly clock: Clock;
  readonly dialed: Pick<Dialed, "add"> | undefined;
}

/** So that our own checks are never taken for use where the address leads back through a hook. */
export const ownHeaders = { "user-agent": "nodoff-health", "accept-encoding": "identity", "x-nodoff-probe": "1" };

/** http and https by the status line alone: a bare socket, closed as soon as the line is there. */
export function createHttpCheck(prober: Prober, question: HttpQuestion): Check {
  const { to, path, status, host, tlsVerify, method } = question;
  // Most have none of their own, and there may be 10,000.
  const hasOwn = Object.keys(question.headers).length > 0;
  const headers = hasOwn ? { ...ownHeaders, ...question.headers } : ownHeaders;
  const target = { kind: "http", origin: to.address, path, status, host, tlsVerify, method, headers } as const;
  return async ({ timeoutMs, signal }) => {
    const { ok, detail, cannot } = await prober.probe(target, { patienceMs: timeoutMs, signal });
    if (ok) return passed(detail);
    return cannot === true ? cannotCheck(detail) : failed(detail);
  };
}
