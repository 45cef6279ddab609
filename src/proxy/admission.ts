import type { Answer, DoorOptions, Gate, RequestFacts } from "../core/gate.ts";
import type { Route } from "../core/route.ts";

/** How a caller's leaving is learnt; called only where the gate holds the caller. */
export type OnLeave = (leave: () => void) => void;

/**
 * Asks the gate and calls `then` with its answer, at once where the gate does not hold the caller. Most requests are
 * allowed at once, so what holding needs is made only when the gate asks for it.
 */
export function admit(
  gate: Gate,
  caller: {
    readonly route: Route;
    readonly facts: RequestFacts;
    readonly onLeave: OnLeave;
    readonly via?: DoorOptions["via"];
  },
  then: (answer: Answer | { readonly kind: "broken"; readonly error: unknown }) => void,
): void {
  let control: AbortController | null = null;
  const door: DoorOptions = {
    maxHoldMs: Number.POSITIVE_INFINITY,
    via: caller.via ?? "url",
    get signal() {
      control ??= new AbortController();
      return control.signal;
    },
  };
  let answer: Answer | Promise<Answer>;
  try {
    answer = gate.admit(caller.route, caller.facts, door);
  } catch (error) {
    return then({ kind: "broken", error });
  }
  if (!(answer instanceof Promise)) return then(answer);
  caller.onLeave(() => {
    control ??= new AbortController();
    control.abort();
  });
  answer.then(then, (error: unknown) => then({ kind: "broken", error }));
}
