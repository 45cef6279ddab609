import type { Answer, RequestFacts } from "../../src/core/gate.ts";
import { apiHeaders, doorOptions, requestFacts } from "../support/facts.ts";
import type { Ref, RequestKind } from "./actions.ts";
import { holdMs, type Model } from "./models.ts";
import type { World } from "./world.ts";

/** Everybody who asks for something: through the gate, or in person. */
export interface Callers {
  request(at: Ref, kind: RequestKind, maxHoldMs: number): void;
  /** nginx's `@wake`. */
  present(at: Ref): void;
  person(at: Ref, cause: "person" | "retry"): void;
  /** The nth of those who are held goes away. */
  leave(nth: number): void;
  isWaitedFor(ref: Ref): boolean;
  readonly held: number;
  /** Nobody is held beyond his time. */
  check(): void;
}

interface Held {
  readonly ref: Ref;
  readonly caller: AbortController;
  readonly deadline: number;
}

const firstLookMs = 2_000;
const requests: Readonly<Record<RequestKind, Partial<RequestFacts>>> = {
  navigation: {},
  api: { method: "POST", headers: apiHeaders },
  preflight: { method: "OPTIONS", headers: apiHeaders },
  monitor: { headers: { "user-agent": "Uptime-Kuma/1.23" } },
  probe: { probe: true },
};

export function createCallers(world: World): Callers {
  const { clock, models, gate, supervisor } = world;
  const { must, note } = world.ledger;
  const held: Held[] = [];

  function request(at: Ref, kind: RequestKind, maxHoldMs: number): void {
    const route = supervisor.registry.get(at);
    if (route === undefined) return;
    const model = models[at];
    const before = model.state;
    const counts = kind === "navigation" || kind === "api";
    if (counts || kind === "preflight") ask(model);
    const caller = new AbortController();
    const facts = requestFacts({ host: `${at}.test`, ...requests[kind] });
    const answer = gate.admit(route, facts, doorOptions({ maxHoldMs, signal: caller.signal }));
    const use = (): void => {
      if (counts) model.lastUsedAt = clock.now();
    };
    const answered = (got: Answer): void => {
      note(`answer ${at} ${kind} ${got.kind === "left" ? "left" : got.decision}`);
      if (got.kind !== "allow") return;
      judge(model, `${kind} to ${at}`);
      use();
    };
    if (answer instanceof Promise) {
      if (before !== "unknown") use();
      return wait(
        answer,
        { ref: at, caller, deadline: clock.now() + Math.min(maxHoldMs, holdMs + firstLookMs) },
        answered,
      );
    }
    answered(answer);
    if (answer.kind === "reply" && answer.decision !== "failed" && before !== "gone") use();
  }

  function judge({ state, enteredAt }: Model, what: string): void {
    const may = state === "ready" || state === "unknown" || enteredAt === clock.now();
    must(may, `${what} allowed while ${state}`);
  }

  function wait(answer: Promise<Answer>, entry: Held, answered: (answer: Answer) => void): void {
    held.push(entry);
    const ended = (): void => {
      held.splice(held.indexOf(entry), 1);
      must(
        clock.now() <= entry.deadline,
        `a request to ${entry.ref} is answered ${clock.now() - entry.deadline} ms late`,
      );
    };
    answer.then(
      (got) => {
        ended();
        answered(got);
      },
      (error: unknown) => {
        ended();
        must(false, `a request to ${entry.ref} failed: ${String(error)}`);
      },
    );
  }

  return {
    request,
    present(at) {
      const route = supervisor.registry.get(at);
      if (route === undefined) return;
      ask(models[at]);
      gate.present(route, requestFacts());
    },
    person(at, cause) {
      const workload = world.workloadOf(at);
      if (workload === undefined) return;
      models[at].lastUsedAt = clock.now();
      ask(models[at]);
      workload.wake(cause);
    },
    leave: (nth) => held[nth]?.caller.abort(),
    isWaitedFor: (ref) => held.some((each) => each.ref === ref),
    get held() {
      return held.length;
    },
    check() {
      for (const { ref, deadline } of held) must(clock.now() <= deadline, `a request to ${ref} is left waiting`);
      must(world.budget.total <= held.length, `${world.budget.total} waiters are counted, ${held.length} wait`);
    },
  };
}

function ask(model: Model): void {
  const { state } = model;
  model.asked ||= state === "napping" || state === "error" || state === "stopping";
  model.queued ||= state === "stopping";
}
