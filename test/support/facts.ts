import type { DoorOptions, RequestFacts, RequestHeaders } from "../../src/core/gate.ts";

/** A browser's navigation, unless told otherwise. */
export function requestFacts(overrides: Partial<RequestFacts> = {}): RequestFacts {
  return {
    method: "GET",
    host: "app.test",
    path: "/",
    query: "",
    proto: "http",
    client: "10.1.1.1",
    upgrade: false,
    probe: false,
    headers: { "sec-fetch-mode": "navigate", accept: "text/html" },
    ...overrides,
  };
}

export const apiHeaders: RequestHeaders = { accept: "application/json" };

export function doorOptions(overrides: Partial<DoorOptions> = {}): DoorOptions {
  return { maxHoldMs: 25_000, via: null, signal: new AbortController().signal, ...overrides };
}
