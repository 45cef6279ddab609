import { randomBytes } from "node:crypto";
import type { RequestHandler } from "express";
import type { z } from "zod";
import type { Sighting } from "../core/exams.ts";
import type { Access } from "./access.ts";
import { sendProblem } from "./answers.ts";
import type { ControlDeps } from "./deps.ts";
import type { Exam, Sightings, Sighting as SightingBody } from "./schema.ts";

/**
 * Begins an examination (`nodoff doctor`): what is sent through a proxy with `X-Nodoff-Probe: NONCE.TAG` is noted when it
 * gets here. Whoever has no operator's rights gets no nonce, and nobody guesses one.
 */
export function doctorActions(deps: ControlDeps, access: Access): Record<string, RequestHandler> {
  return {
    "/doctor": (request, response) => {
      access.audit(request, null, "examination of the proxies asked");
      const nonce = randomBytes(24).toString("base64url");
      deps.exams.open(nonce);
      const peer = request.socket.remoteAddress ?? "unknown";
      const body = {
        nonce,
        peer,
        trusted: deps.isTrusted(request.socket.remoteAddress),
        proxied: request.headers["x-forwarded-for"] !== undefined || request.headers["forwarded"] !== undefined,
        proxy_hops: deps.proxyHops,
      };
      response.json(body satisfies z.infer<typeof Exam>);
    },
  };
}

/** What came of it so far. */
export function doctorEndpoints(deps: ControlDeps): Record<string, RequestHandler> {
  return {
    "/doctor/:nonce": (request, response) => {
      const { nonce } = request.params;
      const sightings = typeof nonce === "string" ? deps.exams.sightings(nonce) : undefined;
      if (sightings === undefined) return sendProblem(response, { code: "NOT_FOUND" });
      response.json({ sightings: sightings.map(toBody) } satisfies z.infer<typeof Sightings>);
    },
  };
}

function toBody({ forwardedFor, families, asked, ...rest }: Sighting): z.infer<typeof SightingBody> {
  return { ...rest, asked, forwarded_for: forwardedFor, families: [...families] };
}
