import type { Evidence } from "./evidence.ts";
import { proxies, type ProxyName } from "./finding.ts";
import type { Reply } from "./send.ts";

/** Which proxy answers, by what it says of itself; null = it does not say (Traefik never does). */
export function proxyOf({ proxy, plain, page }: Pick<Evidence, "proxy" | "plain" | "page">): ProxyName | null {
  return proxy ?? sayOf(plain.reply) ?? (page === null ? null : sayOf(page.reply));
}

function sayOf(reply: Reply): ProxyName | null {
  if (reply.kind === "failed") return null;
  const { server = "", via = "" } = reply.headers;
  if (/\bcaddy\b/i.test(`${server} ${via}`)) return "caddy";
  if (/^(?:nginx|openresty)\b/i.test(server)) return "nginx";
  const { status, body } = reply;
  const isTraefiks =
    (status === 404 && body === "404 page not found\n") || (status === 503 && body === "no available server\n");
  return isTraefiks ? "traefik" : null;
}

/** As above, else what the hook's address says. */
export function likelyProxy(evidence: Pick<Evidence, "proxy" | "plain" | "page">): ProxyName | null {
  const dialect = evidence.plain.sightings.find(({ door }) => door === "auth")?.dialect;
  return proxyOf(evidence) ?? proxies.find((name) => name === dialect) ?? null;
}
