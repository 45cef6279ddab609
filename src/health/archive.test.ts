import assert from "node:assert/strict";
import { it } from "node:test";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { door } from "../../test/support/health-world.ts";
import { createRegistry } from "../engine/registry.ts";
import { createMemoryHealthStore } from "../store/health-memory.ts";
import { createArchive } from "./archive.ts";
import { createWatched } from "./watched.ts";

it("goes on gathering what nobody checks after the wall clock was set back", () => {
  const monotonic = fakeClock();
  let back = 0;
  const clock = { ...monotonic, wall: () => monotonic.wall() - back };
  const routes = createRegistry();
  routes.replace([door("nas")], () => undefined);
  const each = createWatched(routes.get("nas")!, clock, false);
  each.state = { ...each.state, status: "napping" };
  const archive = createArchive({ clock, store: createMemoryHealthStore(), watched: () => [each] });
  archive.start();
  archive.note(each);
  back = 3_600_000;
  for (let minute = 0; minute < 10; minute++) monotonic.advance(60_000);
  assert.ok(Math.abs(clock.wall() - each.gathered.markedAt) <= 60_000);
  archive.stop();
});
