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
  /** Has it collect what is garbage now. */
  readonly settle: () => Promise<unknown>;
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
 * Measures until `count` rounds are quiet enough. The base runs at both ends of a round, the others in between in an
 * order that `random` (0 to 1) draws, so that drift, neighbours and what one leaves behind in the processor's cache hit
 * all alike. Throws when the machine is never quiet.
 */
export async function runRounds(
  base: Variant,
  others: readonly Variant[],
  { count, random = Math.random }: { readonly count: number; readonly random?: () => number },
): Promise<Rounds> {
  const kept: Round[] = [];
  let tries = 0;
  while (kept.length < count) {
    if (tries >= count * triesPerRound) throw new Error(`only ${kept.length} of ${tries} rounds were quiet enough`);
    const first = await base.measure();
    const measured = new Map<string, Sample>();
    tries++;
    for (const { name, measure } of shuffled(others, random)) measured.set(name, await measure());
    const last = await base.measure();
    if (isNoisy(first, last)) continue;
    kept.push({ base: middleOf(first, last), others: measured });
  }
  return { kept, thrownAway: tries - kept.length };
}

function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  const drawn = items.map((item) => ({ item, lot: random() }));
  return drawn.sort((a, b) => a.lot - b.lot).map(({ item }) => item);
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

/** The ratio of all CPU to all CPU: what is rare and dear, and no median sees, is in it. */
export function ratioOfTotals(rounds: Rounds, name: string): number {
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return sum(valuesOf(rounds, name, "cpuUs")) / sum(rounds.kept.map(({ base }) => base.cpuUs));
}

function need(samples: ReadonlyMap<string, Sample>, name: string): Sample {
  const sample = samples.get(name);
  if (sample === undefined) throw new Error(`"${name}" was not measured`);
  return sample;
}
