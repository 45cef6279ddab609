import type { ErrorRequestHandler, RequestHandler } from "express";
import { NodoffError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { toProblem } from "../core/problem.ts";
import type { ProblemInput } from "../core/problem.ts";

type Response = Parameters<RequestHandler>[1];

export function sendProblem(response: Response, input: ProblemInput): void {
  const { status, headers, body } = toProblem(input);
  response.writeHead(status, headers).end(body);
}

export const notFound: RequestHandler = (_request, response) => sendProblem(response, { code: "NOT_FOUND" });

/** For a path that exists, asked with a method it has not. `methods` as in the Allow header. */
export function onlyMethods(methods: string): RequestHandler {
  return (_request, response) => {
    response.setHeader("allow", methods);
    sendProblem(response, { code: "METHOD_NOT_ALLOWED" });
  };
}

/** Last in the chain. Of a defect nothing is told to the client. */
export function createErrorAnswer(logger: Logger): ErrorRequestHandler {
  // Express knows an error handler by its four parameters.
  return (error: unknown, request, response, _next) => {
    const problem = toKnown(error);
    if (problem === null) logger.error("request to the API failed", { method: request.method, error });
    if (response.headersSent) response.destroy();
    else sendProblem(response, problem ?? { code: "INTERNAL" });
  };
}

/** What the client did wrong, or what an engine said: told as it is. null: a defect of ours. */
function toKnown(error: unknown): ProblemInput | null {
  // A broken percent-encoding, as Express reports it.
  if (error instanceof URIError) return { code: "BAD_REQUEST", detail: "the address cannot be decoded" };
  if (error instanceof NodoffError && error.code !== "INTERNAL") return { code: error.code, detail: error.message };
  const kind = error instanceof Error && "type" in error ? error.type : null;
  return typeof kind === "string" ? (bodyProblems[kind] ?? null) : null;
}

/** By the `type` of the errors of express.json, https://github.com/expressjs/body-parser#errors */
const bodyProblems: Readonly<Record<string, ProblemInput>> = {
  "entity.too.large": { code: "BODY_TOO_BIG", detail: "the body may have at most 16 kB" },
  "entity.parse.failed": { code: "BAD_REQUEST", detail: "the body is not valid JSON" },
  "encoding.unsupported": { code: "BAD_REQUEST", detail: "send the body without a content-encoding" },
  "charset.unsupported": { code: "BAD_REQUEST", detail: "send the body in UTF-8" },
  "request.aborted": { code: "BAD_REQUEST", detail: "the body ended early" },
  "parameters.too.many": { code: "BAD_REQUEST", detail: "the form has too many fields" },
  "request.size.invalid": { code: "BAD_REQUEST", detail: "the body is not as long as content-length says" },
};
