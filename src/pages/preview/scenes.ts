import type { PageModel } from "../../core/pages.ts";
import type { StateName } from "../../core/state.ts";
import type { PublicStep, StepState } from "../../core/steps.ts";

/** One page to look at: what it shows at first, and what its channel tells then. */
export interface Scene {
  readonly name: string;
  /** In the list of scenes. */
  readonly title: string;
  readonly model: Partial<PageModel>;
  /** `elapsedMs` after the page was opened. */
  progress(elapsedMs: number): SceneProgress;
  /** When the service answers; null = never. */
  readonly readyMs: number | null;
}

/** The answer of `/.nodoff/steps`, as far as it differs between scenes. */
export interface SceneProgress {
  readonly status: "starting" | "running" | "failed";
  readonly state: StateName;
  readonly eta_ms: number | null;
  readonly steps: readonly PublicStep[];
}

export const logLines: readonly string[] = [
  "> films@2.4.0 start",
  "12:04:01 reading configuration from /etc/films/config.yaml",
  "12:04:01 connecting to postgres at db:5432",
  "12:04:03 database is at version 41, running 2 migrations",
  "12:04:03   42_add_chapters … 0.4 s",
  "12:04:04   43_index_titles … 1.1 s",
  "12:04:05 loading 12,804 titles",
  "12:04:07 warming the image cache (a line that is so long that it does not fit into the box it is shown in, whatever the size of the screen)",
  "12:04:09 listening on 0.0.0.0:8096",
];

const answerMs = 8_000;

function toSteps(states: readonly StepState[], done: number): readonly PublicStep[] {
  const [database, others, starting, answer, opening] = states;
  return [
    { step: "dependency", name: "Database", state: database ?? "waiting" },
    { step: "dependencies", done, all: 3, state: others ?? "waiting" },
    { step: "starting", state: starting ?? "waiting" },
    { step: "answer", state: answer ?? "waiting" },
    { step: "opening", state: opening ?? "waiting" },
  ];
}

/** A whole wake, as it comes. */
function wakeAt(elapsedMs: number): readonly PublicStep[] {
  if (elapsedMs < 1_000) return toSteps(["now", "now"], 0);
  if (elapsedMs < 2_000) return toSteps(["done", "now"], 1);
  if (elapsedMs < 3_000) return toSteps(["done", "now"], 2);
  if (elapsedMs < 4_500) return toSteps(["done", "done", "now"], 3);
  if (elapsedMs < answerMs) return toSteps(["done", "done", "done", "now"], 3);
  return toSteps(["done", "done", "done", "done", "now"], 3);
}

function still(name: string, title: string, model: Partial<PageModel> & { readonly state: StateName }): Scene {
  const { state, steps = [], etaMs = null } = model;
  const status = state === "error" || state === "gone" ? "failed" : "starting";
  const progress = (): SceneProgress => ({ status, state, eta_ms: etaMs, steps });
  return { name, title, model, progress, readyMs: null };
}

const plain: readonly PublicStep[] = [
  { step: "starting", state: "done" },
  { step: "answer", state: "now" },
  { step: "opening", state: "waiting" },
];
const inTheMiddle = toSteps(["done", "now"], 1);

/** Every kind of page. */
export const scenes: readonly Scene[] = [
  {
    name: "wake",
    title: "A whole wake, and the service",
    model: { etaMs: answerMs, elapsedMs: 0, steps: wakeAt(0), showLogs: true },
    progress(elapsedMs) {
      const isReady = elapsedMs >= answerMs;
      const state = isReady ? "ready" : "starting";
      const left = Math.max(0, answerMs - elapsedMs);
      return { status: isReady ? "running" : "starting", state, eta_ms: left, steps: wakeAt(elapsedMs) };
    },
    readyMs: answerMs,
  },
  still("dependencies", "Waking what it needs", {
    state: "starting",
    steps: inTheMiddle,
    etaMs: 9_000,
    elapsedMs: 4_000,
    showLogs: true,
  }),
  still("first", "The first wake: no estimate", { state: "starting", steps: plain, elapsedMs: 3_000 }),
  still("late", "Longer than usual", { state: "starting", steps: plain, etaMs: 0, elapsedMs: 140_000 }),
  still("queue", "Behind a stop", {
    state: "stopping",
    steps: [{ step: "stopping", state: "now" }, ...toSteps([], 0)],
    etaMs: 14_000,
    elapsedMs: 0,
  }),
  still("form", "A form that was not delivered", {
    state: "starting",
    steps: plain,
    etaMs: 20_000,
    elapsedMs: 1_000,
    replayable: false,
  }),
  still("asleep", "Put to sleep meanwhile", { state: "napping", steps: plain, elapsedMs: 2_000 }),
  still("failed", "A failure", {
    kind: "failed",
    state: "error",
    failure: { code: "WAKE_TIMEOUT", detail: null },
    steps: [
      { step: "starting", state: "done" },
      { step: "answer", state: "failed" },
      { step: "opening", state: "waiting" },
    ],
    nextTryInMs: 25_000,
    showLogs: true,
  }),
  still("details", "A failure with show_details", {
    kind: "failed",
    state: "error",
    failure: {
      code: "DEPENDENCY_FAILED",
      detail:
        'Database: container films-db exited with code 1: could not open file "global/pg_filenode.map": Permission denied',
    },
    steps: [
      { step: "dependency", name: "Database", state: "failed" },
      ...plain.map(({ step }): PublicStep => ({ step, state: "waiting" })),
    ],
    nextTryInMs: 0,
  }),
  still("forbidden", "403: may not wake it", { kind: "forbidden", state: "napping" }),
  still("quota", "429: woken too often", { kind: "quota", state: "napping", retryAfterS: 40 }),
  still("gone", "Not there", { kind: "gone", state: "gone", failure: { code: "GONE", detail: null } }),
];
