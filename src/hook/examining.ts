import type { IncomingMessage } from "node:http";
import { type Exams, parseExamMark, type Sighting } from "../core/exams.ts";
import type { RequestFacts, RequestHeaders } from "../core/gate.ts";
import type { Route } from "../core/route.ts";
import type { HookAddress } from "./hook-address.ts";
import { stateOf } from "./status.ts";
import { peerOf, type Reply } from "./write.ts";

/** What is known of a request when it is noted. */
interface Seen {
  readonly outcome: Sighting["outcome"];
  /** null = the page channel. */
  readonly address: HookAddress | null;
  readonly facts?: RequestFacts;
  readonly route?: Route | undefined;
  /** Missing or malformed. */
  readonly header?: string;
}

/** A request of `nodoff doctor` that was noted. */
export interface Noted {
  readonly tag: string;
  readonly wantsPage: boolean;
}

/** Notes a request of `nodoff doctor`; null = it is none. For the few requests that carry `X-Nodoff-Probe`. */
export function examine(req: IncomingMessage, seen: Seen, exams: Exams): Noted | null {
  const { headers } = req;
  const mark = parseExamMark(headers["x-nodoff-probe"]);
  if (mark === null || !exams.note(mark.nonce, toSighting(mark.tag, req, seen))) return null;
  return { tag: mark.tag, wantsPage: mark.wantsPage };
}

function toSighting(tag: string, req: IncomingMessage, seen: Seen): Sighting {
  const headers: RequestHeaders = req.headers;
  const { outcome, address, facts, route, header = null } = seen;
  const dialect = address?.dialect.name ?? null;
  const addressHeader = dialect === "nginx" ? "x-original-addr" : "x-forwarded-for";
  const forwardedFor = headers[addressHeader];
  const has = (name: string): boolean => headers[name] !== undefined && headers[name] !== "";
  return {
    tag,
    door: address?.door ?? "channel",
    dialect,
    outcome,
    header,
    peer: peerOf(req),
    asked: facts === undefined ? null : pick(facts),
    forwardedFor: typeof forwardedFor === "string" && forwardedFor !== "" ? forwardedFor : null,
    families: [
      ...(has("x-forwarded-uri") || has("x-forwarded-method") ? (["forwarded"] as const) : []),
      ...(has("x-original-uri") || has("x-original-method") ? (["original"] as const) : []),
    ],
    named: address?.alias ?? null,
    route: route?.spec.alias ?? null,
  };
}

function pick({ method, host, path, proto, client }: RequestFacts): Sighting["asked"] {
  return { method, host, path, proto, client };
}

/** As long as a loading page may be: a proxy that cuts answers shows it. */
const pageBytes = 30_000;

/** The page such a request gets in place of the loading page: recognisable, and as long. It wakes nothing. */
export function examPage({ tag }: Noted, route: Route): Reply {
  const start = `<!doctype html><title>nodoff doctor</title><p id="${tag}">nodoff doctor asked for this page.</p><!--`;
  const end = `--><p>nodoff-doctor-end-${tag}</p>`;
  return {
    status: 503,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "retry-after": "1",
      "x-nodoff-state": stateOf(route),
      "x-nodoff-route": encodeURI(route.spec.alias),
    },
    body: start + " ".repeat(Math.max(0, pageBytes - start.length - end.length)) + end,
  };
}
