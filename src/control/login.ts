import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { sessionCookie } from "../core/session-cookie.ts";
import { sendProblem } from "./answers.ts";
import type { Access } from "./access.ts";
import { sessionId } from "./access.ts";
import type { ControlDeps } from "./deps.ts";
import { loginPage } from "./login-page.ts";
import type { Logins } from "./logins.ts";
import { foreignOrigin } from "./own-origin.ts";
import type { Login } from "./person.ts";
import type { Sessions } from "./sessions.ts";

export interface LoginDeps extends Pick<ControlDeps, "admin" | "basePath" | "journal" | "logger" | "visit"> {
  readonly access: Access;
  readonly logins: Logins;
  readonly sessions: Sessions;
}

/** The fields of the form. */
const Form = z.union([
  z.object({ token: z.string().min(1).max(1_024) }),
  z.object({ user: z.string().min(1).max(200), password: z.string().max(1_024) }),
]);

/**
 * `GET /login`, `POST /login`, `POST /logout`. A browser is led on by relative addresses, so it does not matter below
 * which path a proxy shows us.
 */
export function loginEndpoints(deps: LoginDeps): {
  readonly show: RequestHandler;
  readonly signIn: RequestHandler;
  readonly signOut: RequestHandler;
} {
  const { access, logins, sessions, journal, logger } = deps;
  const sendPage = (response: Response, status: number, problem: string | null): void => {
    response
      .status(status)
      .type("text/html")
      .send(loginPage({ hasUsers: deps.admin.users.length > 0, problem }));
  };
  return {
    async show(request, response) {
      const { kind } = await access.identify(request);
      if (kind === "known") return leadTo(response, "./");
      sendPage(response, 200, null);
    },
    async signIn(request, response) {
      const visit = deps.visit(request);
      const foreign = foreignOrigin(request, visit, { isBrowser: false });
      if (foreign !== null) return sendProblem(response, { code: "FOREIGN_ORIGIN", detail: foreign });
      const form = Form.safeParse(request.body ?? {});
      if (!form.success) {
        const detail = "send token, or user and password, as application/x-www-form-urlencoded";
        return sendProblem(response, { code: "BAD_REQUEST", detail });
      }
      const typed = form.data;
      const login =
        "token" in typed ? logins.byTyped(typed.token) : await logins.byPassword(typed.user, typed.password);
      if (login === null) {
        logins.failed({ client: visit.client, user: "user" in typed ? typed.user : null, via: "form" });
        if (request.accepts("text/html") !== false && wantsPage(request)) {
          return sendPage(response, 401, "That is not right. Try again.");
        }
        return sendProblem(response, { code: "UNAUTHORIZED", detail: "the token, the name or the password is wrong" });
      }
      openSession(request, response, login);
      journal.publish({ type: "audit", alias: null, message: `${login.name} signed in, from ${visit.client}` });
      logger.info("signed in", { user: login.name, client: visit.client });
      leadTo(response, "./");
    },
    signOut(request, response) {
      const id = sessionId(request);
      const foreign = foreignOrigin(request, deps.visit(request), { isBrowser: id !== null });
      if (foreign !== null) return sendProblem(response, { code: "FOREIGN_ORIGIN", detail: foreign });
      if (id !== null) sessions.close(id);
      response.clearCookie(sessionCookie, cookieOptions(request));
      leadTo(response, "login");
    },
  };

  function openSession(request: Request, response: Response, login: Login): void {
    // One that somebody brought along is never taken over (session fixation).
    const known = sessionId(request);
    if (known !== null) sessions.close(known);
    response.cookie(sessionCookie, sessions.open(login), cookieOptions(request));
  }

  /** Reached without the base path, a proxy took it away or there is none between: the cookie is for all we are. */
  function cookieOptions(request: Request): Parameters<Response["clearCookie"]>[1] & object {
    const isBelow = deps.basePath !== "/" && request.originalUrl.startsWith(`${deps.basePath}/`);
    const { isSecure } = deps.visit(request);
    return { httpOnly: true, sameSite: "strict", secure: isSecure, path: isBelow ? deps.basePath : "/" };
  }
}

/** 303: whatever was asked, the next request is a GET. */
function leadTo(response: Response, address: string): void {
  response.redirect(303, address);
}

function wantsPage({ headers }: Request): boolean {
  return headers.accept?.startsWith("text/html") ?? false;
}
