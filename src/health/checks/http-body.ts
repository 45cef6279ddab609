import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { toServerName } from "../../net/dial.ts";
import { type Check, toFinding, withinTime } from "./check.ts";
import { judgeAnswer } from "./http-answer.ts";
import { type HttpQuestion, type OpenDeps, ownHeaders } from "./http.ts";

/** As the check by the status line, and reads the body for a text; costs twice as much, so only where one is wanted. */
export function createHttpBodyCheck({ clock, dialed }: OpenDeps, question: HttpQuestion): Check {
  return (options) => {
    const { scheme, host, port, url } = question.to;
    const send = scheme === "https" ? httpsRequest : httpRequest;
    return withinTime({ ...options, clock }, (settle) => {
      const request = send({
        host,
        port,
        path: question.path,
        method: question.method,
        headers: { ...ownHeaders, ...question.headers, host: question.host ?? url.host },
        agent: false,
        rejectUnauthorized: question.tlsVerify,
        servername: toServerName(url),
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
