import { learnTime } from "./clock.js";

/** All addresses are relative to the page: it may lie below any path of any proxy. */
const root = new URL("api/v1/", document.baseURI);

/** The API refused, or did not answer. */
export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {{ readonly status: number, readonly code?: string, readonly reasons?: readonly Reason[] }} about
   */
  constructor(message, { status, code = "", reasons = [] }) {
    super(message);
    this.name = "ApiError";
    /** 0: there was no answer. */
    this.status = status;
    this.code = code;
    this.reasons = reasons;
  }
}

/** @typedef {import("./types.ts").Workload["reasons"][number]} Reason */

/**
 * The JSON at a path below `/api/v1/`.
 * @template T
 * @param {string} path
 * @returns {Promise<T>}
 */
export async function read(path) {
  const answer = await ask(path, { signal: AbortSignal.timeout(20_000) });
  return answer.json();
}

/**
 * Asks for something.
 * @template T
 * @param {string} path
 * @param {object} [body]
 * @returns {Promise<T>}
 */
export async function send(path, body = {}) {
  const answer = await ask(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(60_000),
  });
  return answer.json();
}

/**
 * @param {string} path
 * @param {RequestInit} init
 * @returns {Promise<Response>}
 */
export async function ask(path, init) {
  const answer = await fetch(new URL(path, root), init).catch((/** @type {unknown} */ error) => {
    throw new ApiError("nodoff does not answer", { status: 0, code: error instanceof Error ? error.name : "" });
  });
  learnTime(answer.headers.get("date"));
  if (answer.ok) return answer;
  if (answer.status === 401) toLogin();
  throw await toError(answer);
}

let leftAt = -Infinity;

/** Several answers say so at the same time: to leave again would begin anew, and on a slow line never end. */
function toLogin() {
  if (performance.now() - leftAt < 10_000) return;
  leftAt = performance.now();
  location.assign(new URL("login", document.baseURI));
}

/** @param {Response} answer */
async function toError(answer) {
  /** @type {{ title?: string, detail?: string, code?: string, reasons?: readonly Reason[] }} */
  const problem = await answer.json().catch(() => ({}));
  const words = problem.detail ?? problem.title ?? `nodoff answered ${answer.status}`;
  return new ApiError(words, {
    status: answer.status,
    ...(problem.code === undefined ? {} : { code: problem.code }),
    ...(problem.reasons === undefined ? {} : { reasons: problem.reasons }),
  });
}

/**
 * An alias as part of a path.
 * @param {string} alias
 */
export const inPath = (alias) => encodeURIComponent(alias);
