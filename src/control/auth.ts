import { createHash, timingSafeEqual } from "node:crypto";
import type { RequestHandler } from "express";
import { createRateLimiter } from "../core/rate-limit.ts";
import type { ControlDeps } from "./deps.ts";
import { sendProblem } from "./answers.ts";

/** Wrong tokens one address may send before it has to wait, right token or not. */
const wrongTokens = { count: 10, perMs: 60_000 };

/**
 * Lets only those through who send `Authorization: Bearer <admin.token>` (RFC 6750). A request without credentials is no
 * attempt and does not count towards the limit.
 */
export function createTokenGate(deps: ControlDeps): RequestHandler {
  const limiter = createRateLimiter(wrongTokens);
  return (request, response, next) => {
    const given = bearerOf(request.headers.authorization);
    if (deps.adminToken === null) {
      return refuse(response, "no admin token is configured: set admin.token, then send it as a Bearer token");
    }
    if (given === null) return refuse(response, "send the admin token as `Authorization: Bearer <token>`");
    const client = deps.clientOf?.(request) ?? request.socket.remoteAddress ?? "unknown";
    const now = deps.clock.now();
    if (limiter.spent(client, now)) {
      const detail = "too many wrong tokens from this address: wait a minute";
      return sendProblem(response, { code: "RATE_LIMITED", detail, retryAfterS: wrongTokens.perMs / 1000 });
    }
    if (isSame(given, deps.adminToken)) return next();
    limiter.take(client, now);
    deps.logger.warn("wrong admin token", { client });
    return refuse(response, "the admin token is wrong");
  };
}

type Response = Parameters<RequestHandler>[1];

function refuse(response: Response, detail: string): void {
  response.setHeader("www-authenticate", 'Bearer realm="nodoff"');
  sendProblem(response, { code: "UNAUTHORIZED", detail });
}

function bearerOf(header: string | undefined): string | null {
  const [scheme, rest] = splitOnce(header ?? "");
  return scheme.toLowerCase() === "bearer" && rest !== "" ? rest : null;
}

function splitOnce(text: string): readonly [string, string] {
  const space = text.indexOf(" ");
  return space === -1 ? [text, ""] : [text.slice(0, space), text.slice(space + 1).trim()];
}

/** In a time that tells nothing of the token, its length included. Headers arrive as latin1, config is UTF-8. */
function isSame(given: string, token: string): boolean {
  const digest = (text: string, encoding: "latin1" | "utf8"): Buffer =>
    createHash("sha256").update(text, encoding).digest();
  return timingSafeEqual(digest(given, "latin1"), digest(token, "utf8"));
}
