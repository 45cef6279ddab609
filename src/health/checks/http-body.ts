import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { toServerName, withoutBrackets } from "../../net/dial.ts";
import { type Check, cannotCheck, toFinding, withinTime } from "./check.ts";
import { judgeAnswer } from "./http-answer.ts";
import { type HttpQuestion, type OpenDeps, ownHeaders } from "./http.ts";

/** As the check by the status line, and reads the body for a text; costs twice as much, so only where one is wanted. */
export function createHttpBodyCheck({ clock, dialed }: OpenDeps, question: HttpQuestion): Check {
  return (options) => {
    if (!URL.canParse(question.origin)) return Promise.resolve(cannotCheck("no valid address"));
    const origin = new URL(question.origin);
    const send = origin.protocol === "https:" ? httpsRequest : httpRequest;
    return withinTime({ ...options, clock }, (settle) => {
      const request = send({
        host: withoutBrackets(origin.hostname),
        port: origin.port === "" ? (origin.protocol === "https:" ? 443 : 80) : Number(origin.port),
        path: question.path,
        method: question.method,
        headers: { ...ownHeaders, ...question.headers, host: question.host ?? origin.host },
        agent: false,
        rejectUnauthorized: question.tlsVerify,
        servername: toServerName(origin),
      });
      const fail = (error: unknown): void => settle(toFinding(error));
      request.on("socket", (socket) => socket.once("connect", () => dialed?.add(socket)));
      request.on("error", fail).on("response", (response) => {
        const { statusCode: status = 0, statusMessage: reason = "" } = response;
        void judgeAnswer({ status, reason, body: response }, question).then(settle, fail);
      });
      request.end();
      return () => void request.destroy();
    });
  };
}
