import { watchRejections } from "../rejections.ts";
import { act, type Stage } from "./acts.ts";
import { createCallers } from "./callers.ts";
import { createPeople } from "./people.ts";
import { leave, quieten } from "./quiet.ts";
import { createWorld, type Tally, type World } from "./world.ts";

/** Events between two times of quiet. */
const chapterEvents = 15_000;

export interface EpisodeOptions {
  readonly seed: number;
  readonly events: number;
  /** What it adds to. */
  readonly tally: Tally;
}

/** Lives in one world until so many events have happened. Throws at the first breach of an invariant of design §9. */
export async function liveEpisode({ seed, events, tally }: EpisodeOptions): Promise<void> {
  const rejections = watchRejections();
  try {
    const world = createWorld(seed, tally, rejections.seen);
    const stage = createStage(world);
    const begun = world.clock.now();
    const end = tally.events + events;
    await begin(stage);
    while (tally.events < end) await chapter(stage, Math.min(end, tally.events + chapterEvents));
    await leave(stage);
    tally.simulatedMs += world.clock.now() - begun;
  } finally {
    rejections.end();
  }
}

async function begin({ world, pass }: Stage): Promise<void> {
  const { random, engines } = world;
  for (const box of world.boxes.values()) if (random.chance(0.4)) world.engineOf(box).start(box);
  if (random.chance(0.2)) random.pick(engines).lose();
  await pass(random.pick([0, 120_000]));
  world.begin();
  await pass(0);
}

/** Whatever happens, then quiet. */
async function chapter(stage: Stage, end: number): Promise<void> {
  const { random, tally } = stage.world;
  while (tally.events < end) {
    await act(stage);
    await stage.pass(random.chance(0.01) ? random.span(60_000, 1_800_000) : random.span(1, 12_000));
  }
  await quieten(stage);
}

function createStage(world: World): Stage {
  const { clock, ledger } = world;
  const callers = createCallers(world);
  const check = async (): Promise<void> => {
    await settle();
    world.nodoff?.judge.check();
    callers.check();
    ledger.settleUp();
  };
  return {
    world,
    callers,
    people: createPeople(world),
    async pass(ms) {
      const end = clock.now() + ms;
      await check();
      while (clock.step(end)) await check();
    },
  };
}

/** Lets everything run that is already resolved, with all that follows from it. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
