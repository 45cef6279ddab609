import type { RequestHandler } from "express";
import helmet from "helmet";

const strict = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      baseUri: ["'none'"],
      connectSrc: ["'self'"],
      fontSrc: ["'self'"],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
      imgSrc: ["'self'", "data:"],
      manifestSrc: ["'self'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
    },
  },
  crossOriginEmbedderPolicy: false,
  frameguard: { action: "deny" },
  // With `no-referrer` browsers send `Origin: null` with forms, ours too (Fetch standard, "append a request Origin header").
  referrerPolicy: { policy: "same-origin" },
  // Whoever ends TLS in front decides that for the whole host.
  strictTransportSecurity: false,
});

/** On every answer of this room: nothing is cached, framed, sniffed or told to others, and only our own files run. */
export const commonHeaders: RequestHandler = (request, response, next) => {
  response.setHeader("cache-control", "no-store");
  strict(request, response, next);
};
