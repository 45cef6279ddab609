import type { IncomingMessage } from "node:http";
import type { RequestHandler } from "express";
import { parseCookie } from "cookie";
import { clientKey, createRateLimiter } from "../core/rate-limit.ts";
import type { ProblemInput } from "../core/problem.ts";
import { sessionCookie } from "../core/session-cookie.ts";
import { sendProblem } from "./answers.ts";
import type { ControlDeps } from "./deps.ts";
import type { Logins } from "./logins.ts";
import { foreignOrigin, isAtHome } from "./own-origin.ts";
import type { Visit } from "./own-origin.ts";
import type { Login, Person } from "./person.ts";
import type { Sessions } from "./sessions.ts";

/** Wrong credentials one address may send before it has to wait, right ones or not. */
const wrongCredentials = { count: 10, perMs: 60_000 };

/** Who is asking, or why nobody is let in. */
export type Asking =
  | { readonly kind: "known"; readonly person: Person }
  | { readonly kind: "refused"; readonly problem: ProblemInput };

/** Decides for each request who is asking and what they may do. */
export interface Access {
  /** Lets nobody through who is not known; whoever asks for something (no GET, no HEAD) has to be an operator. */
  readonly require: RequestHandler;
  identify(request: IncomingMessage): Promise<Asking>;
  /** Whom `require` let through. */
  personOf(request: IncomingMessage): Person;
  /** Tells history and log what somebody asks for, or why it is refused. `alias` null: of nodoff itself. */
  audit(request: IncomingMessage, alias: string | null, what: string): void;
  /** Whether the same request would still be let in: a stream outlives a login. */
  stillIn(request: IncomingMessage): Promise<boolean>;
}

export interface AccessDeps extends Pick<ControlDeps, "admin" | "clock" | "journal" | "logger" | "visit"> {
  readonly logins: Logins;
  readonly sessions: Sessions;
}

/**
 * In this order: nobody is asked (`admin.auth: none`), a token (RFC 6750), what a proxy in front says, a session, a
 * user's password (RFC 7617). A proxy may ask for passwords of its own, which browsers then send to us as well: they
 * come last.
 */
export function createAccess(deps: AccessDeps): Access {
  const limiter = createRateLimiter(wrongCredentials);
  const people = new WeakMap<IncomingMessage, Person>();

  async function identify(request: IncomingMessage): Promise<Asking> {
    const visit = deps.visit(request);
    const { admin } = deps;
    if (admin.auth === "none") return anybody(visit);
    const [scheme, value] = credentialsOf(request.headers.authorization);
    if (scheme === "bearer") return withCredentials(visit, () => deps.logins.byToken(value), "token");
    const named = byHeader(request, deps);
    if (named !== null) return { kind: "known", person: named };
    const login = findSession(request, deps);
    if (login !== null) return { kind: "known", person: { ...login, via: "session" } };
    if (scheme === "basic" && admin.users.length > 0) {
      const [user, password] = splitOnce(Buffer.from(value, "base64").toString("utf8"), ":");
      return withCredentials(visit, () => deps.logins.byPassword(user, password), "basic");
    }
    return refused("send the admin token as `Authorization: Bearer <token>`, or sign in at /login");
  }

  async function withCredentials(
    { client }: Visit,
    check: () => Login | null | Promise<Login | null>,
    via: "token" | "basic",
  ): Promise<Asking> {
    const key = clientKey(client);
    if (limiter.spent(key, deps.clock.now())) return { kind: "refused", problem: tooMany };
    const login = await check();
    if (login !== null) return { kind: "known", person: { name: login.name, role: login.role, via } };
    limiter.take(key, deps.clock.now());
    deps.logins.failed({ client, user: null, via });
    return refused(via === "token" ? "the admin token is wrong" : "the name or the password is wrong");
  }

  const require: RequestHandler = async (request, response, next) => {
    const asking = await identify(request);
    if (asking.kind === "refused") {
      if (asking.problem.code === "UNAUTHORIZED") response.setHeader("www-authenticate", 'Bearer realm="nodoff"');
      return sendProblem(response, asking.problem);
    }
    const { person } = asking;
    const problem = forbidden(request, person, deps.visit(request));
    if (problem !== null) return sendProblem(response, problem);
    people.set(request, person);
    next();
  };

  function personOf(request: IncomingMessage): Person {
    const person = people.get(request);
    if (person === undefined) throw new Error("asked for somebody who was not let in");
    return person;
  }

  return {
    require,
    identify,
    personOf,
    audit(request, alias, what) {
      const message = `${personOf(request).name}: ${what}`;
      deps.journal.publish({ type: "audit", alias, message });
      deps.logger.info("asked for through the API", { alias, message, client: deps.visit(request).client });
    },
    stillIn: async (request) => (await identify(request)).kind === "known",
  };
}

const tooMany: ProblemInput = {
  code: "RATE_LIMITED",
  detail: "too many wrong tokens or passwords from this address: wait a minute",
  retryAfterS: wrongCredentials.perMs / 1000,
};

function refused(detail: string): Asking {
  return { kind: "refused", problem: { code: "UNAUTHORIZED", detail } };
}

/** Without a login the address alone protects: a site may make its name lead to ours (DNS rebinding). */
function anybody(visit: Visit): Asking {
  if (isAtHome(visit)) return { kind: "known", person: { name: "admin", role: "operator", via: "none" } };
  const detail = "without a login nodoff answers this machine alone, at localhost, a loopback address or public_url";
  return { kind: "refused", problem: { code: "FOREIGN_ORIGIN", detail } };
}

function forbidden(request: IncomingMessage, { role, via }: Person, visit: Visit): ProblemInput | null {
  if (request.method === "GET" || request.method === "HEAD") return null;
  if (via !== "token") {
    const detail = foreignOrigin(request, visit, { isBrowser: via === "session" });
    if (detail !== null) return { code: "FOREIGN_ORIGIN", detail };
  }
  return role === "operator" ? null : { code: "FORBIDDEN", detail: "a viewer may look, not ask for anything" };
}

function byHeader({ headers, socket }: IncomingMessage, { admin }: AccessDeps): Person | null {
  const { trustedHeader } = admin;
  if (trustedHeader === null || !trustedHeader.isFrom(socket.remoteAddress)) return null;
  const value = headers[trustedHeader.name];
  const name = typeof value === "string" ? toName(value) : "";
  return name === "" ? null : { name, role: trustedHeader.role, via: "header" };
}

/** What lands in logs and the history: printable, and not endless. */
function toName(text: string): string {
  return text
    .replace(/[^\x20-\x7e]+/g, "?")
    .trim()
    .slice(0, 100);
}

function findSession(request: IncomingMessage, { sessions, logins }: AccessDeps): Pick<Login, "name" | "role"> | null {
  const id = sessionId(request);
  const login = id === null ? null : sessions.find(id);
  return login !== null && logins.holds(login) ? { name: login.name, role: login.role } : null;
}

export function sessionId({ headers }: IncomingMessage): string | null {
  return headers.cookie === undefined ? null : (parseCookie(headers.cookie)[sessionCookie] ?? null);
}

function credentialsOf(header: string | undefined): readonly [scheme: string, value: string] {
  const [scheme, value] = splitOnce(header ?? "", " ");
  return value.trim() === "" ? ["", ""] : [scheme.toLowerCase(), value.trim()];
}

function splitOnce(text: string, at: string): readonly [string, string] {
  const place = text.indexOf(at);
  return place === -1 ? [text, ""] : [text.slice(0, place), text.slice(place + 1)];
}
