import type { AppOptions } from "../docker.ts";
import { awayCases } from "./cases-away.ts";
import { sleepCases } from "./cases-sleep.ts";
import { trustCases } from "./cases-trust.ts";
import { wakeCases } from "./cases-wake.ts";
import type { Guest, World } from "./world.ts";

/** One row of the conformance table: something clients do, and what has to come of it behind every proxy. */
export interface Case {
  /** What its app does, see test-app.mts. Each case has an app of its own. */
  readonly env?: NonNullable<AppOptions["env"]>;
  /** Keys of its workload in nodoff.yaml. */
  readonly workload?: Readonly<Record<string, unknown>>;
  /** Whether the proxy asks for a login first. */
  readonly login?: boolean;
  /** What it returns stands in the table beside its time. */
  run(play: Play): Promise<string | void>;
}

/** What a case works with: its own app, `guest`, and what all share. */
export interface Play extends Omit<World, "guest" | "close"> {
  readonly guest: Guest;
  /**
   * Runs `during` with nobody else using the way to nodoff, which `closed` and `open` take: it may be broken then. It is
   * mended after.
   */
  alone<T>(during: () => Promise<T>): Promise<T>;
}

/** The table; `it` runs them in this order, several at a time. */
export const cases = { ...wakeCases, ...trustCases, ...awayCases, ...sleepCases } as const satisfies Readonly<
  Record<string, Case>
>;

export type CaseName = keyof typeof cases;

/** Where a kit has two ways to name an app's address: what may differ between them. All cases of both: test/soak/wakes.ts. */
export const addressCases: readonly CaseName[] = [
  "page",
  "held POST with body",
  "WebSocket",
  "?route= appended by the client",
  "hook down, closed",
  "hook down, open",
  "container recreated with a new address",
];

export const caseNames = Object.keys(cases) as readonly CaseName[];
