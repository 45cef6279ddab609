import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { configOf, errorsOf, warningsOf } from "../../test/support/config-text.ts";
import { workloadSpec } from "../../test/support/specs.ts";
import { checkCycles } from "./resolve-dependencies.ts";

const workload = (keys: string): string => `workloads:\n  w: { container: web, ${keys} }\n`;

describe("dependencies", () => {
  it("are names with their conditions; names the file does not know are found at run time", () => {
    const text = workload('depends_on: [db, "cache:started", "proj/mq:healthy", "init:completed"]');
    assert.deepEqual(configOf(text).workloads[0]?.dependsOn, [
      { name: "db", condition: "auto" },
      { name: "cache", condition: "started" },
      { name: "proj/mq", condition: "healthy" },
      { name: "init", condition: "completed" },
    ]);
    assert.deepEqual(warningsOf(text), []);
  });

  it("replace those of the defaults", () => {
    const defaults = "defaults: { depends_on: [vpn] }\n";
    const names = (text: string) => configOf(text).workloads[0]?.dependsOn.map(({ name }) => name);
    assert.deepEqual(names(defaults + workload("port: 1")), ["vpn"]);
    assert.deepEqual(names(defaults + workload("depends_on: [db]")), ["db"]);
    assert.deepEqual(names(defaults + workload("depends_on: []")), []);
  });

  for (const [keys, ...expected] of [
    ["depends_on: db", "depends_on: must be a list"],
    ["depends_on: { db: { condition: service_healthy } }", "depends_on: must be a list"],
    ["depends_on: ['']", 'depends_on.0: "" is not a dependency such as db or db:healthy'],
    ["depends_on: [a b]", 'depends_on.0: "a b" is not a dependency such as db or db:healthy'],
    [
      "depends_on: [db: healthy]",
      'depends_on.0: a map is not a dependency such as db or db:healthy (did you mean "db:healthy"?)',
    ],
    ["depends_on: [db:]", "depends_on.0: a map is not a dependency such as db or db:healthy"],
    [
      "depends_on: ['db:helthy']",
      'depends_on.0: "helthy" is not one of started, healthy, completed (did you mean "healthy"?)',
    ],
    [
      "depends_on: ['db:service_completed_successfully']",
      'depends_on.0: "service_completed_successfully" is not one of started, healthy, completed (did you mean "completed"?)',
    ],
    ["depends_on: [w]", 'depends_on.0: "w" is this workload itself: take it out'],
    ["depends_on: [db, web]", 'depends_on.1: "web" is this workload itself: take it out'],
    ["depends_on: [db, 'db:healthy']", 'depends_on.1: "db" is given twice'],
  ] as const) {
    it(`are refused as ${keys}`, () => {
      const errors = errorsOf(workload(keys)).map((line) => line.replace(/^2:\d+ workloads\.w\./, ""));
      assert.deepEqual(errors, expected);
    });
  }

  it("mean an alias before they mean a container", () => {
    const text = "workloads:\n  a: { container: b, depends_on: [b] }\n  b: { container: x }\n";
    assert.deepEqual(errorsOf(text), []);
  });

  it("are no cycle, which is named where it begins", () => {
    const text = `workloads:
  a: { container: a1, depends_on: [x, b] }
  b: { container: b1, depends_on: ["c:started"] }
  c:
    container: c1
    depends_on:
      - y
      - a1
`;
    assert.deepEqual(errorsOf(text), [
      "2:39 workloads.a.depends_on.1: needs itself in the end (a -> b -> c -> a): take one of these dependencies out",
    ]);
  });

  it("are no cycle through a group, nor several", () => {
    const text = `workloads:
  p: { container: p1, depends_on: [a] }
  a: { container: a1, depends_on: [g] }
  g: { group: [a, b] }
  b: { container: b1, depends_on: [g] }
`;
    assert.deepEqual(errorsOf(text), [
      "3:36 workloads.a.depends_on.0: needs itself in the end (a -> g -> a): take one of these dependencies out",
      "4:19 workloads.g.group.1: needs itself in the end (g -> b -> g): take one of these dependencies out",
    ]);
  });

  it("may share what they need", () => {
    const text =
      "workloads:\n  a: { container: a, depends_on: [b, c] }\n  b: { container: b, depends_on: [d] }\n  c: { container: c, depends_on: [d] }\n  d: { container: d }\n";
    assert.deepEqual(errorsOf(text), []);
  });

  it("of any shape are refused exactly when they run in a circle", () => {
    const edge = fc.tuple(fc.nat(7), fc.nat(7)).filter(([from, to]) => from !== to);
    fc.assert(
      fc.property(fc.array(edge, { maxLength: 14 }), (edges) => {
        const workloads = Array.from({ length: 8 }, (_, index) => {
          const names = new Set(edges.filter(([from]) => from === index).map(([, to]) => `w${to}`));
          return workloadSpec({
            alias: `w${index}`,
            dependsOn: Array.from(names, (name) => ({ name, condition: "auto" as const })),
          });
        });
        // Taking away what needs nothing more leaves only circles, and what needs them.
        let left = workloads;
        for (let before = -1; before !== left.length;) {
          before = left.length;
          const aliases = new Set(left.map(({ alias }) => alias));
          left = left.filter(({ dependsOn }) => dependsOn.some(({ name }) => aliases.has(name)));
        }
        let told = 0;
        checkCycles(workloads, () => void told++);
        assert.equal(told > 0, left.length > 0);
      }),
    );
  });

  it("may form a chain longer than the call stack", () => {
    const workloads = Array.from({ length: 20_000 }, (_, index) =>
      workloadSpec({ alias: `w${index}`, dependsOn: [{ name: `w${index + 1}`, condition: "auto" }] }),
    );
    checkCycles(workloads, () => assert.fail("no cycle"));
  });
});

describe("groups", () => {
  it("are workloads of their own provider; members with their door get an address", () => {
    const { workloads, routes } = configOf(
      "workloads:\n  one: { container: c1 }\n  two: { container: c2, port: 81 }\n  pair: { group: [one, two], wake: one, host: p.x }\n",
    );
    assert.deepEqual(
      workloads.map(({ alias, provider, kind, ref, upstream, members, wakeMembers }) => [
        alias,
        provider,
        kind,
        ref,
        upstream,
        members,
        wakeMembers,
      ]),
      [
        ["one", "local", "container", "c1", { kind: "port", port: null, scheme: "http" }, [], "all"],
        ["two", "local", "container", "c2", { kind: "port", port: 81, scheme: "http" }, [], "all"],
        ["pair", "group", "group", "pair", null, ["one", "two"], "one"],
      ],
    );
    assert.deepEqual(
      routes.map(({ workload, upstream }) => [workload, upstream]),
      [["pair", null]],
    );
  });

  it("give their members an address where a route leads to them, too", () => {
    const text = "workloads:\n  a: { container: a }\n  g: { group: [a] }\n";
    assert.equal(configOf(text).workloads[0]?.upstream, null);
    assert.deepEqual(configOf(`${text}routes:\n  r: { host: r.x, workload: g }\n`).workloads[0]?.upstream, {
      kind: "port",
      port: null,
      scheme: "http",
    });
  });

  it("wake all of them unless told otherwise, and may have an address of their own", () => {
    const [member, group] = configOf(
      "defaults: { provider: local, port: 80 }\nworkloads:\n  a: { container: a }\n  g: { group: [a], host: g.x, upstream: http://lb }\n",
    ).workloads;
    assert.deepEqual([group?.wakeMembers, group?.upstream], ["all", { kind: "url", url: "http://lb" }]);
    assert.deepEqual(member?.upstream, { kind: "port", port: 80, scheme: "http" });
  });

  it("may have members that only labels declare: a warning", () => {
    assert.deepEqual(warningsOf("workloads:\n  web-1: { container: a }\n  g: { group: [web-1, wbe-1, other] }\n"), [
      '3:23 workloads.g.group.1: "wbe-1" is not a workload of this file (did you mean "web-1"?): only labels could declare it',
      '3:30 workloads.g.group.2: "other" is not a workload of this file: only labels could declare it',
    ]);
  });

  for (const [what, text, ...expected] of [
    ["itself", "workloads:\n  g: { group: [g] }\n", '2:16 workloads.g.group.0: "g" is the group itself: take it out'],
    [
      "another group",
      "workloads:\n  a: { container: a }\n  g: { group: [a] }\n  h: { group: [g] }\n",
      '4:16 workloads.h.group.0: "g" is a group, too: name its members instead',
    ],
    [
      "a member twice",
      "workloads:\n  a: { container: a }\n  g: { group: [a, a] }\n",
      '3:19 workloads.g.group.1: "a" is given twice',
    ],
    ["nobody", "workloads:\n  g: { group: [] }\n", "2:8 workloads.g.group: must not be empty"],
    [
      "a provider or a port",
      "workloads:\n  a: { container: a }\n  g: { group: [a], provider: local, port: 80 }\n",
      "3:20 workloads.g.provider: a group has none: its members have their own",
      '3:37 workloads.g.port: a group has none: give its members "port"',
    ],
    [
      "a port by a route",
      "workloads:\n  a: { container: a }\n  g: { group: [a] }\nroutes:\n  r: { host: r.x, workload: g, port: 80 }\n",
      '5:32 routes.r.port: "g" is a group, which has none: give its members "port"',
    ],
    [
      "wake without a group",
      "workloads:\n  a: { container: a, wake: one }\n",
      "2:22 workloads.a.wake: only a group has it: take it out",
    ],
    [
      "a provider of that name",
      "providers: { group: { type: docker } }\n",
      '1:14 providers.group: "group" is kept for groups of workloads: choose another name',
    ],
  ] as const)
    it(`cannot be given ${what}`, () => assert.deepEqual(errorsOf(text), expected));

  it("say nothing about a member whose entry is wrong", () => {
    const text = "workloads:\n  a: { container: a, port: x }\n  g: { group: [a] }\n";
    assert.deepEqual(errorsOf(text), ['2:22 workloads.a.port: "x" is not a whole number']);
  });
});

describe("a Compose project", () => {
  it("is a workload of its Docker provider", () => {
    const [stack] = configOf(
      "workloads:\n  stack: { compose: media, host: m.x, port: 8096, stop_method: pause }\n",
    ).workloads;
    assert.deepEqual(
      [stack?.provider, stack?.kind, stack?.ref, stack?.upstream, stack?.stopMethod, stack?.members],
      ["local", "compose", "media", { kind: "port", port: 8096, scheme: "http" }, "pause", []],
    );
    assert.equal(configOf("workloads: { stack: { compose: media } }\n").workloads[0]?.upstream, null);
  });

  for (const [what, text, ...expected] of [
    [
      "without an address for its host",
      "workloads:\n  s: { compose: m, host: m.x }\n",
      '2:3 workloads.s: a Compose project has many addresses: it needs "port" or "upstream"',
    ],
    [
      "twice",
      "workloads:\n  s: { compose: m }\n  t: { compose: m }\n",
      '3:8 workloads.t.compose: "m" is workload "s" already',
    ],
    [
      "beside a part of it",
      "workloads:\n  s: { compose: m }\n  t: { service: m/web }\n  u: { service: n/web }\n  v: { compose: n }\n",
      '3:8 workloads.t.service: "m/web" is part of workload "s" already',
      '5:8 workloads.v.compose: a part of "n" is workload "u" already',
    ],
    [
      "that suspends",
      "workloads:\n  s: { compose: m, stop_method: suspend }\n",
      '2:20 workloads.s.stop_method: "suspend" is not possible here (stop, pause, kill)',
    ],
  ] as const)
    it(`is refused ${what}`, () => assert.deepEqual(errorsOf(text), expected));
});
