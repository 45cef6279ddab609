import { type Evidence, forgedClient, type Sighting } from "./evidence.ts";
import type { Finding } from "./finding.ts";
import { hopsLine, linesFor } from "./lines.ts";
import { likelyProxy } from "./proxy-of.ts";

/**
 * Whether nodoff knows who asks. We came with a forged X-Forwarded-For: what a proxy appended behind it is true, what
 * replaced it is true as well, and whoever believes the forged one believes everybody.
 */
export function judgeClient({ asked, forwarded_for }: Sighting, evidence: Evidence): readonly Finding[] {
  const client = asked?.client ?? null;
  const { route, proxyHops } = evidence;
  const lines = linesFor(
    client === forgedClient ? "client_forged" : "client_missing",
    likelyProxy(evidence),
    route.alias,
  );
  const error = { check: "client", result: "error" } as const;
  if (client === null) {
    const text = "nodoff is not told who asks: quotas and client rules take all clients for one";
    return [{ ...error, code: "client_missing", text, ...(lines !== undefined && { lines }) }];
  }
  const entries = (forwarded_for ?? "").split(",").map((entry) => entry.trim());
  const forged = entries.lastIndexOf(forgedClient);
  const hops = forged === -1 ? entries.length : entries.length - forged - 1;
  if (client === forgedClient) {
    const text = "anybody can choose the address nodoff takes for theirs: the one this request made up was believed";
    if (hops >= 1) return [{ ...error, code: "client_forged", text, lines: hopsLine(hops) }];
    return [{ ...error, code: "client_forged", text, ...(lines !== undefined && { lines }) }];
  }
  if (hops !== proxyHops && hops >= 1) {
    const text = `nodoff takes ${client} for the client, which is a proxy of yours: ${hops} of them said who asks (${entries.join(", ")})`;
    return [{ ...error, code: "client_wrong", text, lines: hopsLine(hops) }];
  }
  const { reply } = evidence.plain;
  const own = reply.kind === "answer" ? reply.localAddress : null;
  if (own !== null && own !== client) {
    const text = `nodoff takes ${client} for the client; this machine connected from ${own}`;
    const mend = "right only where addresses are translated in between (NAT, a container's published port)";
    return [{ check: "client", result: "warning", code: "client_unsure", text, mend }];
  }
  return [{ check: "client", result: "ok", code: "client", text: `${client}; a made-up address was not believed` }];
}
