import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import {
  AllHealth,
  ConfigErrors,
  Events,
  Exam,
  History,
  NotifyTest,
  Problem,
  Providers,
  Route,
  Savings,
  Session,
  Sightings,
  Timeline,
  Version,
  Workload,
} from "./schema.ts";

const shapes = {
  problem: Problem,
  workload: Workload,
  events: Events,
  savings: Savings,
  session: Session,
  timeline: Timeline,
  route: Route,
  providers: Providers,
  config_errors: ConfigErrors,
  version: Version,
  health: AllHealth,
  history: History,
  notify_test: NotifyTest,
  exam: Exam,
  sightings: Sightings,
};

describe("docs/api.md", () => {
  it("shows answers as they are", () => {
    const text = readFileSync(new URL("../../docs/api.md", import.meta.url), "utf8");
    const blocks = [...text.matchAll(/^```json (\w+)\n(.*?)^```$/gms)];
    for (const [, name = "", body = ""] of blocks) {
      assert.ok(name in shapes, `no shape for ${name}`);
      shapes[name as keyof typeof shapes].parse(JSON.parse(body));
    }
    assert.deepEqual(new Set(blocks.map(([, name]) => name)), new Set(Object.keys(shapes)));
  });
});
