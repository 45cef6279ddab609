import type { Clock } from "../../core/clock.ts";

/** Between which of these a freeze or a thaw leads. */
export type Turn = "paused" | "running";

/**
 * What is remembered of a container between two events, by its id: whether somebody asked it to end, and when it was
 * last frozen or unfrozen.
 */
export interface Marks {
  /** A stop or kill is on its way: its turns are over. */
  ask(id: string): void;
  isAsked(id: string): boolean;
  /** It started, or ended: what was asked before no longer counts. */
  unask(id: string): void;
  turned(id: string, into: Turn): void;
  /** Into what it was turned less than `ms` ago. */
  turnedWithin(id: string, ms: number): Turn | undefined;
  readonly resumedWithin: (id: string, ms: number) => boolean;
  /** It no longer exists. */
  drop(id: string): void;
  /** Forgets all containers but these. */
  keep(ids: ReadonlySet<string>): void;
}

export function createMarks(clock: Clock): Marks {
  const asked = new Set<string>();
  const turns = new Map<string, { readonly into: Turn; readonly at: number }>();
  const turnedWithin = (id: string, ms: number): Turn | undefined => {
    const turn = turns.get(id);
    return turn !== undefined && clock.now() - turn.at < ms ? turn.into : undefined;
  };
  const drop = (id: string): void => {
    asked.delete(id);
    turns.delete(id);
  };
  return {
    ask(id) {
      drop(id);
      asked.add(id);
    },
    isAsked: (id) => asked.has(id),
    unask: drop,
    turned: (id, into) => void turns.set(id, { into, at: clock.now() }),
    turnedWithin,
    resumedWithin: (id, ms) => turnedWithin(id, ms) === "running",
    drop,
    keep(ids) {
      for (const id of [...asked, ...turns.keys()]) if (!ids.has(id)) drop(id);
    },
  };
}
