import { createTurns } from "../core/turns.ts";

/** A member of a group that may be given traffic. */
export interface AbleMember {
  readonly alias: string;
  readonly origin: string;
}

/** Whose turn it is among the members of one group, by weight. */
export interface MemberTurns {
  readonly weights: Readonly<Record<string, number>>;
  /** The origin of the next of those that are able; null = none is. */
  next(able: readonly AbleMember[]): string | null;
}

/** By alias: where a member answers may change with each start. */
export function createMemberTurns(weights: Readonly<Record<string, number>>): MemberTurns {
  const next = createTurns(Object.entries(weights).map(([url, weight]) => ({ url, weight })));
  return {
    weights,
    next(able) {
      if (able.length === 0) return null;
      const alias = next((name) => able.some((member) => member.alias === name));
      return able.find((member) => member.alias === alias)?.origin ?? null;
    },
  };
}
