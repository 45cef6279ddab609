import type { HealthSpec } from "../core/spec.ts";
import type { Report } from "./findings.ts";
import type { RouteKeys } from "./schema-workload.ts";

type HealthKeys = NonNullable<RouteKeys["health"]>;

const defaultIntervalMs = 30_000;

/** `own` on top of `base`, key by key. */
export function mergeHealth(base: HealthKeys | undefined, own: HealthKeys | undefined): HealthKeys | undefined {
  if (base === undefined || own === undefined) return own ?? base;
  return { ...base, ...own, retry: { ...base.retry, ...own.retry }, headers: { ...base.headers, ...own.headers } };
}

/** With every default filled in; what says nothing is one object for all. */
export function toHealth(keys: HealthKeys | undefined, route: { readonly tlsVerify: boolean }): HealthSpec {
  return keys === undefined && route.tlsVerify ? plain : resolve(keys ?? {}, route.tlsVerify);
}

const plain = resolve({}, true);

function resolve(keys: HealthKeys, tlsVerify: boolean): HealthSpec {
  const intervalMs = keys.interval ?? defaultIntervalMs;
  const retries = keys.retries ?? 3;
  return {
    intervalMs,
    timeoutMs: keys.timeout ?? Math.min(10_000, intervalMs),
    method: keys.method ?? "GET",
    path: keys.path ?? "/",
    // Where nobody said what to ask for, a login wall is no outage.
    status: keys.status ?? [[200, keys.path === undefined ? 499 : 399]],
    body: keys.body ?? null,
    headers: Object.fromEntries(Object.entries(keys.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value])),
    tlsVerify: keys.tls_verify ?? tlsVerify,
    retries,
    fall: keys.fall ?? Math.max(1, retries),
    rise: keys.rise ?? 1,
    startGraceMs: keys.start_grace ?? 10_000,
    retry: { max: keys.retry?.max ?? 5, initialMs: keys.retry?.initial ?? 500, capMs: keys.retry?.cap ?? 8_000 },
    disabled: keys.disabled ?? false,
  };
}

const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/** What `health` must agree on with itself and with what it builds on; found at the key that was written here. */
export function checkHealth(own: HealthKeys | undefined, base: HealthKeys | undefined, report: Report): void {
  if (own === undefined) return;
  const { timeout, interval = defaultIntervalMs, method, body } = mergeHealth(base, own) ?? own;
  if (timeout !== undefined && timeout > interval) {
    const key = own.timeout === undefined ? "interval" : "timeout";
    report(["health", key], `the timeout (${timeout / 1000} s) is longer than the interval (${interval / 1000} s)`);
  }
  if (body !== undefined && method === "HEAD" && (own.body !== undefined || own.method !== undefined))
    report(["health", own.body === undefined ? "method" : "body"], "an answer to HEAD has no body");
  for (const [name, value] of Object.entries(own.headers ?? {}))
    if (!headerName.test(name) || !headerValue.test(value))
      report(["health", "headers", name], "is not a header that can be sent");
}
