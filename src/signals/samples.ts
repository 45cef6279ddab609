import type { Clock } from "../core/clock.ts";
import type { Counters } from "../core/provider.ts";
import type { Subject } from "../core/signal.ts";
import { untilAborted, within } from "./patience.ts";

/** What an engine's counters rose by while nothing but what is looked for went on. */
export interface Growth {
  /** How long, in ms. */
  readonly ms: number;
  readonly rxBytes: number | null;
  readonly txBytes: number | null;
  readonly cpuMs: number | null;
}

/** One look at the counters of a workload. */
export interface Sampled {
  readonly counters: Counters;
  /**
   * Since an earlier look; bytes of requests that do not count are taken off. null = nothing to compare with yet: the
   * last look was before a counted request, whose bytes nobody can tell from others, or before a restart.
   */
  readonly growth: Growth | null;
}

/** The counters of workloads, read once for all signals that want them at the same moment. */
export interface Samples {
  /** Rejects with NodoffError when the engine cannot say. */
  take(subject: Subject, options: { readonly signal: AbortSignal }): Promise<Sampled>;
  /** A probe of ours moves up to `allowanceBytes` (more). */
  probed(subject: Subject): void;
}

/** Looks within this time share one call. */
const sharedMs = 250;
/** Rates over less than this are chance: one packet would be over any floor. */
const shortestMs = 1_000;
const patienceMs = 5_000;
/** What one request that does not count, or one probe, may move each way. */
export const allowanceBytes = 65_536;
/** The bytes of a request may come so long after it was seen. */
const lateMs = 2_000;

interface Sample {
  readonly at: number;
  readonly counters: Counters;
  /** Requests that do not count, and probes, so far; and when the last was. */
  readonly uncounted: number;
  readonly uncountedAt: number;
}

/** What is kept per workload. Compared is with `base`; `latest` takes its place once it is old enough. */
interface Track {
  base: Sample | null;
  latest: Sample | null;
  asked: { readonly at: number; readonly answer: Promise<Sampled>; done: boolean } | null;
  probes: number;
  probedAt: number;
}

export function createSamples({ clock }: { readonly clock: Clock }): Samples {
  const tracks = new WeakMap<Subject, Track>();

  function trackOf(subject: Subject): Track {
    const known = tracks.get(subject);
    if (known !== undefined) return known;
    const track = { base: null, latest: null, asked: null, probes: 0, probedAt: Number.NEGATIVE_INFINITY };
    tracks.set(subject, track);
    return track;
  }

  async function ask(subject: Subject, track: Track): Promise<Sampled> {
    const { provider, spec } = subject;
    const counters = await within({ clock, ms: patienceMs }, async (signal) => provider.counters(spec.ref, { signal }));
    const sample: Sample = {
      at: clock.now(),
      counters,
      uncounted: subject.uncounted + track.probes,
      uncountedAt: Math.max(subject.uncountedAt, track.probedAt),
    };
    return { counters, growth: compare(track, sample, Math.max(subject.awakeSince, subject.lastUsedAt)) };
  }

  return {
    take(subject, { signal }) {
      const track = trackOf(subject);
      const now = clock.now();
      // A caller that gives up must not take the answer from the others: the call goes on without it.
      if (track.asked === null || (track.asked.done && now - track.asked.at >= sharedMs)) {
        const asked = { at: now, answer: ask(subject, track), done: false };
        const settle = (): void => void (asked.done = true);
        asked.answer.then(settle, settle);
        track.asked = asked;
      }
      const { answer } = track.asked;
      return untilAborted([signal], () => answer);
    },
    probed(subject) {
      const track = trackOf(subject);
      track.probes++;
      track.probedAt = clock.now();
    },
  };
}

function compare(track: Track, sample: Sample, notBefore: number): Growth | null {
  const { latest } = track;
  if (latest === null || latest.at < notBefore || hasRestarted(latest, sample)) {
    track.base = null;
    track.latest = sample;
    return null;
  }
  if (sample.at - latest.at >= shortestMs) {
    track.base = latest;
    track.latest = sample;
  }
  if (track.base === null || track.base.at < notBefore) return null;
  return grow(track.base, sample);
}

function grow(base: Sample, sample: Sample): Growth {
  const late = base.at - base.uncountedAt < lateMs ? 1 : 0;
  const explained = (sample.uncounted - base.uncounted + late) * allowanceBytes;
  const rise = (key: keyof Counters): number | null => {
    const [from, to] = [base.counters[key], sample.counters[key]];
    return from === undefined || to === undefined ? null : to - from;
  };
  const bytes = (rise: number | null): number | null => (rise === null ? null : Math.max(0, rise - explained));
  return {
    ms: sample.at - base.at,
    rxBytes: bytes(rise("rxBytes")),
    txBytes: bytes(rise("txBytes")),
    cpuMs: rise("cpuMs"),
  };
}

/** Its counters began anew. */
function hasRestarted({ counters: before }: Sample, { counters: after }: Sample): boolean {
  return (["rxBytes", "txBytes", "cpuMs"] as const).some((key) => (after[key] ?? 0) < (before[key] ?? 0));
}
