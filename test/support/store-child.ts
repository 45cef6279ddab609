/**
 * A process that only writes to a store until it is killed: `node store-child.ts DIR START`. Each round, in one turn,
 * gives all 50 aliases a last use, a pin and a turn that carry the round's number, and adds an event; the number is
 * printed before it is saved. START is wall clock ms.
 */
import { openStore } from "../../src/store/open-store.ts";
import { silentLogger } from "./logger.ts";

const aliases = Array.from({ length: 50 }, (_, number) => `w${number}`);
const start = Number(process.argv[3]);
const store = openStore({
  stateDir: process.argv[2] ?? null,
  clock: {
    now: () => performance.now(),
    wall: () => start,
    after(delayMs, run) {
      // Much faster than real so that the kill meets a write.
      const timer = setTimeout(run, delayMs / 250);
      return () => clearTimeout(timer);
    },
  },
  logger: silentLogger,
});

let round = 0;
setInterval(() => {
  round++;
  process.stdout.write(`${round}\n`);
  for (const alias of aliases) {
    store.saveLastUsed(alias, start + round);
    store.savePin(alias, start + 2_000_000 + round);
    store.turnInterval(alias, { kind: round % 2 === 1 ? "asleep" : "awake", memoryBytes: round }, start + round);
  }
  store.addEvent({ id: round, at: start + round, type: "audit", alias: null, message: `round ${round}` });
}, 1);
