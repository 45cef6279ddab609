import type { IncomingMessage, ServerResponse } from "node:http";
import type { Dispatcher } from "undici";
import type { Clock } from "../core/clock.ts";
import type { Route } from "../core/route.ts";
import type { OriginPools, OriginRequest } from "../net/origin-pools.ts";
import { closeAfterBody, createBody, discardRest } from "./request-body.ts";
import { cut, endStream, isHttp2, prepareHead } from "./http2.ts";
import { createBodyWriter } from "./response-body.ts";
import { createRedial } from "./redial.ts";
import type { Redial } from "./redial.ts";
import { toUpstreamHeaders, toUpstreamPath } from "./request-headers.ts";
import type { Outgoing } from "./request-headers.ts";
import { addExtras, passHints, toClientHeaders, toStatusMessage } from "./response-headers.ts";
import { hasBody } from "./target.ts";

export interface ForwardDeps {
  readonly pools: OriginPools;
  readonly clock: Clock;
}

/** One allowed request to carry to its upstream. */
export interface Forwarding {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly route: Route;
  readonly outgoing: Outgoing;
  /** The client waits for `100 Continue` before it sends its body. */
  readonly expectsContinue: boolean;
  /** The upstream failed. The caller answers if no head was sent yet; else the connection is cut already. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Carries a request to the route's upstream and the answer back, as it comes: each chunk is passed on at once, a slow
 * reader on either side pauses the other, a client that leaves cancels the upstream. No time limits. The body stays
 * unread until there is a connection.
 */
export function forward(forwarding: Forwarding, deps: ForwardDeps): void {
  const { req, res, route, outgoing, onFailure } = forwarding;
  const path = toUpstreamPath(outgoing);
  const headers = toUpstreamHeaders(req, outgoing);
  let redial: Redial | null = null;
  const link: Link = { controller: null, isClosed: false };
  // A response may fail after its client has left; with nobody to hear it the process would end.
  res.on("error", () => undefined);
  res.on("drain", () => link.controller?.resume());
  res.once("close", () => {
    link.isClosed = true;
    link.controller?.abort(new Error("the client left"));
  });
  const send = (): void => {
    if (link.isClosed) return;
    const locating = route.workload?.locating ?? null;
    if (locating !== null) return void locating.then(send);
    const origin = route.upstream(redial?.passed);
    if (origin === null) return onFailure(new Error("the upstream has no address"));
    const retry = (error: unknown): boolean => (redial ??= createRedial(route, deps.clock)).again(error, origin, send);
    const handler = createHandler(forwarding, { link, clock: deps.clock, retry });
    const method = req.method ?? "GET";
    const request: OriginRequest = {
      method,
      path,
      headers: withTrailers(headers, req, origin),
      body: toBody(forwarding),
    };
    try {
      deps.pools.get(origin, route.spec).dispatch(request, handler);
    } catch (error) {
      onFailure(error);
    }
  };
  send();
}

/** gRPC servers want to hear that trailers are welcome. For HTTP/1.1 upstreams that is of each connection anew. */
function withTrailers(headers: string[], req: IncomingMessage, origin: string): string[] {
  if (!origin.startsWith("h2c:") || !/\btrailers\b/i.test(String(req.headers.te))) return headers;
  return [...headers, "te", "trailers"];
}

/** What ties the two sides of one request together. */
interface Link {
  controller: Dispatcher.DispatchController | null;
  /** The client's side has ended, one way or another. */
  isClosed: boolean;
}

interface HandlerDeps {
  readonly link: Link;
  readonly clock: Clock;
  /** Tries again after a failed connect; false = it will not. */
  readonly retry: (error: unknown) => boolean;
}

function createHandler(
  { req, res, outgoing, onFailure }: Forwarding,
  { link, clock, retry }: HandlerDeps,
): Dispatcher.DispatchHandler {
  let isSent = false;
  const body = isHttp2(req) ? null : createBodyWriter(res, link);
  return {
    onRequestStart(controller) {
      isSent = true;
      link.controller = controller;
      if (link.isClosed) controller.abort(new Error("the client left"));
    },
    onResponseStart(_controller, status, headers, message) {
      if (link.isClosed) return;
      if (status < 200) return passHints(res, headers, status);
      const sent = toClientHeaders(headers, { req, status });
      addExtras(sent, outgoing, req);
      if (body === null) return prepareHead(res, { status, headers: sent, onError: (error) => onFailure(error) });
      const phrase = toStatusMessage(message);
      closeAfterBody(req, res);
      if (phrase === undefined) res.writeHead(status, sent);
      else res.writeHead(status, phrase, sent);
      body.begin();
    },
    onResponseData(controller, chunk) {
      const goesOn = body === null ? res.write(chunk) : body.write(chunk);
      if (!goesOn) controller.pause();
    },
    onResponseEnd(_controller, trailers) {
      // Nothing is left to abort or resume, which would cost an error with its stack for each request.
      link.controller = null;
      if (body === null) endStream(res, trailers);
      else body.end(trailers);
      discardRest(req, clock);
    },
    onResponseError(_controller, error) {
      if (link.isClosed || (!isSent && retry(error))) return;
      // Too late for another answer: a cut connection is the only honest end.
      if (res.headersSent) cut(req, res);
      onFailure(error);
    },
  };
}

function toBody({ req, res, route, expectsContinue }: Forwarding): OriginRequest["body"] {
  if (!hasBody(req)) return null;
  return createBody(req, {
    maxBytes: route.spec.limits?.bodyBytes ?? null,
    onFirstRead() {
      if (expectsContinue) res.writeContinue();
    },
  });
}
