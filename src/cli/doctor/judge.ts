import type { Evidence, Sighting } from "./evidence.ts";
import { dialectOf, type Finding, type ProxyName } from "./finding.ts";
import { judgeClient } from "./judge-client.ts";
import { judgeReach, judgeUncalled } from "./judge-reach.ts";
import { judgeApp, judgeChannel, judgeFailure, judgeHandOver, judgePage } from "./judge-answers.ts";
import { linesFor, trustLine } from "./lines.ts";
import { likelyProxy, proxyOf } from "./proxy-of.ts";

/**
 * What was found of one route: first what nodoff itself says of the app, then in the order a request meets it. Stops where
 * nothing further can be told.
 */
export function judge(evidence: Evidence): readonly Finding[] {
  return [...judgeFailure(evidence), ...judgeWay(evidence)];
}

function judgeWay(evidence: Evidence): readonly Finding[] {
  const reach = judgeReach(evidence);
  const { plain } = evidence;
  if (plain.reply.kind === "failed") return reach;
  if (plain.sightings.some(({ door }) => door === "proxy")) {
    return [...reach, ...judgeOwnProxy(evidence), ...judgeApp(evidence), ...judgeHandOver(evidence)];
  }
  const calls = plain.sightings.filter(({ door }) => door === "auth");
  const [call] = calls;
  if (call === undefined) return [...reach, judgeUncalled(evidence, plain.reply)];
  const hook = judgeCall(call, evidence, calls.length);
  if (hook.some(({ result }) => result === "error")) return [...reach, ...hook];
  const told = [...judgeClient(call, evidence), ...judgePage(evidence), ...judgeChannel(evidence)];
  return [...reach, ...hook, ...told, ...judgeApp(evidence), ...judgeHandOver(evidence)];
}

function judgeOwnProxy({ plain, route }: Evidence): readonly Finding[] {
  const seen = plain.sightings.find(({ door }) => door === "proxy");
  const isRight = seen?.route === route.alias;
  const text = isRight ? "nodoff's own proxy serves it" : `nodoff's own proxy takes it for the route ${seen?.route}`;
  return [{ check: "hook", result: isRight ? "ok" : "error", code: isRight ? "own_proxy" : "other_route", text }];
}

/** The hook was called: by whom, with what. */
function judgeCall(call: Sighting, evidence: Evidence, count: number): readonly Finding[] {
  const at = `/auth/${call.dialect}`;
  if (call.outcome === "untrusted_peer") {
    const text = `nodoff refused ${call.peer}, which asked at ${at}: it is not one of trusted_proxies (403)`;
    return [{ check: "hook", result: "error", code: "untrusted_peer", text, lines: trustLine(call.peer) }];
  }
  if (call.outcome === "unreadable") return [judgeUnreadable(call, evidence)];
  const asked: Finding = { check: "hook", result: "ok", code: "called", text: `asked at ${at} by ${call.peer}` };
  const twice: Finding = {
    check: "hook",
    result: "warning",
    code: "called_twice",
    text: `asked ${count} times for one request`,
    mend: "name the middleware once: on the router, not on the entry point as well",
  };
  return [asked, ...(count > 1 ? [twice] : []), ...judgeDialect(call, evidence), ...judgeHeaders(call, evidence)];
}

/** A header its dialect always has is missing: most often the address of another dialect. */
function judgeUnreadable(call: Sighting, evidence: Evidence): Finding {
  const { alias } = evidence.route;
  const isNginx = call.families.includes("original");
  const isForwarded = call.families.includes("forwarded");
  const proxy = proxyOf(evidence);
  const meant = proxy ?? (isNginx ? "nginx" : null);
  const isOther = (isNginx && call.dialect !== "nginx") || (isForwarded && call.dialect === "nginx");
  if (isOther || (meant !== null && dialectOf(meant) !== call.dialect)) {
    const right = meant === null ? "traefik or caddy" : dialectOf(meant);
    const text = `asked at /auth/${call.dialect} without ${call.header}: the address is that of another proxy; this one's is /auth/${right}`;
    return {
      check: "dialect",
      result: "error",
      code: "wrong_dialect",
      text,
      ...linesOf("wrong_dialect", meant, alias),
    };
  }
  const text = `asked at /auth/${call.dialect} without ${call.header}, which says what the client asked for`;
  const code = call.header === "Host" || call.header === "X-Forwarded-Host" ? "host_unknown" : "wrong_dialect";
  return {
    check: "headers",
    result: "error",
    code: "header_missing",
    text,
    ...linesOf(code, meant ?? toProxy(call.dialect), alias),
  };
}

function judgeDialect(call: Sighting, evidence: Evidence): readonly Finding[] {
  const proxy = proxyOf(evidence);
  if (proxy === null || dialectOf(proxy) === call.dialect)
    return [{ check: "dialect", result: "ok", code: "dialect", text: `/auth/${call.dialect} is the address for it` }];
  return [
    {
      check: "dialect",
      result: "error",
      code: "wrong_dialect",
      text: `${proxy} asks at /auth/${call.dialect}, whose headers and time limits are another proxy's`,
      ...linesOf("wrong_dialect", proxy, evidence.route.alias),
    },
  ];
}

function judgeHeaders(call: Sighting, evidence: Evidence): readonly Finding[] {
  const { asked } = call;
  const { route, url } = evidence;
  if (asked === null) return [];
  const proxy = likelyProxy(evidence);
  const lines = (code: "host_unknown" | "proto_wrong") => linesOf(code, proxy, route.alias);
  const error = { check: "headers", result: "error" } as const;
  if (hostOf(asked.host) !== hostOf(url.host)) {
    const text = `asked for ${url.host}, nodoff was told ${asked.host}`;
    return [{ ...error, code: "host_unknown", text, ...lines("host_unknown") }];
  }
  if (call.route === null) {
    const text = `nodoff knows no route for ${asked.host}${asked.path}`;
    return [{ ...error, code: "host_unknown", text, mend: "compare with `nodoff check`" }];
  }
  if (call.route !== route.alias) {
    const text = `taken for the route ${call.route}${call.named === null ? "" : `, which ?route=${call.named} names`}`;
    return [{ ...error, code: "other_route", text, mend: `name this one: ?route=${route.alias}, or none` }];
  }
  const proto = url.protocol.slice(0, -1);
  if (asked.proto !== proto) {
    const text = `asked by ${proto}, nodoff was told ${asked.proto}: what it sends elsewhere goes to the wrong scheme`;
    return [{ ...error, result: "warning", code: "proto_wrong", text, ...lines("proto_wrong") }];
  }
  return [{ check: "headers", result: "ok", code: "headers", text: `${asked.proto}://${asked.host}${asked.path}` }];
}

function linesOf(code: Parameters<typeof linesFor>[0], proxy: ProxyName | null, alias: string) {
  const lines = linesFor(code, proxy, alias);
  return lines === undefined ? {} : { lines };
}

function toProxy(dialect: string | null): ProxyName | null {
  return dialect === "traefik" || dialect === "caddy" || dialect === "nginx" ? dialect : null;
}

/** Without port and dot at the end. */
function hostOf(host: string): string {
  return host.toLowerCase().replace(/:\d+$/, "").replace(/\.$/, "");
}
