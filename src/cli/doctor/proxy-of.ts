import type { Evidence } from "./evidence.ts";
import { proxies, type ProxyName } from "./finding.ts";
import type { Reply } from "./send.ts";

/** Which proxy answers, by what it says of itself; null = it does not say (Traefik and HAProxy never do). */
export function proxyOf({ proxy, plain, page }: Pick<Evidence, "proxy" | "plain" | "page">): ProxyName | null {
  return proxy ?? sayOf(plain.reply) ?? (page === null ? null : sayOf(page.reply));
}

function sayOf(reply: Reply): ProxyName | null {
  if (reply.kind === "failed") return null;
  const { server = "", via = "" } = reply.headers;
  if (/\bcaddy\b/i.test(`${server} ${via}`)) return "caddy";
  if (/^(?:nginx|openresty)\b/i.test(server)) return "nginx";
  const { status, body } = reply;
  if (reply.status === 503 && body.includes("No server is available to handle this request")) return "haproxy";
  const isTraefiks =
    (status === 404 && body === "404 page not found\n") || (status === 503 && body === "no available server\n");
  return isTraefiks ? "traefik" : null;
}

/** As above, else what the hook's address says: nginx signs nodoff's page as well, HAProxy signs nothing. */
export function likelyProxy(evidence: Pick<Evidence, "proxy" | "plain" | "page">): ProxyName | null {
  const dialect = evidence.plain.sightings.find(({ door }) => door === "auth")?.dialect;
  const named = proxies.find((name) => name === dialect) ?? null;
  return proxyOf(evidence) ?? (named === "nginx" && isUnsigned(evidence.page?.reply) ? "haproxy" : named);
}

function isUnsigned(reply: Reply | undefined): boolean {
  if (reply?.kind !== "answer" || reply.headers["x-nodoff-state"] === undefined) return false;
  return reply.headers["server"] === undefined;
}

/** What HAProxy and its kit say where an app's backend has nobody. */
export function isHaproxyAlone({ status, headers, body }: Reply & { readonly kind: "answer" }): boolean {
  const isKits = headers["retry-after"] === "2" && body === "" && headers["x-nodoff-state"] === undefined;
  return status === 503 && (isKits || body.includes("No server is available to handle this request"));
}
