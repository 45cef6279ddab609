import { ask } from "./api.js";
import { createEventReader } from "./events-reader.js";

/** @typedef {import("./events-reader.js").Message} Message */

/** nodoff says something at least this often; a silent line is a dead one. */
const silentMs = 60_000;
const pausesMs = [500, 1_000, 2_000, 5_000, 10_000];

/**
 * Follows an event stream until `signal` aborts, over lost connections and only while somebody looks. `fetch` instead of
 * EventSource: that one tells neither a refusal nor a connection that went silent, and cannot ask for history.
 * @param {string} path below `/api/v1/`
 * @param {{
 *   readonly signal: AbortSignal,
 *   readonly from?: string,
 *   readonly onMessage: (message: Message) => void,
 *   readonly onLink: (up: boolean) => void,
 * }} options `from`: the id after which the stream begins
 */
export async function follow(path, { signal, from = "", onMessage, onLink }) {
  let lastId = from;
  let failures = 0;
  while (!signal.aborted) {
    await seen(signal);
    if (signal.aborted) return;
    try {
      await readOnce();
    } catch {
      if (!signal.aborted) onLink(false);
    }
    await pause(pausesMs[Math.min(failures++, pausesMs.length - 1)] ?? 0, signal);
  }

  async function readOnce() {
    const silence = new AbortController();
    const stop = () => silence.abort();
    const stopHidden = () => document.visibilityState === "hidden" && stop();
    signal.addEventListener("abort", stop);
    document.addEventListener("visibilitychange", stopHidden);
    let timer = setTimeout(stop, silentMs);
    try {
      /** @type {Record<string, string>} */
      const headers = { accept: "text/event-stream", ...(lastId === "" ? {} : { "last-event-id": lastId }) };
      const answer = await ask(path, { headers, signal: silence.signal, cache: "no-store" });
      failures = 0;
      onLink(true);
      const cut = createEventReader();
      const reader = (answer.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(timer);
        timer = setTimeout(stop, silentMs);
        for (const message of cut(value)) {
          if (message.id !== "") lastId = message.id;
          if (message.data !== "") onMessage(message);
        }
      }
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      document.removeEventListener("visibilitychange", stopHidden);
    }
  }
}

/** @param {AbortSignal} signal */
function seen(signal) {
  if (document.visibilityState !== "hidden") return Promise.resolve();
  return new Promise((resolve) => {
    document.addEventListener("visibilitychange", resolve, { once: true, signal });
    signal.addEventListener("abort", resolve, { once: true });
  });
}

/**
 * @param {number} ms
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
