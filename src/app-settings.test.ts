import assert from "node:assert/strict";
import { it } from "node:test";
import { recordingLogger } from "../test/support/logger.ts";
import { fakeClock } from "../test/support/fake-clock.ts";
import { createSettings } from "./app-settings.ts";
import { type LoadResult, loadConfig } from "./config/load.ts";
import { NodoffError } from "./core/errors.ts";
import { createJournal } from "./engine/journal.ts";

function read(text: string): LoadResult {
  return loadConfig({ file: "nodoff.yaml", env: {}, readFile: () => text });
}

it("keeps what runs when a configuration turns out not to work while it is applied, and takes the next one", async () => {
  const first = read("proxy_hops: 1\n");
  assert.ok(first.ok);
  const logger = recordingLogger();
  let next = read("proxy_hops: 2\n");
  let broken = true;
  const settings = createSettings({
    config: first.config,
    file: "nodoff.yaml",
    load: () => next,
    containerNetworks: [],
    logger: { ...logger, setLevel: () => undefined },
    journal: createJournal({ clock: fakeClock(), logger }),
    apply: () => (broken ? Promise.reject(new NodoffError("CONFIG_INVALID", "no such engine")) : Promise.resolve()),
  });
  await settings.reload();
  assert.equal(settings.config.proxyHops, 1);
  assert.deepEqual(
    settings.errors.map(({ message }) => message),
    ["no such engine"],
  );
  assert.deepEqual(settings.reloads, { ok: 0, failed: 1 });
  broken = false;
  next = read("proxy_hops: 3\n");
  await settings.reload();
  assert.equal(settings.config.proxyHops, 3);
  assert.deepEqual(settings.errors, []);
});
