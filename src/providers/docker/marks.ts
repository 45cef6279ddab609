import type { Clock } from "../../core/clock.ts";

/**
 * What is remembered of a container between two events, by its id: whether somebody asked it to end, and when it was
 * last unfrozen.
 */
export interface Marks {
  /** A stop or kill is on its way. */
  ask(id: string): void;
  isAsked(id: string): boolean;
  /** It started, or ended: what was asked before no longer counts. */
  unask(id: string): void;
  resumed(id: string): void;
  readonly resumedWithin: (id: string, ms: number) => boolean;
  /** It no longer exists. */
  drop(id: string): void;
  /** Forgets all containers but these. */
  keep(ids: ReadonlySet<string>): void;
}

export function createMarks(clock: Clock): Marks {
  const asked = new Set<string>();
  const resumedAt = new Map<string, number>();
  const drop = (id: string): void => {
    asked.delete(id);
    resumedAt.delete(id);
  };
  return {
    ask: (id) => void asked.add(id),
    isAsked: (id) => asked.has(id),
    unask: (id) => void asked.delete(id),
    resumed: (id) => void resumedAt.set(id, clock.now()),
    resumedWithin: (id, ms) => clock.now() - (resumedAt.get(id) ?? -Infinity) < ms,
    drop,
    keep(ids) {
      for (const id of [...asked, ...resumedAt.keys()]) if (!ids.has(id)) drop(id);
    },
  };
}
