import { connect } from "node:http2";
import { type Check, failed, toFinding, withinTime } from "./check.ts";
import { judgeAnswer } from "./http-answer.ts";
import { type HttpQuestion, type OpenDeps, ownHeaders } from "./http.ts";

/** HTTP/2 without TLS, by prior knowledge (RFC 9113 section 3.3). */
export function createH2cCheck({ clock, dialed }: OpenDeps, question: HttpQuestion): Check {
  return (options) => {
    const { host } = question.to.url;
    return withinTime({ ...options, clock }, (settle) => {
      // A stream that ends with its session tells of the session's failure as its cause.
      const fail = (error: Error): void => settle(toFinding(error.cause ?? error));
      const session = connect(`http://${host}`).on("error", fail);
      session.on("connect", (_session, socket) => dialed?.add(socket));
      session.on("close", () => settle(failed("closed without an answer")));
      const stream = session
        .request({
          ...ownHeaders,
          ...question.headers,
          ":method": question.method,
          ":path": question.path,
          ":authority": question.host ?? host,
        })
        .on("error", fail);
      stream.on("response", (headers) => {
        const status = headers[":status"] ?? 0;
        void judgeAnswer({ status, reason: "", body: stream }, question).then(settle, fail);
      });
      return () => session.destroy();
    });
  };
}
