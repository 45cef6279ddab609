import type { RequestListener } from "node:http";
import express from "express";
import type { Express, RequestHandler } from "express";
import { commonHeaders, createErrorAnswer, notFound, onlyMethods, sendProblem } from "./answers.ts";
import { askingEndpoints } from "./asking.ts";
import { createTokenGate } from "./auth.ts";
import type { ControlDeps } from "./deps.ts";
import { gatewayEndpoints, gatewayPaths } from "./gateway-names.ts";
import { healthActions } from "./health.ts";
import { historyEndpoints } from "./history.ts";
import { readingEndpoints } from "./reading.ts";

const about = `nodoff puts services to sleep when nobody uses them and wakes them on the first request.

/healthz, /readyz   is it alive, is it ready
/metrics            for Prometheus
/api/v1/            the API; send the admin token as "Authorization: Bearer <token>"

docs/api.md and docs/metrics.md in nodoff's sources describe them.
`;

/**
 * Answers everything on the control listener but hook paths: health, metrics and the API. The API is closed without the
 * admin token, and so are metrics unless they are public. Reading changes nothing and counts as no activity.
 */
export function createControl(deps: ControlDeps): RequestListener {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.enable("case sensitive routing");
  app.set("query parser", "simple");
  app.use(commonHeaders);

  const requireToken = createTokenGate(deps);
  const guardMetrics: RequestHandler = (request, response, next) =>
    deps.metricsPublic ? next() : requireToken(request, response, next);

  addReadable(app, "/", (_request, response) => void response.type("text/plain").send(about));
  addReadable(app, "/healthz", (_request, response) => void response.json({ status: "ok" }));
  addReadable(app, "/readyz", (_request, response) => {
    const { ok, missing } = deps.ready();
    response.status(ok ? 200 : 503).json({ status: ok ? "ready" : "waiting", missing });
  });
  app.use("/metrics", guardMetrics);
  const metrics: RequestHandler = async (_request, response) => {
    const text = await deps.metrics.text();
    response.setHeader("content-type", deps.metrics.contentType);
    response.end(text);
  };
  addReadable(app, "/metrics", metrics);
  app.use(gatewayPaths.metrics, guardMetrics);
  addReadable(app, gatewayPaths.metrics, metrics);
  app.use(gatewayPaths.page, requireToken);
  const gateway = gatewayEndpoints(deps);
  addReadable(app, gatewayPaths.page, gateway.page);
  addReadable(app, gatewayPaths.api, gateway.api);
  app.route(gatewayPaths.wake).post(gateway.wake).all(onlyMethods("POST"));
  app.use("/api/v1", requireToken);
  const readable = { ...readingEndpoints(deps), ...historyEndpoints(deps) };
  for (const [path, answer] of Object.entries(readable)) addReadable(app, `/api/v1${path}`, answer);
  const askable = { ...askingEndpoints(deps), ...healthActions(deps) };
  for (const [path, answer] of Object.entries(askable)) addAskable(app, `/api/v1${path}`, answer);

  app.use(notFound);
  app.use(createErrorAnswer(deps.logger));
  return app;
}

/** GET and HEAD; any other method is told so. */
function addReadable(app: Express, path: string, answer: RequestHandler): void {
  app.route(path).get(answer).all(onlyMethods("GET, HEAD"));
}

/** POST with a JSON body or none; any other method is told so. */
function addAskable(app: Express, path: string, answer: RequestHandler): void {
  app.route(path).post(requireJson, readJson, answer).all(onlyMethods("POST"));
}

const readJson = express.json({ limit: 16_000, inflate: false });

/** Whoever sends a form must not think its fields were heard. */
const requireJson: RequestHandler = (request, response, next) => {
  if (request.headers["content-length"] === "0" || request.is("application/json") !== false) return next();
  sendProblem(response, { code: "BAD_REQUEST", detail: "send the body as application/json" });
};
