import type { Reading, Signal, Subject } from "../../../src/core/signal.ts";
import type { Store } from "../../../src/core/store.ts";
import { createWaiterBudget, type WaiterBudget } from "../../../src/core/waiter-budget.ts";
import { createGate } from "../../../src/engine/gate.ts";
import type { Gate } from "../../../src/core/gate.ts";
import { createJournal } from "../../../src/engine/journal.ts";
import { createSupervisor, type Supervisor } from "../../../src/engine/supervisor.ts";
import { requestsSignal } from "../../support/fake-engine.ts";
import { silentLogger } from "../../support/logger.ts";
import type { Box, Use } from "./box.ts";
import { type Fleet, signalNames } from "./fleet.ts";
import type { Life } from "./heap-clock.ts";
import { createJudge, type Judge } from "./judge.ts";
import { createLine } from "./line.ts";
import type { World } from "./world.ts";

/** One process of nodoff: the real supervisor and gate. */
export interface Nodoff {
  readonly life: Life;
  readonly supervisor: Supervisor;
  readonly gate: Gate;
  readonly budget: WaiterBudget;
  readonly judge: Judge;
  readonly shutdown: AbortSignal;
  /** Engine calls and readings under way. */
  readonly slow: Set<() => void>;
  open(): void;
  close(): Promise<void>;
}

export interface NodoffDeps {
  readonly world: World;
  readonly store: Store;
  readonly providers: Fleet["providers"];
}

export function createNodoff({ world, store, providers }: NodoffDeps): Nodoff {
  const { clock, random } = world;
  const life = clock.live();
  const journal = createJournal({ clock: life, logger: silentLogger });
  const judge = createJudge(world);
  journal.subscribe((event) => judge.told(event));
  const shutdown = new AbortController();
  const slow = new Set<() => void>();
  const supervisor = createSupervisor({
    clock: life,
    logger: silentLogger,
    journal,
    prober: { probe: ({ ...target }) => Promise.resolve(probe(target, world)) },
    store,
    signals: [requestsSignal(), ...signalNames.map((name) => createSignal(name, world, life))],
    defer: (run) => void life.after(0, run),
    shutdown: shutdown.signal,
    discover: () => ({ kind: "none" }),
  });
  const budget = createWaiterBudget({ perWorkload: 1_000, total: 10_000 });
  const gate = createGate({
    clock: life,
    logger: silentLogger,
    pages: { render: () => ({ status: 503, headers: {}, body: new Uint8Array() }) },
    budget,
    matchesAddress: () => () => false,
    publicUrl: null,
  });
  return {
    life,
    supervisor,
    gate,
    budget,
    judge,
    slow,
    shutdown: shutdown.signal,
    open() {
      for (const { name, canPause } of providers) {
        const engine = world.engines.find((each) => each.name === name);
        if (engine === undefined) continue;
        const onCall = judge.called;
        supervisor.addProvider(createLine({ engine, clock, random, life, canPause, onCall, slow }));
      }
    },
    async close() {
      const closing = supervisor.close();
      shutdown.abort();
      await closing;
    },
  };
}

function probe(
  target: { readonly kind: string; readonly origin?: string },
  { boxes, clock, tally, random }: World,
): { readonly ok: boolean; readonly detail: string } {
  tally.events++;
  const host = target.origin?.slice("http://".length).split(":", 1)[0] ?? "";
  const box = boxes.get(host);
  // The address of a group is not asked: it has none of its own.
  if (box === undefined) return { ok: true, detail: "200 OK" };
  const { power, answers, startedAt, plan } = box;
  const isUp = power === "running" && answers && startedAt !== null && clock.now() >= startedAt + plan.readyAfterMs;
  const ok = isUp && random.chance(0.98);
  return { ok, detail: ok ? "200 OK" : "connection refused" };
}

/** An activity signal that sees one kind of use. */
function createSignal(name: string, world: World, life: Life): Signal {
  const known = new WeakMap<Subject, { readonly use: Use | null }>();
  const useOf = (subject: Subject): Use | null => {
    const cached = known.get(subject);
    if (cached !== undefined) return cached.use;
    const box: Box | null = world.boxOf(subject.spec);
    const use = box?.uses.find(({ signal }) => signal === name) ?? null;
    known.set(subject, { use });
    return use;
  };
  const tell = (use: Use, whom: string): Reading => {
    world.tally.events++;
    const { readable, inUse, endedAt } = use;
    use.toldAt = life.now();
    use.toldInUse = inUse;
    use.toldReadable = readable;
    world.ledger.note(readable ? `${name} says ${inUse ? "in use" : "idle"}` : `${name} unreadable`, whom);
    if (!readable) return { kind: "unreadable", why: "no right" };
    const usedAt = inUse ? life.now() : endedAt;
    const lastUsedAt = usedAt === Number.NEGATIVE_INFINITY ? null : usedAt;
    use.toldUseAt = Math.max(use.toldUseAt, usedAt);
    return { kind: "read", lastUsedAt, inUse, text: name };
  };
  return {
    name,
    needs: null,
    asks: true,
    covers: (subject) => useOf(subject) !== null,
    required: (subject) => useOf(subject)?.required ?? false,
    read(subject, { signal }) {
      const use = useOf(subject);
      if (use === null) return { kind: "unreadable", why: "not there" };
      if (use.slowMs === 0) return tell(use, subject.spec.alias);
      return new Promise((resolve) => {
        const end = (): void => {
          cancel();
          signal.removeEventListener("abort", end);
          resolve(tell(use, subject.spec.alias));
        };
        const cancel = life.after(use.slowMs, end);
        if (signal.aborted) end();
        else signal.addEventListener("abort", end, { once: true });
      });
    },
  };
}
