import type { IncomingMessage } from "node:http";
import { type Exams, parseExamMark } from "../core/exams.ts";
import type { RequestFacts } from "../core/gate.ts";
import type { Route } from "../core/route.ts";

/** Notes a request of `nodoff doctor` that came to our own proxy. It goes on as any probe: never held, never counted. */
export function noteExam(
  req: IncomingMessage,
  { route, facts }: { readonly route: Route; readonly facts: RequestFacts },
  exams: Exams,
): void {
  const mark = parseExamMark(req.headers["x-nodoff-probe"]);
  if (mark === null) return;
  const { method, host, path, proto, client } = facts;
  const forwardedFor = req.headers["x-forwarded-for"];
  exams.note(mark.nonce, {
    tag: mark.tag,
    door: "proxy",
    dialect: null,
    outcome: "read",
    header: null,
    peer: req.socket.remoteAddress ?? "unknown",
    asked: { method, host, path, proto, client },
    forwardedFor: typeof forwardedFor === "string" ? forwardedFor : null,
    families: [],
    named: null,
    route: route.spec.alias,
  });
}
