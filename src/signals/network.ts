import type { Clock } from "../core/clock.ts";
import type { Signal, Subject } from "../core/signal.ts";
import type { WorkloadSpec } from "../core/spec.ts";
import { formatSize } from "../core/size.ts";
import { readSafely } from "./reading.ts";
import type { Samples } from "./samples.ts";

export interface NetworkDeps {
  readonly clock: Clock;
  readonly samples: Samples;
}

/** Members of a group are asked themselves; a process shares the network of its machine. */
const withoutTraffic: ReadonlySet<WorkloadSpec["kind"]> = new Set(["group", "compose", "process"]);

/** How much the latest quiet look weighs in the background. */
const weight = 0.2;

/**
 * Bytes it sends per second, over a floor: what it receives may be anybody's broadcasts. The background is what it sends
 * while that is under the floor; people set their floor by it.
 */
export function createNetworkSignal({ clock, samples }: NetworkDeps): Signal {
  const usedAt = new WeakMap<Subject, number>();
  const backgrounds = new WeakMap<Subject, number>();
  return {
    name: "network",
    needs: "stats",
    asks: true,
    covers: ({ spec }) => spec.activity.network !== null && !withoutTraffic.has(spec.kind),
    required: ({ spec }) => spec.activity.network?.required ?? false,
    read(subject, options) {
      const { floorBytesPerS: floor, required } = subject.spec.activity.network ?? {
        floorBytesPerS: 0,
        required: false,
      };
      return readSafely(async () => {
        const { counters, growth } = await samples.take(subject, options);
        if (counters.txBytes === undefined)
          return {
            kind: "unreadable",
            why: "the engine counts no traffic of its own for it (shared, host or no network)",
          };
        const lastUsedAt = usedAt.get(subject) ?? null;
        if (growth === null || growth.txBytes === null)
          return { kind: "read", lastUsedAt, inUse: required, text: "tx is measured from now on" };
        const rate = (growth.txBytes * 1_000) / growth.ms;
        const inUse = rate > 0 && rate >= floor;
        if (inUse) usedAt.set(subject, clock.now());
        else backgrounds.set(subject, mix(backgrounds.get(subject), rate));
        const text = toText(rate, backgrounds.get(subject), floor);
        return { kind: "read", lastUsedAt: inUse ? clock.now() : lastUsedAt, inUse, text };
      }, "let the socket proxy allow GET /containers/{id}/stats");
    },
  };
}

function mix(before: number | undefined, rate: number): number {
  return before === undefined ? rate : before + weight * (rate - before);
}

function toText(rate: number, background: number | undefined, floor: number): string {
  const quiet = background === undefined ? "" : `background ${formatSize(background)}/s, `;
  return `tx ${formatSize(rate)}/s (${quiet}floor ${formatSize(floor)}/s)`;
}
