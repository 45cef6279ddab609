import type { Counters, IoOptions, Insight, Provider } from "../../src/core/provider.ts";
import type { Subject } from "../../src/core/signal.ts";
import type { WorkloadSpec } from "../../src/core/spec.ts";
import { workloadSpec } from "./specs.ts";

/** A workload as signals see it; tests change its fields as they go. */
export interface FakeSubject extends Subject {
  spec: WorkloadSpec;
  lastUsedAt: number;
  awakeSince: number;
  uncounted: number;
  uncountedAt: number;
  originList: readonly string[];
  portList: readonly number[] | null;
  /** What its provider counts; may throw. */
  counters: (options: IoOptions) => Counters | Promise<Counters>;
  /** Calls of `counters`. */
  asked: number;
  /** Refs the provider was asked about. */
  readonly refs: string[];
}

export interface FakeSubjectOptions {
  readonly spec?: Partial<WorkloadSpec>;
  readonly insight?: Insight;
  readonly counters?: FakeSubject["counters"];
  readonly origins?: readonly string[];
  readonly ports?: readonly number[] | null;
}

function unused(): never {
  throw new Error("no signal may ask this");
}

/** Nothing was used yet, and it is awake for ever. */
export function fakeSubject(options: FakeSubjectOptions = {}): FakeSubject {
  const provider: Provider = {
    name: "local",
    type: "docker",
    capabilities: { pause: true, kill: true, logs: true, health: true, discovers: true },
    ...(options.insight !== undefined && { insight: options.insight }),
    counters: async (ref, io) => {
      subject.asked++;
      subject.refs.push(ref);
      return subject.counters(io);
    },
    list: unused,
    inspect: unused,
    start: unused,
    stop: unused,
    pause: unused,
    resume: unused,
    kill: unused,
    watch: unused,
    logs: unused,
    address: unused,
    close: unused,
  };
  const subject: FakeSubject = {
    spec: workloadSpec(options.spec),
    provider,
    lastUsedAt: Number.NEGATIVE_INFINITY,
    awakeSince: Number.NEGATIVE_INFINITY,
    uncounted: 0,
    uncountedAt: Number.NEGATIVE_INFINITY,
    originList: options.origins ?? [],
    portList: options.ports ?? null,
    counters: options.counters ?? (() => ({})),
    asked: 0,
    refs: [],
    origins: () => subject.originList,
    ports: () => subject.portList,
  };
  return subject;
}
