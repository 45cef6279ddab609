import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { activitySpec, workloadSpec } from "../../test/support/specs.ts";
import { neededBy, planDependencies } from "./dependencies.ts";
import type { ComposePlace, Look } from "./provider.ts";
import type { DependencySpec, WorkloadSpec } from "./spec.ts";

function look(name: string, compose?: Partial<ComposePlace>, more: Partial<Look> = {}): Look {
  const place = compose === undefined ? null : { project: "shop", service: name, dependsOn: [], ...compose };
  return {
    refs: place === null ? [name] : [name, `${place.project}/${place.service}`],
    id: `id-${name}`,
    power: "stopped",
    startedAt: null,
    exitCode: null,
    error: null,
    health: "none",
    labels: {},
    refusal: null,
    warnings: [],
    ...(place === null ? {} : { compose: place }),
    ...more,
  };
}

function spec(alias: string, more: Partial<WorkloadSpec> = {}): WorkloadSpec {
  return workloadSpec({ alias, ref: alias, ...more });
}

const on = (...names: string[]): readonly DependencySpec[] => names.map((name) => ({ name, condition: "auto" }));

function plan(specs: readonly WorkloadSpec[], looks: readonly Look[] = []) {
  const { workloads, edges, cycles } = planDependencies(specs, () => looks);
  const shown = Object.fromEntries(
    Array.from(edges, ([from, to]) => [from, to.map((edge) => `${edge.to}:${edge.condition}`)]),
  );
  return { workloads, added: workloads.slice(specs.length), edges: shown, cycles };
}

describe("planDependencies", () => {
  it("adds nothing where nothing depends on anything", () => {
    assert.deepEqual(plan([spec("a"), spec("b")], [look("c")]), {
      workloads: [spec("a"), spec("b")],
      added: [],
      edges: {},
      cycles: [],
    });
  });

  it("finds a dependency by alias before anything else", () => {
    const found = plan([spec("web", { dependsOn: on("db") }), spec("db", { ref: "postgres" })], [look("db")]);
    assert.deepEqual(found.edges, { web: ["db:auto"] });
    assert.deepEqual(found.added, []);
  });

  it("gives what did not opt in a workload that is never stopped", () => {
    const found = plan([spec("web", { dependsOn: on("redis") })], [look("redis")]);
    assert.deepEqual(found.edges, { web: ["redis:auto"] });
    const [redis] = found.added;
    assert.equal(redis?.alias, "redis");
    assert.equal(redis.sleeps, false);
    assert.equal(redis.idleTimeoutMs, 0);
    assert.equal(redis.upstream, null);
  });

  it("lets it sleep where the dependant says so, and what it needs as well", () => {
    const looks = [
      look("shop-web", { service: "web", dependsOn: [{ service: "db", condition: "healthy" }] }),
      look("shop-db", { service: "db", dependsOn: [{ service: "disk", condition: "started" }] }),
      look("shop-disk", { service: "disk" }),
    ];
    const found = plan([spec("web", { ref: "shop-web", dependsOnSleep: true })], looks);
    assert.deepEqual(found.edges, { web: ["db:healthy"], db: ["disk:started"] });
    assert.deepEqual(
      found.added.map(({ alias, ref, sleeps, followsDependants }) => ({ alias, ref, sleeps, followsDependants })),
      [
        { alias: "db", ref: "shop-db", sleeps: true, followsDependants: true },
        { alias: "disk", ref: "shop-disk", sleeps: true, followsDependants: true },
      ],
    );
  });

  it("reads compose's depends_on, whatever the configuration says besides", () => {
    const looks = [
      look("w", {
        service: "web",
        dependsOn: [
          { service: "db", condition: "healthy" },
          { service: "init", condition: "completed" },
          { service: "gone", condition: "started" },
        ],
      }),
      look("d", { service: "db" }),
      look("i", { service: "init" }),
    ];
    const found = plan([spec("web", { ref: "w", dependsOn: [{ name: "db", condition: "started" }] })], looks);
    assert.deepEqual(found.edges, { web: ["db:started", "init:completed"] });
  });

  it("takes every container of a scaled service, and none that nodoff may not touch", () => {
    const looks = [
      look("w", {
        service: "web",
        dependsOn: [
          { service: "db", condition: "started" },
          { service: "nodoff", condition: "started" },
        ],
      }),
      look("db-1", { service: "db" }),
      look("db-2", { service: "db" }),
      look("n", { service: "nodoff" }, { refusal: "it is nodoff itself" }),
    ];
    const found = plan([spec("web", { ref: "w" })], looks);
    assert.deepEqual(found.edges, { web: ["db:started", "shop-db:started"] });
  });

  it("keeps a name the engine does not have yet", () => {
    const found = plan([spec("web", { dependsOn: on("later") })]);
    assert.deepEqual(found.edges, { web: ["later:auto"] });
    assert.equal(found.added[0]?.ref, "later");
  });

  it("chooses another alias where the service's is taken", () => {
    const looks = [
      look("w", { service: "web", dependsOn: [{ service: "db", condition: "started" }] }),
      look("d", { service: "db" }),
    ];
    const found = plan([spec("web", { ref: "w" }), spec("db", { ref: "another" })], looks);
    assert.deepEqual(found.edges, { web: ["shop-db:started"] });
  });

  it("makes a project of its containers, with their own order", () => {
    const looks = [
      look("w", {
        service: "web",
        dependsOn: [
          { service: "db", condition: "healthy" },
          { service: "init", condition: "completed" },
        ],
      }),
      look("d", { service: "db" }),
      look("i", { service: "init" }),
      look("other", { project: "else" }),
    ];
    const found = plan([spec("shop", { kind: "compose", stopMethod: "pause" })], looks);
    assert.deepEqual(found.edges, {
      shop: ["web:auto", "db:auto", "init:completed"],
      web: ["db:healthy", "init:completed"],
    });
    assert.deepEqual(
      found.added.map(({ alias, sleeps, stopMethod }) => ({ alias, sleeps, stopMethod })),
      ["web", "db", "init"].map((alias) => ({ alias, sleeps: true, stopMethod: "pause" })),
    );
  });

  it("takes the container that has its project's name for one of its members", () => {
    const stack = spec("stack", { kind: "compose", ref: "shop" });
    const looks = [look("shop", { service: "web" }), look("db", {})];
    const found = plan([stack], looks);
    assert.deepEqual(found.edges, { stack: ["web:auto", "db:auto"] });
    assert.deepEqual(
      found.added.map(({ alias, ref }) => [alias, ref]),
      [
        ["web", "shop"],
        ["db", "db"],
      ],
    );
  });

  it("asks a dependency nothing that is meant for its dependant, but runs a project's command in its containers", () => {
    const exec = { kind: "exec", command: ["busy"] } as const;
    const http = {
      kind: "http",
      path: "/busy",
      status: [[200, 200]],
      json: null,
      idleValue: null,
      pattern: null,
    } as const;
    const probesOf = (more: Partial<WorkloadSpec>): unknown[] => {
      const { added } = plan([spec("web", more)], [look("web"), look("db", {})]);
      return added.map(({ activity }) => activity.probe);
    };
    for (const probe of [exec, http]) {
      const activity = activitySpec({ probe });
      assert.deepEqual(probesOf({ activity, dependsOn: on("db") }), [null]);
      assert.deepEqual(probesOf({ activity, kind: "compose", ref: "shop" }), [probe === exec ? exec : null]);
    }
  });

  it("names a cycle, and cuts it", () => {
    const found = plan([
      spec("a", { dependsOn: on("b") }),
      spec("b", { dependsOn: on("c") }),
      spec("c", { dependsOn: on("a") }),
    ]);
    assert.deepEqual(found.cycles, [["c", "a -> b -> c -> a"]]);
    assert.deepEqual(found.edges, { a: ["b:auto"], b: ["c:auto"], c: [] });
  });

  it("always leaves a graph that can be walked to its end", () => {
    const names = ["a", "b", "c", "d", "e"];
    const graph = fc.array(fc.tuple(fc.constantFrom(...names), fc.constantFrom(...names)), { maxLength: 20 });
    fc.assert(
      fc.property(graph, (pairs) => {
        const specs = names.map((alias) =>
          spec(alias, { dependsOn: on(...pairs.filter(([from]) => from === alias).map(([, to]) => to)) }),
        );
        const { edges } = planDependencies(specs, () => []);
        const depth = (alias: string, left: number): void => {
          assert.ok(left > 0, "a cycle is left");
          for (const { to } of edges.get(alias) ?? []) depth(to, left - 1);
        };
        for (const alias of names) depth(alias, names.length + 1);
      }),
    );
  });
});

describe("neededBy", () => {
  const db = look("db", { service: "db" });
  const web = look("web", { dependsOn: [{ service: "db", condition: "started" }] }, { power: "running" });
  const rows: readonly (readonly [string, readonly Look[], readonly string[]])[] = [
    ["a running sibling that names it", [web], ["web depends on it"]],
    ["one that does not run", [{ ...web, power: "stopped" }], []],
    ["one that is paused", [{ ...web, power: "paused" }], []],
    [
      "one of another project",
      [look("x", { project: "else", dependsOn: [{ service: "db", condition: "started" }] }, { power: "running" })],
      [],
    ],
    [
      "one that only waited for its end",
      [look("x", { dependsOn: [{ service: "db", condition: "completed" }] }, { power: "running" })],
      [],
    ],
    [
      "one in its network",
      [look("vpn-user", undefined, { power: "running", sharesNetworkWith: db.id })],
      ["vpn-user uses its network"],
    ],
    ["itself", [{ ...db, power: "running", sharesNetworkWith: db.id }], []],
  ];
  for (const [title, looks, expected] of rows) {
    it(title, () => assert.deepEqual(neededBy(db, looks, new Set()), expected));
  }

  it("leaves out whom nodoff judges itself", () => {
    assert.deepEqual(neededBy(db, [web], new Set([web.id])), []);
  });
});
