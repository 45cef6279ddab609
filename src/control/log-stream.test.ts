import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { adminAccess, assertProblem, fakeWorkload, startControl } from "../../test/support/control.ts";
import { openEvents } from "../../test/support/event-stream.ts";
import type { EventReader } from "../../test/support/event-stream.ts";
import { settle } from "../../test/support/fake-clock.ts";
import { NodoffError } from "../core/errors.ts";
import { createLineQueue } from "../core/line-queue.ts";
import type { LineQueue } from "../core/line-queue.ts";
import type { FollowOptions } from "../core/provider.ts";
import type { WorkloadHandle } from "../core/workload-handle.ts";
import { LogLine } from "./schema.ts";

/** A workload whose output the test writes: one queue per time it is followed. */
function talkative(): {
  readonly workload: WorkloadHandle;
  readonly asked: FollowOptions[];
  readonly outputs: LineQueue[];
} {
  const asked: FollowOptions[] = [];
  const outputs: LineQueue[] = [];
  const workload: WorkloadHandle = {
    ...fakeWorkload("blog"),
    follow(options) {
      asked.push(options);
      const output = createLineQueue(10_000, () => undefined);
      options.signal.addEventListener("abort", () => output.end(), { once: true });
      outputs.push(output);
      return output;
    },
  };
  return { workload, asked, outputs };
}

async function start(t: TestContext) {
  const { workload, asked, outputs } = talkative();
  const admin = adminAccess({ token: "secret" });
  const world = await startControl(t, { admin, workload: (alias) => (alias === "blog" ? workload : undefined) });
  const follow = async (query = ""): Promise<EventReader> => {
    const headers = { authorization: "Bearer secret" };
    const reader = await openEvents({ port: world.port, path: `/api/v1/workloads/blog/logs${query}`, headers });
    t.after(() => reader.close());
    return reader;
  };
  return { ...world, asked, outputs, follow };
}

const textOf = async (reader: EventReader): Promise<string> => LogLine.parse((await reader.next()).data).line;

describe("the stream of logs", () => {
  it("tells lines as they come", async (t) => {
    const { follow, asked, outputs } = await start(t);
    const reader = await follow();
    assert.equal(reader.response.headers["content-type"], "text/event-stream; charset=utf-8");
    outputs[0]?.push("one");
    assert.equal(await textOf(reader), "one");
    outputs[0]?.push("two");
    assert.equal(await textOf(reader), "two");
    assert.equal(asked[0]?.lines, 100);
  });

  it("hands markup and colours on as text, a line as one line, and no line without end", async (t) => {
    const { follow, outputs } = await start(t);
    const reader = await follow();
    const shown = [
      ["<script>alert(1)</script>", "<script>alert(1)</script>"],
      ["\u001b[31mred\u001b[0m \u001b]8;;http://evil.test\u0007link\u001b]8;;\u0007", "red link"],
      ["a\r\nevent: reset\ndata: {}\n\n", "aevent: resetdata: {}"],
      ["tab\tü🙂\u0000\u009b2J", "tab\tü🙂"],
      ["x".repeat(100_000), "x".repeat(4_000)],
      ["", ""],
    ] as const;
    for (const [written, text] of shown) {
      outputs[0]?.push(written);
      assert.equal(await textOf(reader), text);
    }
  });

  it("goes on over a sleep, from where it was, without asking all the time", async (t) => {
    const { follow, asked, outputs, journal, clock } = await start(t);
    const reader = await follow("?lines=5");
    outputs[0]?.push("before");
    assert.equal(await textOf(reader), "before");
    const endedAt = clock.wall();
    outputs[0]?.end();
    await settle();
    clock.advance(60_000);
    await settle();
    assert.equal(asked.length, 1, "nothing happened to it");
    journal.publish({ type: "state", alias: "blog", message: "starting", state: "starting" });
    await settle();
    outputs[1]?.push("after");
    assert.equal(await textOf(reader), "after");
    assert.deepEqual([asked[0]?.lines, asked[1]?.lines, asked[1]?.since], [5, 1_000, endedAt]);
    outputs[1]?.end();
    await settle();
    journal.publish({ type: "state", alias: "blog", message: "ready", state: "ready" });
    await settle();
    assert.equal(asked.length, 2, "a pause lies between");
    clock.advance(1_000);
    await settle();
    assert.equal(asked.length, 3);
  });

  it("says why there are none", async (t) => {
    const { follow, outputs } = await start(t);
    const reader = await follow();
    outputs[0]?.end(new NodoffError("PROVIDER_UNAVAILABLE", "the engine is gone"));
    const event = await reader.next();
    assert.equal(event.event, "problem");
    assert.deepEqual(event.data, { code: "PROVIDER_UNAVAILABLE", message: "the engine is gone" });
  });

  it("lets go of the engine when the client leaves and when nodoff ends", async (t) => {
    const { follow, asked, close } = await start(t);
    const [first, second] = [await follow(), await follow()];
    first.close();
    while (asked[0]?.signal.aborted !== true) await settle();
    assert.equal(asked[1]?.signal.aborted, false);
    close();
    await second.ended();
    assert.equal(asked[1]?.signal.aborted, true);
  });

  it("refuses what is none of it", async (t) => {
    const { ask, asked } = await start(t);
    const get = (path: string, bearer: string | null = "secret") => ask(`/api/v1/workloads/${path}`, { bearer });
    assertProblem(await get("blog/logs", null), 401, "UNAUTHORIZED");
    assertProblem(await get("none/logs"), 404, "NOT_FOUND");
    for (const lines of ["-1", "1001", "x", "", "1&lines=2"])
      assertProblem(await get(`blog/logs?lines=${lines}`), 400, "BAD_REQUEST");
    assert.equal(asked.length, 0);
  });
});
