import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { adminAccess, assertProblem, startControl } from "../../test/support/control.ts";
import { openEvents } from "../../test/support/event-stream.ts";
import type { EventReader } from "../../test/support/event-stream.ts";
import { settle } from "../../test/support/fake-clock.ts";
import { Event, Reset } from "./schema.ts";
import type { AdminAccess } from "./deps.ts";
import type { NewEvent } from "../core/journal.ts";

type World = Awaited<ReturnType<typeof startControl>>;

async function follow(t: TestContext, { port }: World, lastId?: string): Promise<EventReader> {
  const headers = {
    authorization: "Bearer secret",
    ...(lastId === undefined ? {} : { "last-event-id": lastId }),
  };
  const reader = await openEvents({ port, path: "/api/v1/events", headers });
  t.after(() => reader.close());
  return reader;
}

function start(t: TestContext, overrides: Parameters<typeof startControl>[1] = {}): Promise<World> {
  return startControl(t, { admin: adminAccess({ token: "secret" }), ...overrides });
}

const news = (message: string): NewEvent => ({ type: "state", alias: "blog", message, state: "ready" });

describe("the stream of events", () => {
  it("tells what happens, in the contract's shape, with its name", async (t) => {
    const world = await start(t);
    world.journal.publish(news("before"));
    const reader = await follow(t, world);
    const { headers, statusCode } = reader.response;
    assert.deepEqual([statusCode, headers["content-type"]], [200, "text/event-stream; charset=utf-8"]);
    assert.deepEqual([headers["cache-control"], headers["x-accel-buffering"]], ["no-store", "no"]);
    world.journal.publish(news("up\n\ndata: {}\n\n<b>\u001b[31m"));
    const event = await reader.next();
    assert.deepEqual([event.id, event.event], ["2", "state"]);
    assert.deepEqual(Event.parse(event.data), {
      at: "2026-01-01T00:16:40.000Z",
      type: "state",
      alias: "blog",
      message: "up\n\ndata: {}\n\n<b>\u001b[31m",
      error: null,
    });
    world.journal.publish({ type: "config", alias: null, message: "reloaded" });
    assert.equal((await reader.next()).event, "config");
  });

  it("tells a client that comes back what it missed, and nothing twice", async (t) => {
    const world = await start(t);
    const first = await follow(t, world);
    world.journal.publish(news("1"));
    assert.equal((await first.next()).id, "1");
    first.close();
    for (const message of ["2", "3"]) world.journal.publish(news(message));
    const second = await follow(t, world, first.lastId);
    world.journal.publish(news("4"));
    for (const message of ["2", "3", "4"]) assert.equal(Event.parse((await second.next()).data).message, message);
  });

  it("lets a client resume that was cut off before anything happened", async (t) => {
    const world = await start(t);
    world.journal.publish(news("1"));
    const first = await follow(t, world);
    const [chunk] = (await once(first.response, "data")) as [string];
    assert.match(chunk, /retry: \d+/);
    while (first.lastId === "") await once(first.response, "data");
    assert.equal(first.lastId, "1");
    first.close();
    world.journal.publish(news("2"));
    assert.equal(Event.parse((await (await follow(t, world, first.lastId)).next()).data).message, "2");
  });

  it("says so where it no longer knows what was missed", async (t) => {
    const world = await start(t);
    for (let round = 0; round < 5_000; round++) world.journal.publish(news(`${round}`));
    for (const lastId of ["1", "999999", "abc", "-1", "9".repeat(400)]) {
      const reader = await follow(t, world, lastId);
      const event = await reader.next();
      assert.deepEqual([event.event, event.id], ["reset", "5000"], lastId);
      Reset.parse(event.data);
      reader.close();
    }
    const event = await (await follow(t, world, "4999")).next();
    assert.deepEqual([event.event, event.id], ["state", "5000"]);
  });

  it("says something now and then, and ends with the login", async (t) => {
    const admin: { -readonly [K in keyof AdminAccess]: AdminAccess[K] } = adminAccess({ token: "secret" });
    const world = await start(t, { admin });
    const reader = await follow(t, world);
    world.clock.advance(15_000);
    world.journal.publish(news("1"));
    await reader.next();
    assert.equal(reader.comments, 1);
    admin.token = "another";
    world.clock.advance(15_000);
    await reader.ended();
  });

  it("bears so many clients and no more, forgets those that left, and lets go of all at the end", async (t) => {
    const world = await start(t);
    const readers: EventReader[] = [];
    for (let round = 0; round < 200; round++) readers.push(await follow(t, world));
    const ask = () => world.ask("/api/v1/events", { bearer: "secret" });
    assertProblem(await ask(), 503, "TOO_MANY_STREAMS");
    readers[0]?.close();
    let freed = await follow(t, world);
    while (freed.response.statusCode !== 200) {
      await settle();
      freed = await follow(t, world);
    }
    world.close();
    await Promise.all(readers.map((reader) => reader.ended()));
    assertProblem(await ask(), 503, "TOO_MANY_STREAMS");
  });

  it("is closed to strangers, and knows no other method", async (t) => {
    const world = await start(t);
    assertProblem(await world.ask("/api/v1/events", { bearer: null }), 401, "UNAUTHORIZED");
    assertProblem(await world.ask("/api/v1/events", { bearer: "secret", method: "POST" }), 405, "METHOD_NOT_ALLOWED");
    const head = await world.ask("/api/v1/events", { bearer: "secret", method: "HEAD" });
    assert.deepEqual([head.status, head.body], [200, ""]);
  });
});
