import type { IncomingMessage, ServerResponse } from "node:http";
import type { RequestHeaders } from "../core/gate.ts";
import type { Route } from "../core/route.ts";
import { stateOf } from "./status.ts";
import { writeJson } from "./write.ts";

/** Where the page channel lives, on every host. */
export const channelPrefix = "/.nodoff/";

/** One request to `/.nodoff/…`, from whichever side it came. */
export interface ChannelRequest {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
  /** Whom the rate limits count against. */
  readonly client: string;
  readonly headers: RequestHeaders;
  /** The route it was asked under, where `?route=` names none. */
  readonly route: Route | undefined;
  /**
   * Reached without a hook between: answers are 200 and events are streamed. Otherwise they are the hook's "no", so
   * 503, and whole: Traefik reads them to the end before it passes a byte on.
   */
  readonly direct: boolean;
}

/** A request whose route is found. */
export interface Asked extends ChannelRequest {
  readonly route: Route;
  readonly params: URLSearchParams;
}

/** Answers with JSON: 200 when reached directly, 503 through a hook. */
export function answer(asked: Asked, body: unknown): void {
  writeJson(asked.res, asked.direct ? 200 : 503, body, { "x-nodoff-state": stateOf(asked.route) });
}
