import { serverNow } from "./clock.js";

/**
 * @typedef {import("./types.ts").Item} Item
 * @typedef {import("./types.ts").Workload} Workload
 */

/** @typedef {"left" | "eta" | "retry" | "past" | "ago"} Form */

/**
 * Why it is as it is, in a line: words, and perhaps a time that runs.
 * @typedef {object} Explanation
 * @property {string} text
 * @property {{ readonly lead: string, readonly at: string, readonly form: Form } | null} time
 */

/**
 * @param {Item} item
 * @returns {Explanation}
 */
export function explain({ workload, routes }) {
  if (workload !== null) return explainWorkload(workload);
  const [route] = routes;
  if (route?.excluded === true) return { text: route.excluded_reason ?? "excluded", time: null };
  return { text: "never sleeps", time: moment("last used", route?.last_used_at ?? null, "ago") };
}

/**
 * @param {Workload} workload
 * @returns {Explanation}
 */
function explainWorkload(workload) {
  const { state, since } = workload;
  switch (state) {
    case "ready":
      return explainAwake(workload);
    case "napping":
      return { text: "", time: moment("asleep for", since, "past") };
    case "starting":
      return { text: "waking up", time: toEta(workload) };
    case "stopping":
      return { text: "going to sleep", time: null };
    case "error":
      return { text: workload.error?.message ?? "failed", time: moment("", workload.next_try_at, "retry") };
    case "gone":
      return { text: "its engine does not have it any more", time: null };
    case "unknown":
      return { text: "not looked at yet", time: null };
  }
}

/**
 * @param {Workload} workload
 * @returns {Explanation}
 */
function explainAwake(workload) {
  const { reasons, sleeps_at: sleepsAt, pinned_until: pinnedUntil, would_sleep_since: wouldSleepSince } = workload;
  if (!workload.sleeps) return { text: "only started where needed, never stopped", time: null };
  if (pinnedUntil !== null) return { text: "", time: moment("kept awake for", pinnedUntil, "left") };
  if (wouldSleepSince !== null) {
    return { text: "dry run", time: moment("would be asleep for", wouldSleepSince, "past") };
  }
  const use = reasons.find(({ verdict }) => verdict === "in_use");
  if (use !== undefined) return { text: use.text, time: null };
  if (sleepsAt !== null) {
    const held = reasons.find(({ verdict }) => verdict === "waits");
    return {
      text: held?.text ?? "not in use",
      time: moment(workload.dry_run ? "would sleep in" : "sleeps in", sleepsAt, "left"),
    };
  }
  const unreadable = reasons.find(({ verdict }) => verdict === "unreadable");
  return { text: unreadable === undefined ? "awake" : `${unreadable.signal} ${unreadable.text}`, time: null };
}

/** @param {Workload} workload */
function toEta({ since, eta_ms: etaMs }) {
  return etaMs === null ? moment("for", since, "past") : moment("", new Date(serverNow() + etaMs).toISOString(), "eta");
}

/**
 * @param {string} lead
 * @param {string | null} at
 * @param {Form} form as of `<nd-time>`
 * @returns {Explanation["time"]}
 */
function moment(lead, at, form) {
  return at === null ? null : { lead, at, form };
}
