import type { IncomingMessage, ServerResponse } from "node:http";
import { isSeen } from "../core/classify.ts";
import type { ErrorCode } from "../core/errors.ts";
import type { Answer, RequestFacts } from "../core/gate.ts";
import { titleByCode, toProblem, toRetryAfter } from "../core/problem.ts";

/** What went wrong, for the client. */
export interface ProxyFailure {
  readonly code: ErrorCode;
  /** Alias; absent where no route is known. */
  readonly route?: string;
  readonly retryAfterS?: number;
}

/** Writes a complete answer of the gate. */
export function reply(
  res: ServerResponse,
  answer: Pick<Answer & { readonly kind: "reply" }, "status" | "headers" | "body">,
): void {
  res.statusCode = answer.status;
  for (const name in answer.headers) res.setHeader(name, answer.headers[name] ?? "");
  // With the head still to be written node:http knows the length.
  res.end(answer.body);
}

/** Sends the client to the same address over TLS, for good, with its method and body (308). */
export function redirect(res: ServerResponse, { host, path, query }: RequestFacts, port: number): void {
  const name = host.replace(/:\d+$/, "");
  const location = `https://${name}${port === 443 ? "" : `:${port}`}${path}${query}`;
  res.writeHead(308, { location, "content-length": 0 }).end();
}

/** Tells a failure: a small page where a person sees it, problem+json to programs and scripts. Names no address and no engine. */
export function replyFailure(req: IncomingMessage, res: ServerResponse, failure: ProxyFailure): void {
  const { status, headers, body } = toProblem(failure);
  if (!isSeen(req.headers)) {
    res.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) }).end(body);
    return;
  }
  const page = toPage(failure.code, status);
  res
    .writeHead(status, {
      "content-type": "text/html; charset=utf-8",
      "content-length": Buffer.byteLength(page),
      "content-security-policy": "default-src 'none'",
      "cache-control": "no-store",
      "x-robots-tag": "noindex",
      ...(failure.retryAfterS !== undefined && { "retry-after": toRetryAfter(failure.retryAfterS) }),
    })
    .end(page);
}

function toPage(code: ErrorCode, status: number): string {
  const title = titleByCode[code];
  const retry = status >= 500 ? '<p><a href="">Try again</a></p>' : "";
  return (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">' +
    `<meta name="color-scheme" content="light dark"><title>${title}</title></head>` +
    `<body><h1>${title}</h1><p>${status} ${code}</p>${retry}</body></html>\n`
  );
}
