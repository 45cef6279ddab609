import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { toSteps } from "./steps.ts";
import type { Need, WorkloadView } from "./workload-handle.ts";

function show(view: Partial<Pick<WorkloadView, "state" | "step" | "needs">>, showDetails = false): readonly string[] {
  const steps = toSteps({ showDetails }, { state: "starting", step: "starting", needs: [], ...view });
  return steps.map(
    ({ step, state, name, done, all }) => `${name ?? (all === undefined ? step : `${done}/${all}`)} ${state}`,
  );
}

function need(alias: string, over: Partial<Need> = {}): Need {
  return { alias, displayName: alias, state: "starting", done: false, ...over };
}

describe("steps of a wake", () => {
  it("are all there from the start, and only how far they are changes", () => {
    deepEqual(show({}), ["starting now", "answer waiting", "opening waiting"]);
    deepEqual(show({ step: "waiting_ready" }), ["starting done", "answer now", "opening waiting"]);
    deepEqual(show({ state: "ready" }), ["starting done", "answer done", "opening now"]);
    deepEqual(show({ state: "napping", step: null }), ["starting waiting", "answer waiting", "opening waiting"]);
  });

  it("begin with the end of a stop that is under way", () => {
    deepEqual(show({ state: "stopping" })[0], "stopping now");
    deepEqual(show({ state: "stopping" })[1], "starting waiting");
  });

  it("name a dependency that has a name for people, and count the others", () => {
    const needs = [need("db", { displayName: "Database", done: true }), need("a", { done: true }), need("b")];
    deepEqual(show({ needs, step: "waking_dependency" }), [
      "Database done",
      "1/2 now",
      "starting waiting",
      "answer waiting",
      "opening waiting",
    ]);
    deepEqual(show({ needs, step: "waking_dependency" }, true).slice(0, 3), ["Database done", "a done", "b now"]);
  });

  it("name no more than fit", () => {
    const needs = Array.from({ length: 9 }, (_, at) => need(`n${at}`, { displayName: `N ${at}` }));
    equal(show({ needs }).length, 6 + 1 + 3);
    equal(show({ needs })[6], "0/3 now");
  });

  it("go on when every dependency is there, whatever was told last", () => {
    deepEqual(show({ needs: [need("db", { done: true })], step: "dependency_ready" })[1], "starting now");
    deepEqual(show({ needs: [need("db", { state: "napping" })], step: "waiting_ready" })[0], "1/1 done");
  });

  it("say where a wake failed", () => {
    const state = "error";
    deepEqual(show({ state, step: "waiting_ready" }), ["starting done", "answer failed", "opening waiting"]);
    const needs = [need("db", { state: "error" }), need("cache", { done: true })];
    deepEqual(show({ state, step: "waking_dependency", needs })[0], "1/2 failed");
  });

  it("are none where it ended by itself", () => {
    for (const step of [null, "ready", "stopped"] as const) deepEqual(show({ state: "error", step }), []);
  });
});
