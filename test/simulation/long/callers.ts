import type { Answer, RequestFacts } from "../../../src/core/gate.ts";
import { apiHeaders, requestFacts } from "../../support/facts.ts";
import { type Model, noteUse } from "./model.ts";
import type { Nodoff } from "./nodoff.ts";
import type { World } from "./world.ts";

/** Everybody who asks for something through the gate. */
export interface Callers {
  request(alias: string): void;
  /** nginx's `@wake`. */
  present(alias: string): void;
  leave(): void;
  /** Nodoff was killed: their connections break. */
  breakOff(): void;
  readonly held: number;
  /** Nobody is held beyond his time. */
  check(): void;
}

interface Held {
  readonly alias: string;
  readonly caller: AbortController;
  readonly deadline: number;
  readonly nodoff: Nodoff;
}

const kinds = ["navigation", "navigation", "api", "api", "preflight", "monitor"] as const;
type Kind = (typeof kinds)[number];
const facts: Readonly<Record<Kind, RequestFacts>> = {
  navigation: requestFacts(),
  api: requestFacts({ method: "POST", headers: apiHeaders }),
  preflight: requestFacts({ method: "OPTIONS", headers: apiHeaders }),
  monitor: requestFacts({ headers: { "user-agent": "Uptime-Kuma/1.23" } }),
};
const firstLookMs = 2_000;
const holdMs = 25_000;

export function createCallers(world: World): Callers {
  const { clock, ledger, random, tally } = world;
  const { must, note } = ledger;
  const held = new Set<Held>();
  const byAlias = new Map<string, number>();
  let nextDeadline = Number.POSITIVE_INFINITY;
  world.isWaitedFor = (alias) => (byAlias.get(alias) ?? 0) > 0;

  function request(alias: string): void {
    const { nodoff } = world;
    const route = nodoff?.supervisor.registry.get(alias);
    const model = world.modelByAlias(alias);
    if (nodoff === null || route === undefined || model === null) return;
    tally.events++;
    const kind = random.pick(kinds);
    const counts = kind === "navigation" || kind === "api";
    const { state: before } = model;
    if (kind !== "monitor") ask(model);
    const caller = new AbortController();
    const maxHoldMs = random.pick([0, 3_000, 25_000, Number.POSITIVE_INFINITY]);
    note(`request ${kind}`, alias);
    const answer = nodoff.gate.admit(route, facts[kind], { maxHoldMs, via: null, signal: caller.signal });
    const use = (): void => {
      if (counts) noteUse(model.memory, clock.now());
    };
    if (answer instanceof Promise) {
      if (before !== "unknown") use();
      const deadline = clock.now() + Math.min(maxHoldMs, holdMs + firstLookMs);
      return wait(answer, { alias, caller, deadline, nodoff }, (got) => {
        answered(got, alias);
        if (got.kind === "allow") use();
      });
    }
    answered(answer, alias);
    const isUse = answer.kind === "allow" || (answer.kind === "reply" && answer.decision !== "failed");
    if (isUse && before !== "gone") use();
  }

  function answered(answer: Answer, alias: string): void {
    tally.events++;
    note(`answer ${answer.kind === "left" ? "left" : answer.decision}`, alias);
    if (answer.kind !== "allow") return;
    const model = world.modelByAlias(alias);
    if (model === null) return;
    const { state, readyUntil, enteredAt } = model;
    const now = clock.now();
    const may = state === "ready" || state === "unknown" || readyUntil === now || enteredAt === now;
    must(may, () => `a request to ${alias} is allowed while ${state}`);
  }

  function wait(answer: Promise<Answer>, entry: Held, then: (answer: Answer) => void): void {
    held.add(entry);
    count(entry.alias, 1);
    nextDeadline = Math.min(nextDeadline, entry.deadline);
    const ended = (): boolean => {
      if (!held.delete(entry)) return false;
      count(entry.alias, -1);
      const lateMs = clock.now() - entry.deadline;
      must(lateMs <= 0, () => `a request to ${entry.alias} is answered ${lateMs} ms late`);
      return true;
    };
    answer.then(
      (got) => {
        if (ended()) then(got);
      },
      (error: unknown) => {
        ended();
        must(false, () => `a request to ${entry.alias} failed: ${String(error)}`);
      },
    );
  }

  function count(alias: string, by: number): void {
    byAlias.set(alias, (byAlias.get(alias) ?? 0) + by);
  }

  return {
    request,
    present(alias) {
      const { nodoff } = world;
      const route = nodoff?.supervisor.registry.get(alias);
      const model = world.modelByAlias(alias);
      if (nodoff === null || route === undefined || model === null) return;
      tally.events++;
      ask(model);
      nodoff.gate.present(route, facts.navigation);
    },
    leave() {
      const [first] = held;
      if (first === undefined) return;
      tally.events++;
      first.caller.abort();
    },
    breakOff() {
      held.clear();
      byAlias.clear();
    },
    get held() {
      return held.size;
    },
    check() {
      const now = clock.now();
      if (now <= nextDeadline) return;
      nextDeadline = Number.POSITIVE_INFINITY;
      for (const { alias, deadline } of held) {
        must(now <= deadline, () => `a request to ${alias} is left waiting`);
        nextDeadline = Math.min(nextDeadline, deadline);
      }
      const total = world.nodoff?.budget.total ?? 0;
      must(total <= held.size, () => `${total} waiters are counted, ${held.size} wait`);
    },
  };
}

/** Somebody wants it awake, if it is not. */
export function ask(model: Model): void {
  const { state, unit } = model;
  if (state === "ready" && unit.allow) return;
  if (state !== "starting" && state !== "gone") model.wakeAsked = true;
}
