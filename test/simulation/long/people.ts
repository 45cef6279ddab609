import { ask } from "./callers.ts";
import { type Model, noteUse } from "./model.ts";
import type { World } from "./world.ts";

/** Those who may tell nodoff what to do. */
export interface People {
  wake(alias: string): void;
  sleep(alias: string, force: boolean): void;
  restart(alias: string): void;
  /** null: no longer. */
  pin(alias: string, forMs: number | null): void;
  /** Asks for sleep that are not answered. */
  readonly asking: number;
  breakOff(): void;
}

export function createPeople(world: World): People {
  const { clock, ledger, tally } = world;
  let asks = new Set<object>();

  const withModel = (what: string, alias: string, run: (model: Model) => void): void => {
    const model = world.modelByAlias(alias);
    if (model === null) return;
    tally.events++;
    ledger.note(what, alias);
    run(model);
  };

  return {
    wake(alias) {
      withModel("person wakes", alias, (model) => {
        noteUse(model.memory, clock.now());
        ask(model);
        model.unit.wake("person");
      });
    },
    sleep(alias, force) {
      withModel(force ? "person forces to sleep" : "person asks for sleep", alias, (model) => {
        const entry = {};
        const of = asks;
        asks.add(entry);
        if (force) model.forces++;
        else model.asks++;
        void model.unit.sleep({ force, reason: null }).then(({ kind }) => {
          of.delete(entry);
          tally.events++;
          ledger.note(`asked for sleep: ${kind}`, alias);
          if (kind === "in_use") tally.refused++;
          if (force) model.forces--;
          else model.asks--;
        });
      });
    },
    restart(alias) {
      withModel("person restarts", alias, (model) => {
        noteUse(model.memory, clock.now());
        model.wakeAsked = true;
        model.restarting = true;
        model.unit.restart(null);
        model.restarting = false;
      });
    },
    pin(alias, forMs) {
      withModel(forMs === null ? "person unpins" : "person pins", alias, (model) => {
        model.memory.pinnedUntil = forMs === null ? null : clock.now() + forMs;
        if (forMs !== null) {
          noteUse(model.memory, clock.now());
          ask(model);
        }
        model.unit.pin(forMs === null ? null : clock.wall() + forMs, null);
      });
    },
    get asking() {
      return asks.size;
    },
    breakOff() {
      asks = new Set();
    },
  };
}
