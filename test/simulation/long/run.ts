import { liveEpisode } from "./episode.ts";
import type { Tally } from "./world.ts";

export interface Figures extends Tally {
  readonly seed: number;
  readonly seconds: number;
}

/** Events in one world; then comes another fleet. */
const episodeEvents = 50_000;

/**
 * Lives through so many simulated events. The same seed is the same run. A breach throws, says which seed and episode
 * it was, and how to see it again.
 */
export async function simulateLong(seed: number, events: number): Promise<Figures> {
  const tally: Tally = { events: 0, wakes: 0, sleeps: 0, refused: 0, simulatedMs: 0 };
  const begun = performance.now();
  const only = process.env["SIMULATION_EPISODE"];
  for (let episode = Number(only ?? 0); tally.events < events; episode++) {
    try {
      await liveEpisode({ seed: seed * 10_000 + episode, events: Math.min(episodeEvents, events), tally });
    } catch (error) {
      const again = `SIMULATION_SEED=${seed} SIMULATION_EPISODE=${episode} npm run test:simulation`;
      throw new Error(`seed ${seed} fails, see it again with: ${again}`, { cause: error });
    }
    if (only !== undefined) break;
  }
  return { ...tally, seed, seconds: (performance.now() - begun) / 1000 };
}

const columns = ["seed", "events", "simulated", "wakes", "sleeps", "refused", "seconds"] as const;

export function toHeading(): string {
  return toLine(columns);
}

export function toRow({ seed, events, simulatedMs, wakes, sleeps, refused, seconds }: Figures): string {
  const simulated = `${(simulatedMs / 3_600_000).toFixed(1)} h`;
  return toLine([seed, events, simulated, wakes, sleeps, refused, seconds.toFixed(1)]);
}

function toLine(cells: readonly (string | number)[]): string {
  return cells.map((cell) => String(cell).padStart(11)).join("");
}
