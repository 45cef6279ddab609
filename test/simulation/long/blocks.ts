import type { ComposePlace } from "../../../src/core/provider.ts";
import type { DependencyCondition } from "../../../src/core/spec.ts";
import { addBox, type BoxPlan, declare, declareGroup, type Draft, type Fleet, needs, routesOf } from "./fleet.ts";
import type { Random } from "./random.ts";

type Block = (draft: Draft, name: string, provider: string) => void;

const followed = { followsDependants: true, upstream: null } as const;

const single: Block = (draft, name, provider) => declare(draft, addBox(draft, { name, provider }));

/** Two apps and what both need, which opted in, follows them, or did neither. */
const shared: Block = (draft, name, provider) => {
  const { random } = draft;
  const db = addBox(draft, { name: `${name}-db`, provider });
  const how = random.pick(["own", "follows", "not", "allowed"]);
  if (how === "own") declare(draft, db);
  if (how === "follows") declare(draft, db, followed);
  for (const app of [`${name}-a`, `${name}-b`]) {
    const box = addBox(draft, { name: app, provider });
    const condition = random.pick<DependencyCondition>(["auto", "started", "healthy"]);
    declare(draft, box, { dependsOn: needs([db.name, condition]), dependsOnSleep: how === "allowed" });
  }
};

/** `a` needs `b` and `d`, `b` needs `c`, `d` needs `c` too. */
const diamond: Block = (draft, name, provider) => {
  const box = (end: string): BoxPlan => addBox(draft, { name: `${name}-${end}`, provider });
  const [a, b, c, d] = [box("a"), box("b"), box("c"), box("d")];
  declare(draft, c, draft.random.chance(0.5) ? followed : {});
  declare(draft, b, { dependsOn: needs([c.name, "auto"]) });
  declare(draft, d, { dependsOn: needs([c.name, "healthy"]), ...(draft.random.chance(0.5) ? followed : {}) });
  declare(draft, a, { dependsOn: needs([b.name, "auto"], [d.name, "started"]) });
};

const cycle: Block = (draft, name, provider) => {
  const names = ["a", "b", "c"].slice(0, draft.random.between(2, 3)).map((end) => `${name}-${end}`);
  names.forEach((each, at) => {
    const next = names[(at + 1) % names.length] ?? each;
    declare(draft, addBox(draft, { name: each, provider }), { dependsOn: needs([next, "auto"]) });
  });
  draft.cycles.push(names);
};

const group: Block = (draft, name, provider) => {
  const members = ["a", "b", "c"].slice(0, draft.random.between(2, 3)).map((end) => `${name}-${end}`);
  for (const each of members) {
    declare(draft, addBox(draft, { name: each, provider }), draft.random.chance(0.3) ? followed : {});
  }
  declareGroup(draft, { alias: name, provider, members, wakeMembers: draft.random.pick(["all", "one"]) });
};

/** `web` needs `db` and the end of `init`; `worker` needs `db` too, and nodoff has nothing to do with it. */
function addProject(draft: Draft, project: string, provider: string): Readonly<Record<string, BoxPlan>> {
  const { random } = draft;
  const place = (service: string, ...on: ComposePlace["dependsOn"]): Partial<BoxPlan> & { name: string } => ({
    name: `${project}-${service}`,
    compose: { project, service, dependsOn: on },
  });
  const db = addBox(draft, { ...place("db"), provider });
  const onDb = { service: "db", condition: db.hasHealth ? "healthy" : "started" } as const;
  // What runs to its end, where anybody waits for that.
  const ends = random.chance(0.7) ? [{ service: "init", condition: "completed" } as const] : [];
  const runMs = ends.length > 0 ? random.span(50, 3_000) : null;
  const init = addBox(draft, { ...place("init", onDb), provider, runMs, hasHealth: false });
  return {
    db,
    init,
    web: addBox(draft, { ...place("web", onDb, ...ends), provider }),
    worker: addBox(draft, { ...place("worker", onDb), provider }),
  };
}

const project: Block = (draft, name, provider) => {
  const { random } = draft;
  const { web, db, init } = addProject(draft, name, provider);
  if (web === undefined || db === undefined || init === undefined) return;
  declare(draft, web, { dependsOnSleep: random.chance(0.4) });
  if (random.chance(0.3)) declare(draft, db, random.chance(0.5) ? followed : { upstream: null });
  if (random.chance(0.2)) declare(draft, init, { upstream: null, schedule: null });
};

const projectAsOne: Block = (draft, name, provider) => {
  addProject(draft, name, provider);
  declareGroup(draft, { alias: name, provider, kind: "compose", ref: name });
};

/** Something beside it uses its network. */
const network: Block = (draft, name, provider) => {
  declare(draft, addBox(draft, { name, provider }));
  const other = addBox(draft, { name: `${name}-side`, provider, network: name });
  if (draft.random.chance(0.5)) declare(draft, other);
};

const blocks = [single, single, single, shared, shared, diamond, cycle, group, project, project, projectAsOne, network];

/** 10 to 30 workloads on some engines, with all kinds of ties. */
export function createFleet(random: Random): Fleet {
  const providers = ["north", "south", "east"]
    .slice(0, random.between(2, 3))
    .map((name, at) => ({ name, canPause: at !== 1 || random.chance(0.5) }));
  const draft: Draft = { random, providers, boxes: [], specs: new Map(), cycles: [] };
  const wanted = random.between(10, 26);
  for (let nth = 0; draft.specs.size < wanted; nth++)
    random.pick(blocks)(draft, `w${nth}`, random.pick(providers).name);
  return { ...draft, routes: routesOf(random, draft.specs.values()) };
}
