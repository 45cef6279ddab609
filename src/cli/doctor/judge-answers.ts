import type { Evidence } from "./evidence.ts";
import type { Finding } from "./finding.ts";
import { linesFor } from "./lines.ts";
import { isHaproxyAlone, likelyProxy } from "./proxy-of.ts";
import type { Reply } from "./send.ts";

/** Whether nodoff's "not now" gets to the client as nodoff said it: asked for on purpose, nothing sleeps for it. */
export function judgePage(evidence: Evidence): readonly Finding[] {
  const { page } = evidence;
  if (page === null) return [];
  const { reply, sightings } = page;
  const error = { check: "page", result: "error" } as const;
  if (reply.kind === "failed")
    return [{ ...error, code: "page_swallowed", text: `no answer in place of the page (${reply.message})` }];
  const isOurs = reply.headers["x-nodoff-state"] !== undefined;
  const isWhole = reply.body.includes("nodoff-doctor-end-");
  if (reply.status === 503 && isOurs && isWhole)
    return [{ check: "page", result: "ok", code: "page", text: "the page comes through, whole and with its status" }];
  const lines = linesFor("page_swallowed", likelyProxy(evidence), evidence.route.alias);
  const mend = lines === undefined ? {} : { lines };
  if (isOurs && isWhole) {
    const text = `the page comes with status ${reply.status} instead of 503: caches and monitors take it for the app`;
    return [{ ...error, result: "warning", code: "page_status", text, ...mend }];
  }
  if (isOurs) return [{ ...error, code: "page_cut", text: `only the beginning of the page comes through`, ...mend }];
  const isBefore = sightings.some(({ door }) => door === "wake");
  const text = isBefore
    ? `nodoff gave the page, the client got ${reply.status}: something behind nodoff replaces answers`
    : `nodoff said "not now", the client got the proxy's own ${reply.status} instead of the page`;
  return [{ ...error, code: "page_swallowed", text, ...mend }];
}

/** Whether the loading page can ask how far it is. */
export function judgeChannel(evidence: Evidence): readonly Finding[] {
  const { channel } = evidence;
  if (channel === null) return [];
  const { reply, sightings } = channel;
  const ok = { check: "channel", result: "ok" } as const;
  if (reply.kind === "answer" && reply.headers["x-nodoff-state"] !== undefined) {
    if (reply.status === 200 && sightings.some(({ door }) => door === "channel"))
      return [{ ...ok, code: "channel", text: "/.nodoff/ gets to nodoff" }];
    if (isJson(reply))
      return [{ ...ok, code: "channel_by_hook", text: "/.nodoff/ is answered by the hook (without live events)" }];
  }
  const lines = linesFor("channel_away", likelyProxy(evidence), evidence.route.alias);
  const got = reply.kind === "answer" ? `answered ${reply.status}` : reply.message;
  const text = `/.nodoff/ does not get to nodoff (${got}): the loading page learns nothing and only reloads`;
  return [{ check: "channel", result: "error", code: "channel_away", text, ...(lines !== undefined && { lines }) }];
}

/** What keeps nodoff from the app, whatever the proxy does. A wake that was tried just now says it better. */
export function judgeFailure({ failure, woken, route }: Evidence): readonly Finding[] {
  if (failure === null || woken !== null) return [];
  const text = `nodoff does not get it ready: ${failure}`;
  const error = { check: "app", result: "error", code: "failed", text } as const;
  const isAway = /refused|no answer|timed? ?out|reset/i.test(failure);
  if (isAway) return [{ ...error, mend: "is that where it listens? nodoff.port says another port" }];
  const isOwn = /exit|not ready/.test(failure);
  return [isOwn ? { ...error, mend: `what it says itself: nodoff logs ${route.workload}` } : error];
}

/** Whether the proxy gets to the app when nodoff lets through. */
export function judgeApp(evidence: Evidence): readonly Finding[] {
  const { plain, state, route } = evidence;
  const { reply, sightings } = plain;
  if (reply.kind === "failed" || state !== "ready") return [];
  const isAlone = likelyProxy(evidence) === "haproxy" && isHaproxyAlone(reply);
  const isAway = sightings.some(({ door }) => door === "wake") || [502, 504].includes(reply.status) || isAlone;
  if (!isAway) {
    const isOurs = reply.headers["x-nodoff-state"] !== undefined && !sightings.some(({ door }) => door === "proxy");
    if (isOurs) return [];
    return [{ check: "app", result: "ok", code: "app", text: `it is awake and answers ${reply.status}` }];
  }
  const lines = linesFor("upstream_away", likelyProxy(evidence), route.alias);
  const text = `nodoff reaches the app and lets through, the proxy does not get there (${reply.status})`;
  return [{ check: "app", result: "error", code: "upstream_away", text, ...(lines !== undefined && { lines }) }];
}

/** Whether a wake ends at the app. */
export function judgeHandOver(evidence: Evidence): readonly Finding[] {
  const { woken, state, route } = evidence;
  const check = "hand_over" as const;
  if (route.workload === null) return [];
  if (woken === null) {
    if (state === "ready") return [];
    const text = `it is ${state === "error" ? "failed" : state}: --wake wakes it and looks at the rest`;
    return [{ check, result: "skipped", code: "asleep", text }];
  }
  switch (woken.kind) {
    case "passed":
      return [
        {
          check,
          result: "ok",
          code: "hand_over",
          text: `woken and at the app within ${(woken.tookMs / 1000).toFixed(1)} s`,
        },
      ];
    case "failed":
      return [{ check, result: "error", code: "wake_failed", text: `it could not be woken: ${woken.message}` }];
    case "stuck": {
      const lines = linesFor("upstream_away", likelyProxy(evidence), route.alias);
      const text = `nodoff says it is ready, the proxy still answers ${woken.status}`;
      return [{ check, result: "error", code: "upstream_away", text, ...(lines !== undefined && { lines }) }];
    }
  }
}

function isJson({ headers }: Reply & { readonly kind: "answer" }): boolean {
  return headers["content-type"]?.startsWith("application/json") === true;
}
