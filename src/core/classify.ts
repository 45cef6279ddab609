import type { RequestFacts, RequestHeaders } from "./gate.ts";
import type { DoorSpec, RequestMatch } from "./spec.ts";
import { monitorAgents, previewAgents } from "./user-agents.ts";

/**
 * What kind of request it is (design §8.2). The class `reserved` is not among them: doors answer `/.nodoff/` before
 * they ask. `other` is everything that is neither: API calls, assets, upgrades, POSTs.
 */
export type RequestClass = "no_wake" | "navigation" | "other";

/** Compiles a list of CIDRs or addresses; comes in from outside because core parses no addresses. */
export type MatchesAddress = (cidrs: readonly string[]) => (address: string) => boolean;

type Matcher = (facts: RequestFacts) => boolean;

/** A door ready to be asked per request: every list is compiled, nothing is parsed any more. */
export interface CompiledDoor {
  readonly spec: DoorSpec;
  readonly isNoWake: Matcher;
  readonly isNoCount: Matcher;
  /** `start_endpoint` and `wake_on` together: both must agree where both are given. */
  readonly mayWake: Matcher;
}

/** Everything about the request that the decision needs. */
export interface Classified {
  readonly requestClass: RequestClass;
  readonly counts: boolean;
}

const never: Matcher = () => false;
const always: Matcher = () => true;

/** Prepares a door. Called when configuration changes, never per request; `matchesAddress` may throw on a wrong CIDR. */
export function compileDoor(spec: DoorSpec, deps: { readonly matchesAddress: MatchesAddress }): CompiledDoor {
  const listed = toAny(spec.noWake, deps.matchesAddress);
  const noCount = toAny(spec.noCount, deps.matchesAddress);
  const { startEndpoint } = spec;
  const isStart: Matcher = startEndpoint === null ? always : (facts) => facts.path === startEndpoint;
  const isWakeOn = spec.wakeOn.length === 0 ? always : toAny(spec.wakeOn, deps.matchesAddress);
  return {
    spec,
    isNoWake: spec.noWakeDefaults ? (facts) => isUninvited(facts) || listed(facts) : listed,
    isNoCount: noCount,
    mayWake: (facts) => isStart(facts) && isWakeOn(facts),
  };
}

/**
 * Class and count of one request, in the order of design §8.2: `no_wake`, `navigation`, `other`. The loading page's own
 * probe is `no_wake`, so that it is never held, and is not counted.
 */
export function classify(facts: RequestFacts, door: CompiledDoor): Classified {
  if (facts.probe || door.isNoWake(facts)) return { requestClass: "no_wake", counts: false };
  return {
    requestClass: isNavigation(facts) ? "navigation" : "other",
    counts: facts.method !== "OPTIONS" && !door.isNoCount(facts),
  };
}

/**
 * Whether the request is use of the service: the `counts` of `classify` alone, without allocating. Preflights
 * (OPTIONS) wake but are no use of their own: the request they announce is.
 */
export function counts(facts: RequestFacts, door: CompiledDoor): boolean {
  return facts.method !== "OPTIONS" && !facts.probe && !door.isNoWake(facts) && !door.isNoCount(facts);
}

/** Whether `start_endpoint` and `wake_on` let this request start the workload. */
export function mayWake(facts: RequestFacts, door: CompiledDoor): boolean {
  return door.mayWake(facts);
}

// After a delimiter only: that is how user agents name themselves, and it is three times as fast as a free search.
const uninvitedAgent = new RegExp(
  `(?:^|[ +;(])(?:${[...monitorAgents, ...previewAgents].map(escapeRegExp).join("|")})`,
  "i",
);

/** The built-in part of `no_wake` (design §8.3): monitors, link previews, bare HEADs, browser chores, prefetches. */
function isUninvited(facts: RequestFacts): boolean {
  const { headers, path } = facts;
  if (path === "/favicon.ico" || path === "/robots.txt") return true;
  if (facts.method === "HEAD" && !hasSecFetch(headers)) return true;
  if (isPrefetch(headers)) return true;
  const agent = headers["user-agent"];
  return typeof agent === "string" && uninvitedAgent.test(agent);
}

function isNavigation({ method, upgrade, headers }: RequestFacts): boolean {
  return !upgrade && (method === "GET" || method === "HEAD") && !isPrefetch(headers) && isSeen(headers);
}

/**
 * Whether the answer is shown to a person in a browser, whatever the method: a form that is sent is, what a script asks
 * for is not.
 */
export function isSeen(headers: RequestHeaders): boolean {
  if (hasSecFetch(headers)) return headers["sec-fetch-mode"] === "navigate";
  // Browsers send no Sec-Fetch over plain http. Their Accept starts with a page type; what scripts send does not.
  if (headers["x-requested-with"] !== undefined || headers["hx-request"] !== undefined) return false;
  const accept = headers.accept;
  return typeof accept === "string" && pageAccept.test(accept);
}

const pageAccept = /^(?:text\/html|application\/xhtml\+xml)(?:[;,\s]|$)/i;

/** Any of the three: proxies may pass only some, and one is enough to know what the client is. */
function hasSecFetch(headers: RequestHeaders): boolean {
  return (
    headers["sec-fetch-mode"] !== undefined ||
    headers["sec-fetch-site"] !== undefined ||
    headers["sec-fetch-dest"] !== undefined
  );
}

const speculative = /\b(?:prefetch|prerender|preview)\b/i;

function isPrefetch(headers: RequestHeaders): boolean {
  const purpose = headers["sec-purpose"] ?? headers.purpose;
  return typeof purpose === "string" && speculative.test(purpose);
}

/** Matches when any rule does. */
function toAny(rules: readonly RequestMatch[], matchesAddress: MatchesAddress): Matcher {
  const matchers = rules.map((rule) => toAll(rule, matchesAddress));
  const [only] = matchers;
  if (only === undefined) return never;
  if (matchers.length === 1) return only;
  return (facts) => {
    for (const matches of matchers) if (matches(facts)) return true;
    return false;
  };
}

/**
 * Matches when every given field does; the cheap fields are asked first. A rule without fields matches nothing: as a slip
 * it would otherwise keep everybody from waking, or let everybody.
 */
function toAll(rule: RequestMatch, matchesAddress: MatchesAddress): Matcher {
  const fields: Matcher[] = [];
  if (rule.methods !== undefined) {
    const methods = new Set(rule.methods.map((method) => method.toUpperCase()));
    fields.push((facts) => methods.has(facts.method));
  }
  if (rule.path !== undefined) {
    const matches = toGlob(rule.path);
    fields.push((facts) => matches(facts.path));
  }
  if (rule.userAgent !== undefined) {
    const matches = toGlob(rule.userAgent.toLowerCase());
    fields.push(({ headers: { "user-agent": agent } }) =>
      matches(typeof agent === "string" ? agent.toLowerCase() : ""),
    );
  }
  if (rule.client !== undefined) {
    const matches = matchesAddress(rule.client);
    fields.push(({ client }) => client !== null && matches(client));
  }
  return fields.length === 0 ? never : (facts) => fields.every((matches) => matches(facts));
}

/**
 * A glob over the whole text in which `*` stands for any run of characters. Compiled to string searches instead of a
 * regular expression: taking the leftmost place for each part is always right, so no input makes it backtrack.
 */
function toGlob(glob: string): (text: string) => boolean {
  const [head = "", ...rest] = glob.split("*");
  const tail = rest.pop();
  if (tail === undefined) return (text) => text === glob;
  const middle = rest.filter((part) => part !== "");
  return (text) => {
    if (!text.startsWith(head) || !text.endsWith(tail)) return false;
    let from = head.length;
    for (const part of middle) {
      const at = text.indexOf(part, from);
      if (at === -1) return false;
      from = at + part.length;
    }
    return from <= text.length - tail.length;
  };
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
