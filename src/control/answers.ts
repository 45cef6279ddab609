import type { ErrorRequestHandler, RequestHandler } from "express";
import type { Logger } from "../core/logger.ts";
import { toProblem } from "../core/problem.ts";
import type { ProblemInput } from "../core/problem.ts";

type Response = Parameters<RequestHandler>[1];

/** On every answer of this room: nothing is cached, framed, sniffed or told to others. */
export const commonHeaders: RequestHandler = (_request, response, next) => {
  response.set({
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
  });
  next();
};

export function sendProblem(response: Response, input: ProblemInput): void {
  const { status, headers, body } = toProblem(input);
  response.writeHead(status, headers).end(body);
}

export const notFound: RequestHandler = (_request, response) => sendProblem(response, { code: "NOT_FOUND" });

/** For paths that can only be read. */
export const onlyGet: RequestHandler = (_request, response) => {
  response.setHeader("allow", "GET, HEAD");
  sendProblem(response, { code: "METHOD_NOT_ALLOWED" });
};

/** For paths that do something. */
export const onlyPost: RequestHandler = (_request, response) => {
  response.setHeader("allow", "POST");
  sendProblem(response, { code: "METHOD_NOT_ALLOWED" });
};

/** Last in the chain. Nothing of what was thrown is told to the client. */
export function createErrorAnswer(logger: Logger): ErrorRequestHandler {
  // Express knows an error handler by its four parameters.
  return (error: unknown, request, response, _next) => {
    if (isBadUrl(error)) return sendProblem(response, { code: "BAD_REQUEST", detail: "the address cannot be decoded" });
    logger.error("request to the API failed", { method: request.method, error });
    if (response.headersSent) response.destroy();
    else sendProblem(response, { code: "INTERNAL" });
  };
}

/** A broken percent-encoding, as Express reports it. */
function isBadUrl(error: unknown): boolean {
  return error instanceof URIError;
}
