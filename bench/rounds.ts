/** One measurement of one server. */
export interface Sample {
  /** CPU of the server process per request, microseconds. */
  readonly cpuUs: number;
  readonly rps: number;
  readonly p99Ms: number;
}

/** One server under test, ready to be measured. */
export interface Variant {
  readonly name: string;
  readonly measure: () => Promise<Sample>;
}

/** One round: every variant measured once, the base before and after. */
export interface Round {
  readonly base: Sample;
  readonly others: ReadonlyMap<string, Sample>;
}

export interface Rounds {
  readonly kept: readonly Round[];
  /** Rounds in which the machine was too busy to tell anything. */
  readonly thrownAway: number;
}

/** The two base figures of a round may differ by so much, relative to the smaller one. */
const noiseLimit = 0.25;
/** Of all rounds tried. */
const triesPerRound = 3;

/**
 * Measures until `count` rounds are quiet enough. The base runs at both ends of a round, the others in between in
 * turning order, so that drift and neighbours hit all alike. Throws when the machine is never quiet.
 */
export async function runRounds(base: Variant, others: readonly Variant[], count: number): Promise<Rounds> {
  const kept: Round[] = [];
  let tries = 0;
  while (kept.length < count) {
    if (tries >= count * triesPerRound) throw new Error(`only ${kept.length} of ${tries} rounds were quiet enough`);
    const first = await base.measure();
    const measured = new Map<string, Sample>();
    const shift = tries++ % others.length;
    for (const { name, measure } of [...others.slice(shift), ...others.slice(0, shift)])
      measured.set(name, await measure());
    const last = await base.measure();
    if (isNoisy(first, last)) continue;
    kept.push({ base: middleOf(first, last), others: measured });
  }
  return { kept, thrownAway: tries - kept.length };
}

export function isNoisy(first: Sample, last: Sample): boolean {
  const smaller = Math.min(first.cpuUs, last.cpuUs);
  return Math.abs(first.cpuUs - last.cpuUs) > smaller * noiseLimit;
}

function middleOf(a: Sample, b: Sample): Sample {
  return { cpuUs: (a.cpuUs + b.cpuUs) / 2, rps: (a.rps + b.rps) / 2, p99Ms: (a.p99Ms + b.p99Ms) / 2 };
}

/** One figure of a variant in every round. */
export function valuesOf(rounds: Rounds, name: string, key: keyof Sample): readonly number[] {
  return rounds.kept.map(({ others }) => need(others, name)[key]);
}

/** The same as a ratio to the base, or to another variant, within each round. */
export function ratiosOf(rounds: Rounds, name: string, key: keyof Sample, to?: string): readonly number[] {
  return rounds.kept.map(
    ({ base, others }) => need(others, name)[key] / (to === undefined ? base : need(others, to))[key],
  );
}

function need(samples: ReadonlyMap<string, Sample>, name: string): Sample {
  const sample = samples.get(name);
  if (sample === undefined) throw new Error(`"${name}" was not measured`);
  return sample;
}
