/**
 * A process that only writes to a store until it is killed: `node store-child.ts DIR`. Each round gives all 50 aliases
 * the same number, in one turn; the number is printed before it is saved.
 */
import { openStore } from "../../src/store/open-store.ts";
import { silentLogger } from "./logger.ts";

const aliases = Array.from({ length: 50 }, (_, number) => `w${number}`);
const store = openStore({
  stateDir: process.argv[2] ?? null,
  clock: {
    now: () => performance.now(),
    wall: () => Date.now(),
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
  for (const alias of aliases) store.saveLastUsed(alias, round);
}, 1);
