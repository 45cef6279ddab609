import assert from "node:assert/strict";
import { it } from "node:test";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { fakeProvider } from "../../test/support/fake-provider.ts";
import { silentLogger } from "../../test/support/logger.ts";
import { routeSpec, workloadSpec } from "../../test/support/specs.ts";
import type { Look } from "../core/provider.ts";
import { inOrderOfClaim, mergeSpecs, type SpecSet } from "./desired.ts";
import { createDiscovery } from "./discovery.ts";

function lookOf(name: string, createdAt?: number): Look {
  return {
    refs: [name],
    id: `id-${name}`,
    power: "running",
    ...(createdAt !== undefined && { createdAt }),
    startedAt: null,
    exitCode: null,
    error: null,
    health: "none",
    labels: {},
    refusal: null,
    warnings: [],
  };
}

const file: SpecSet = { source: "the file", workloads: [], routes: [] };

/** Every container wants the same host. */
function winnerOf(...rounds: readonly (readonly Look[])[]): {
  readonly winner: string | undefined;
  readonly keys: string[];
} {
  const clock = fakeClock();
  const discovery = createDiscovery({
    clock,
    logger: silentLogger,
    provider: fakeProvider({ clock }),
    read: (look) => {
      const [alias = ""] = look.refs;
      const routes = [routeSpec({ alias, workload: alias, hosts: ["shared.test"] })];
      return { kind: "spec", workload: workloadSpec({ alias, ref: alias }), routes };
    },
  });
  for (const looks of rounds) discovery.update(looks, new Set());
  const { routes, problems } = mergeSpecs(file, discovery.sets);
  return { winner: routes[0]?.alias, keys: problems.map(({ source, key }) => `${source} ${key}`) };
}

it("gives what two containers ask for to the older one, and reports the other", () => {
  const [young, old] = [lookOf("a-young", 2_000), lookOf("b-old", 1_000)];
  assert.deepEqual(winnerOf([young, old]), { winner: "b-old", keys: ["label a-young nodoff.host"] });
  assert.deepEqual(winnerOf([lookOf("b"), lookOf("a")]).winner, "a", "by name where nobody knows their age");
});

it("leaves it with the one that has it", () => {
  const [young, old] = [lookOf("a-young", 2_000), lookOf("b-old", 1_000)];
  assert.equal(winnerOf([young], [young, old]).winner, "a-young");
});

it("says nothing of a name that a container had which is deleted", () => {
  const old = { ...lookOf("1f2e_blog", 1_000), id: "1f2e" };
  const made = lookOf("blog", 2_000);
  const clash = winnerOf([old], [old, made]);
  assert.deepEqual(clash, { winner: "1f2e_blog", keys: ["label blog nodoff.host"] });
  assert.deepEqual(winnerOf([old], [old, made], [made]), { winner: "blog", keys: [] });
});

it("gives it to the older one of two engines as well, whichever was listed first", () => {
  const set = (name: string, createdAt?: number, departed?: true): SpecSet => ({
    source: name,
    workloads: [workloadSpec({ alias: name, ref: name })],
    routes: [routeSpec({ alias: name, workload: name, hosts: ["shared.test"] })],
    ...(createdAt !== undefined && { createdAt }),
    ...(departed && { departed }),
  });
  const orderOf = (...engines: (readonly SpecSet[])[]): string[] => inOrderOfClaim(engines).map(({ source }) => source);
  const [young, old] = [[set("young", 2_000)], [set("old", 1_000)]];
  assert.deepEqual(orderOf(young, old), ["old", "young"]);
  assert.deepEqual(orderOf(old, young), ["old", "young"]);
  const { routes, problems } = mergeSpecs(file, inOrderOfClaim([young, old]));
  assert.deepEqual(
    [routes.map(({ alias }) => alias), problems.map(({ source, key }) => `${source} ${key}`)],
    [["old"], ["young nodoff.host"]],
  );
  const replaced = [set("has it", 3_000), set("older, came later", 1_000)];
  assert.deepEqual(orderOf(young, replaced), ["young", "has it", "older, came later"], "an engine's own order stands");
  assert.deepEqual(orderOf([set("left", 500, true)], young), ["young", "left"]);
  assert.deepEqual(orderOf([set("a")], [set("b")]), ["a", "b"], "of one age, the engine configured first");
});
