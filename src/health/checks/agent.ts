import type { Clock } from "../../core/clock.ts";
import { toFailure } from "../../core/errors.ts";
import { cannotCheck, type Check, failed, passed, withinTime } from "./check.ts";

/** What an agent is asked to find out on its own host. */
export interface AgentQuestion {
  readonly scheme: string;
  /** host:port as the agent's host knows it. */
  readonly host: string;
  readonly path: string;
  readonly timeoutMs: number;
}

/** Another nodoff near the service: it checks what cannot be reached from here. Rejects when itself not reachable. */
export interface HealthAgent {
  check(
    question: AgentQuestion,
    options: { readonly signal: AbortSignal },
  ): Promise<{ readonly healthy: boolean; readonly detail: string }>;
}

/** Lets the agent check; that the agent cannot be asked is a check error, and no word about the service. */
export function createAgentCheck(clock: Clock, agent: HealthAgent, question: Omit<AgentQuestion, "timeoutMs">): Check {
  return (options) =>
    withinTime({ ...options, clock }, (settle) => {
      const controller = new AbortController();
      const { signal } = controller;
      agent.check({ ...question, timeoutMs: options.timeoutMs }, { signal }).then(
        ({ healthy, detail }) => settle(healthy ? passed(detail) : failed(detail)),
        (error: unknown) => settle(cannotCheck(toFailure(error).message)),
      );
      return () => controller.abort();
    });
}
