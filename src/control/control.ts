import type { RequestListener } from "node:http";
import express from "express";
import type { RequestHandler, Router } from "express";
import { withLive } from "../core/live.ts";
import { createAccess } from "./access.ts";
import type { Access } from "./access.ts";
import { createErrorAnswer, notFound, onlyMethods, sendProblem } from "./answers.ts";
import { askingEndpoints } from "./asking.ts";
import { createDashboard } from "./dashboard.ts";
import type { ControlDeps } from "./deps.ts";
import { eventStream } from "./event-stream.ts";
import { commonHeaders } from "./headers.ts";
import { gatewayEndpoints, gatewayPaths } from "./gateway-names.ts";
import { doctorActions, doctorEndpoints } from "./doctor.ts";
import { healthActions } from "./health.ts";
import { historyEndpoints } from "./history.ts";
import { limitPerClient } from "./limits.ts";
import { loginStyle } from "./login-page.ts";
import { operations } from "./operations.ts";
import { logStream } from "./log-stream.ts";
import { loginEndpoints } from "./login.ts";
import { createLogins } from "./logins.ts";
import { readingEndpoints } from "./reading.ts";
import { createSessions } from "./sessions.ts";
import { createStreams } from "./streams.ts";
import type { Streams } from "./streams.ts";

/** API, dashboard, health and metrics: everything on the control listener but hook paths. */
export interface Control {
  readonly serve: RequestListener;
  /** Ends the streams that would go on for ever. */
  close(): void;
}

/** Attempts to sign in, right or wrong. */
const logins = { count: 10, perMs: 60_000 };
/** What strangers may look at: enough for many probes behind one address. */
const publicLooks = { count: 300, perMs: 10_000 };
const mostEventStreams = 200;
const mostLogStreams = 50;

/**
 * The API is closed to whoever is not let in (`admin`), and so are metrics unless they are public. Reading changes nothing
 * and counts as no activity.
 */
export function createControl(deps: ControlDeps): Control {
  const sessions = createSessions(deps);
  const passwordsAndTokens = createLogins(deps);
  const access = createAccess(withLive(deps, { logins: passwordsAndTokens, sessions }));
  const login = loginEndpoints(withLive(deps, { access, logins: passwordsAndTokens, sessions }));
  const { clock } = deps;
  const streams = {
    events: createStreams({ clock, stillIn: access.stillIn, most: mostEventStreams }),
    logs: createStreams({ clock, stillIn: access.stillIn, most: mostLogStreams }),
  };

  const doors = createRouter();
  const mayLook = limitPerClient(publicLooks, deps);
  const dashboard = createDashboard({ ...deps.dashboard, basePath: () => deps.basePath, identify: access.identify });
  addReadable(doors, "/", mayLook, dashboard.page);
  doors.use("/assets", access.require);
  addReadable(doors, "/assets/:version/*path", dashboard.asset);
  addReadable(doors, "/healthz", mayLook, (_request, response) => void response.json({ status: "ok" }));
  addReadable(doors, "/readyz", mayLook, (_request, response) => {
    const { ok, missing } = deps.ready();
    response.status(ok ? 200 : 503).json({ status: ok ? "ready" : "waiting", missing });
  });
  addReadable(doors, "/login.css", mayLook, (_request, response) => void response.type("text/css").send(loginStyle));
  const signIn = [limitPerClient(logins, deps), readForm, login.signIn];
  doors.route("/login").get(mayLook, login.show).post(signIn).all(onlyMethods("GET, HEAD, POST"));
  doors.route("/logout").post(mayLook, login.signOut).all(onlyMethods("POST"));
  for (const path of ["/metrics", gatewayPaths.metrics]) {
    doors.use(path, whoMaySeeMetrics(deps, access));
    addReadable(doors, path, async (_request, response) => {
      const text = await deps.metrics.text();
      response.setHeader("content-type", deps.metrics.contentType);
      response.end(text);
    });
  }
  const gateway = gatewayEndpoints(deps, access);
  doors.use(gatewayPaths.page, access.require);
  addReadable(doors, gatewayPaths.page, gateway.page);
  addReadable(doors, gatewayPaths.api, gateway.api);
  doors.route(gatewayPaths.wake).post(gateway.wake).all(onlyMethods("POST"));
  doors.use("/api/v1", access.require, createApi(deps, access, streams));

  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.enable("case sensitive routing");
  app.set("query parser", "simple");
  app.use(commonHeaders);
  app.use(belowBasePath(deps, doors));
  app.use(doors);
  app.use(notFound);
  app.use(createErrorAnswer(deps.logger));
  return {
    serve: app,
    close() {
      streams.events.close();
      streams.logs.close();
    },
  };
}

function createApi(
  deps: ControlDeps,
  access: Access,
  streams: { readonly events: Streams; readonly logs: Streams },
): Router {
  const api = createRouter().use(alwaysAnew);
  const readable = {
    ...readingEndpoints(deps, access),
    ...historyEndpoints(deps),
    ...doctorEndpoints(deps),
    "/events": eventStream({ journal: deps.journal, streams: streams.events }),
    "/workloads/:alias/logs": logStream(deps, streams.logs),
  };
  const askable = { ...askingEndpoints(deps, access), ...healthActions(deps, access), ...doctorActions(deps, access) };
  const unanswered = new Set(Object.keys(operations));
  const add = (method: "GET" | "POST", path: string, answer: RequestHandler): void => {
    const key = `${method} ${path}`;
    if (!unanswered.delete(key)) throw new Error(`${key} is missing in operations.ts`);
    if (method === "GET") addReadable(api, path, answer);
    else addAskable(api, path, answer);
  };
  for (const [path, answer] of Object.entries(readable)) add("GET", path, answer);
  for (const [path, answer] of Object.entries(askable)) add("POST", path, answer);
  if (unanswered.size > 0) throw new Error(`nobody answers ${[...unanswered].join(", ")}`);
  return api;
}

function createRouter(): Router {
  return express.Router({ caseSensitive: true, strict: true });
}

/** The same under `base_path`, read at each request: for proxies that do not take the path away. */
function belowBasePath(deps: ControlDeps, doors: Router): RequestHandler {
  let path = "/";
  let below: Router | null = null;
  return (request, response, next) => {
    if (deps.basePath === "/") return next();
    // Addresses on pages are relative: without the slash they would lead beside it.
    if (request.path === deps.basePath) return response.redirect(308, `${deps.basePath}/`);
    if (below === null || path !== deps.basePath) {
      path = deps.basePath;
      below = createRouter().use(path, doors);
    }
    below(request, response, next);
  };
}

function whoMaySeeMetrics(deps: ControlDeps, access: Access): RequestHandler {
  return (request, response, next) => (deps.metricsPublic ? next() : access.require(request, response, next));
}

/** What is asked is how things are now: `If-None-Match: *` would be answered with 304 and nothing. */
const alwaysAnew: RequestHandler = ({ headers }, _response, next) => {
  delete headers["if-none-match"];
  delete headers["if-modified-since"];
  next();
};

/** GET and HEAD; any other method is told so. */
function addReadable(router: Router, path: string, ...answers: readonly RequestHandler[]): void {
  router
    .route(path)
    .get(...answers)
    .all(onlyMethods("GET, HEAD"));
}

/** POST with a JSON body or none; any other method is told so. */
function addAskable(router: Router, path: string, answer: RequestHandler): void {
  router.route(path).post(requireJson, readJson, answer).all(onlyMethods("POST"));
}

const readJson = express.json({ limit: 16_000, inflate: false });
const readForm = express.urlencoded({ limit: 16_000, inflate: false, extended: false, parameterLimit: 20 });

/** Whoever sends a form must not think its fields were heard. */
const requireJson: RequestHandler = (request, response, next) => {
  if (request.headers["content-length"] === "0" || request.is("application/json") !== false) return next();
  sendProblem(response, { code: "BAD_REQUEST", detail: "send the body as application/json" });
};
