import type { Clock } from "../core/clock.ts";
import type { Signal, Subject } from "../core/signal.ts";
import { readSafely } from "./reading.ts";
import type { Samples } from "./samples.ts";

export interface CpuDeps {
  readonly clock: Clock;
  readonly samples: Samples;
}

/** CPU time over a floor, in percent of one core: a job without connections, a transcode. */
export function createCpuSignal({ clock, samples }: CpuDeps): Signal {
  const usedAt = new WeakMap<Subject, number>();
  return {
    name: "cpu",
    needs: "stats",
    asks: true,
    covers: ({ spec }) => spec.activity.cpu !== null && spec.kind !== "group" && spec.kind !== "compose",
    required: ({ spec }) => spec.activity.cpu?.required ?? false,
    read(subject, options) {
      const { floorPercent: floor, required } = subject.spec.activity.cpu ?? { floorPercent: 0, required: false };
      return readSafely(async () => {
        const { counters, growth } = await samples.take(subject, options);
        if (counters.cpuMs === undefined) return { kind: "unreadable", why: "the engine counts no CPU time for it" };
        const lastUsedAt = usedAt.get(subject) ?? null;
        if (growth === null || growth.cpuMs === null)
          return { kind: "read", lastUsedAt, inUse: required, text: "CPU is measured from now on" };
        const percent = (growth.cpuMs * 100) / growth.ms;
        const inUse = percent > 0 && percent >= floor;
        if (inUse) usedAt.set(subject, clock.now());
        const text = `CPU ${toPercent(percent)} of a core (floor ${toPercent(floor)})`;
        return { kind: "read", lastUsedAt: inUse ? clock.now() : lastUsedAt, inUse, text };
      }, "let the socket proxy allow GET /containers/{id}/stats");
    },
  };
}

function toPercent(percent: number): string {
  return `${Math.round(percent * 10) / 10} %`;
}
