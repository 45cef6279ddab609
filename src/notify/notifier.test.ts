import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer as createNet } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { type FakeClock, fakeClock, settle } from "../../test/support/fake-clock.ts";
import { recordingLogger } from "../../test/support/logger.ts";
import { httpReceiver, mailReceiver } from "../../test/support/receivers.ts";
import type { Clock } from "../core/clock.ts";
import { type Notice, type NotifierSpec, noticeKinds } from "../core/notices.ts";
import { systemClock } from "../system-clock.ts";
import { createNotifier } from "./notifier.ts";

const at = Date.UTC(2026, 0, 1);
const down: Notice = {
  event: "health.down",
  alias: "blog",
  at,
  message: "My blog is down",
  detail: 'it said "no" <b>',
  lastSeenAt: at - 60_000,
};
const up: Notice = { event: "health.up", alias: "blog", at, message: "My blög is up", detail: null, latencyMs: 12.4 };

type Spec<T extends NotifierSpec["type"]> = Omit<NotifierSpec & { readonly type: T }, "name" | "events">;

function toSpec<T extends NotifierSpec["type"]>(spec: Spec<T>, name = "ops"): NotifierSpec {
  return { name, events: noticeKinds, ...spec } as unknown as NotifierSpec;
}

const webhook = (url: string, rest: Partial<Spec<"webhook">> = {}): NotifierSpec =>
  toSpec<"webhook">({ type: "webhook", url, headers: {}, body: null, secret: null, ...rest });

function setUp(t: TestContext, specs: readonly NotifierSpec[], clock: Clock = systemClock) {
  const logger = recordingLogger();
  const notifier = createNotifier({ clock, logger, link: () => null });
  t.after(() => notifier.close());
  notifier.update(specs);
  const errors = () => logger.lines.filter(({ message }) => message === "notice not delivered");
  const counts = () => Array.from(notifier.receivers(), ({ counts: { ok, failed } }) => [ok, failed]);
  return { notifier, logger, errors, counts };
}

/** Moves time on until `isSo`; what goes over sockets needs real turns in between. */
async function until(clock: FakeClock, isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 4_000 && !isSo(); turn++) {
    await settle();
    clock.advance(50);
  }
  assert.ok(isSo(), "waited in vain");
}

describe("webhook", () => {
  it("posts the contract's body, signed", async (t) => {
    const receiver = await httpReceiver(t);
    const { notifier, counts } = setUp(t, [webhook(receiver.url, { secret: "s3cret" })]);
    notifier.notify(down);
    notifier.notify(up);
    await receiver.until(2);
    const [first, second] = receiver.received;
    assert.equal(first?.headers["content-type"], "application/json");
    assert.deepEqual(JSON.parse(first!.body), {
      event: "health.down",
      alias: "blog",
      at: "2026-01-01T00:00:00.000Z",
      message: "My blog is down",
      detail: 'it said "no" <b>',
      last_seen_at: "2025-12-31T23:59:00.000Z",
    });
    assert.equal((JSON.parse(second!.body) as { latency_ms: number }).latency_ms, 12.4);
    for (const { headers, body } of receiver.received) {
      const expected = createHmac("sha256", "s3cret").update(body).digest("hex");
      assert.equal(headers["x-nodoff-signature"], `sha256=${expected}`);
    }
    await settle();
    assert.deepEqual(counts(), [[2, 0]]);
  });

  it("fills templates of body and headers, each value fit for its place", async (t) => {
    const receiver = await httpReceiver(t);
    const body = '{"text":"{{message}}: {{detail}}","gone":"{{latency_ms}}"}';
    const headers = { "X-Event": "{{event}}", "X-Detail": "{{detail}}" };
    const { notifier } = setUp(t, [webhook(receiver.url, { body, headers })]);
    notifier.notify({ ...down, detail: 'a "b"\r\nX-Evil: 1 → c' });
    await receiver.until(1);
    const { headers: sent, body: text } = receiver.received[0]!;
    assert.deepEqual(JSON.parse(text), { text: 'My blog is down: a "b"\r\nX-Evil: 1 → c', gone: "" });
    assert.deepEqual([sent["x-event"], sent["x-detail"]], ["health.down", 'a "b"??X-Evil: 1 ? c']);
    assert.equal(sent["x-evil"], undefined);
    assert.equal(sent["x-nodoff-signature"], undefined, "no secret, no signature");
  });

  it("leaves other kinds of text as they are, and takes user and password from the address", async (t) => {
    const receiver = await httpReceiver(t);
    const url = receiver.url.replace("//", "//me:p%40ss@");
    const rest = { body: "{{detail}}", headers: { "Content-Type": "text/plain" } };
    const { notifier } = setUp(t, [webhook(`${url}?a=1`, rest)]);
    notifier.notify(down);
    await receiver.until(1);
    const { body, headers, url: path } = receiver.received[0]!;
    assert.deepEqual([body, headers["content-type"], path], ['it said "no" <b>', "text/plain", "/hook?a=1"]);
    assert.equal(headers.authorization, `Basic ${Buffer.from("me:p@ss").toString("base64")}`);
  });
});

describe("chats", () => {
  const received = async (t: TestContext, spec: (url: string) => NotifierSpec, notice: Notice) => {
    const receiver = await httpReceiver(t);
    const { notifier } = setUp(t, [spec(receiver.url)]);
    notifier.notify(notice);
    await receiver.until(1);
    return receiver.received[0]!;
  };
  const lines = 'it said "no" <b>\nLast seen 2025-12-31T23:59:00.000Z';

  it("ntfy", async (t) => {
    const bad = await received(t, (url) => toSpec<"ntfy">({ type: "ntfy", url, token: "tk" }), down);
    assert.deepEqual(
      [bad.headers["title"], bad.headers["priority"], bad.headers.authorization, bad.body],
      ["My blog is down", "high", "Bearer tk", lines],
    );
    const good = await received(t, (url) => toSpec<"ntfy">({ type: "ntfy", url, token: null }), up);
    const encoded = `=?UTF-8?B?${Buffer.from("My blög is up").toString("base64")}?=`;
    assert.deepEqual([good.headers["title"], good.headers["priority"]], [encoded, "default"]);
    assert.equal(good.body, "Answered within 12 ms");
  });

  it("gotify", async (t) => {
    const { url, headers, body } = await received(
      t,
      (at) => toSpec<"gotify">({ type: "gotify", url: `${at}/`, token: "tk" }),
      down,
    );
    assert.deepEqual([url, headers["x-gotify-key"]], ["/hook/message", "tk"]);
    assert.deepEqual(JSON.parse(body), { title: "My blog is down", message: lines, priority: 6 });
  });

  it("discord, calling nobody and within its limit", async (t) => {
    const spec = (url: string): NotifierSpec => toSpec<"discord">({ type: "discord", url });
    const { body } = await received(t, spec, { ...down, detail: `@everyone ${"x".repeat(5_000)}` });
    const { content, allowed_mentions: mentions } = JSON.parse(body) as { content: string; allowed_mentions: object };
    assert.ok(content.startsWith("**My blog is down**\n@everyone"));
    assert.equal(content.length, 2_000);
    assert.deepEqual(mentions, { parse: [] });
  });

  it("slack, as text", async (t) => {
    const { body } = await received(t, (url) => toSpec<"slack">({ type: "slack", url }), down);
    assert.deepEqual(JSON.parse(body), {
      text: '*My blog is down*\nit said "no" &lt;b&gt;\nLast seen 2025-12-31T23:59:00.000Z',
    });
  });

  it("with nodoff's own address where it has one", async (t) => {
    const receiver = await httpReceiver(t);
    const clock = systemClock;
    const notifier = createNotifier({ clock, logger: recordingLogger(), link: () => "https://nodoff.test" });
    t.after(() => notifier.close());
    notifier.update([toSpec<"ntfy">({ type: "ntfy", url: receiver.url, token: null })]);
    notifier.notify({ ...up, latencyMs: null });
    await receiver.until(1);
    assert.equal(receiver.received[0]!.body, "https://nodoff.test");
  });
});

describe("mail", () => {
  const mail = (port: number): NotifierSpec =>
    toSpec<"smtp">({ type: "smtp", url: `smtp://127.0.0.1:${port}`, from: "n@example.com", to: ["o@example.com"] });

  it("is sent by SMTP", async (t) => {
    const server = await mailReceiver(t);
    const { notifier } = setUp(t, [mail(server.port)]);
    assert.deepEqual(await notifier.test(), [{ sender: "ops", type: "smtp", error: null }]);
    const [text = ""] = server.mails;
    for (const part of ["MAIL FROM:<n@example.com>", "RCPT TO:<o@example.com>", "Subject: nodoff: This is a test"])
      assert.ok(text.includes(part), `${part} in ${text}`);
  });

  it("that cannot be delivered is reported at its place, naming no secret; the rest goes on", async (t) => {
    const closed = createNet().listen(0, "127.0.0.1");
    await once(closed, "listening");
    const { port } = closed.address() as AddressInfo;
    closed.close();
    await once(closed, "close");
    const receiver = await httpReceiver(t);
    const away = toSpec<"smtp">(
      { type: "smtp", url: `smtp://user:hunter2@127.0.0.1:${port}`, from: "n@x.test", to: ["o@x.test"] },
      "mail",
    );
    const { notifier, logger } = setUp(t, [away, webhook(receiver.url)]);
    notifier.notify(down);
    await receiver.until(1);
    assert.deepEqual(
      (await notifier.test()).map(({ sender, error }) => [sender, error]),
      [
        ["mail", "not reachable"],
        ["ops", null],
      ],
    );
    assert.deepEqual(notifier.problems(), [{ key: "notify.mail", message: "not reachable" }]);
    const line = logger.lines.find(({ level }) => level === "warn");
    assert.deepEqual([line?.message, line?.context["key"]], ["nobody can be told", "notify.mail"]);
    assert.ok(!JSON.stringify(logger.lines).includes("hunter2"));
  });

  it("that the server refuses for good is not tried again", async (t) => {
    const server = await mailReceiver(t, { refuses: true });
    const { notifier, logger, errors } = setUp(t, [mail(server.port)]);
    notifier.notify(down);
    for (let turn = 0; turn < 200 && errors().length === 0; turn++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual([errors()[0]?.context["error"], errors()[0]?.context["tries"]], ["it answered 550", 1]);
    assert.ok(!JSON.stringify(logger.lines).includes("secret-user"));
  });
});

describe("delivery", () => {
  it("tries again with growing pauses until it is taken, in order", async (t) => {
    const clock = fakeClock();
    const receiver = await httpReceiver(t);
    receiver.answers.push(500, 503, 429);
    const { notifier, counts, errors } = setUp(t, [webhook(receiver.url)], clock);
    const begun = clock.now();
    notifier.notify(down);
    notifier.notify(up);
    await until(clock, () => counts()[0]?.[0] === 2);
    assert.ok(clock.now() - begun >= 1_000 + 2_000 + 4_000);
    const events = receiver.received.map(({ body }) => (JSON.parse(body) as { event: string }).event);
    assert.deepEqual(events, ["health.down", "health.down", "health.down", "health.down", "health.up"]);
    assert.deepEqual(errors(), []);
  });

  it("leaves a receiver alone for as long as it asks", async (t) => {
    const clock = fakeClock();
    const receiver = await httpReceiver(t);
    receiver.answers.push(429);
    receiver.headers["retry-after"] = "30";
    const { notifier, counts } = setUp(t, [webhook(receiver.url)], clock);
    const begun = clock.now();
    notifier.notify(down);
    await until(clock, () => counts()[0]?.[0] === 1);
    assert.ok(clock.now() - begun >= 30_000);
  });

  it("writes what it cannot bring into the log, whole, after eight tries or one that is for good", async (t) => {
    const clock = fakeClock();
    const receiver = await httpReceiver(t);
    const { notifier, errors, counts } = setUp(t, [webhook(receiver.url)], clock);
    receiver.answers.push(404);
    notifier.notify(down);
    await until(clock, () => errors().length === 1);
    assert.deepEqual([errors()[0]?.context["error"], errors()[0]?.context["tries"]], ["it answered 404", 1]);
    assert.deepEqual(errors()[0]?.context["notice"], down);
    receiver.answers.push(...Array.from({ length: 8 }, () => 500));
    notifier.notify(up);
    await until(clock, () => errors().length === 2);
    assert.equal(errors()[1]?.context["tries"], 8);
    assert.deepEqual(counts(), [[0, 2]]);
    assert.equal(receiver.received.length, 9);
  });

  it("delays nobody else by a slow receiver, and drops the oldest of more than a hundred", async (t) => {
    const clock = fakeClock();
    const slow = await httpReceiver(t);
    const quick = await httpReceiver(t);
    slow.answers.push(...Array.from({ length: 500 }, () => null));
    const { notifier, errors } = setUp(t, [webhook(slow.url), { ...webhook(quick.url), name: "quick" }], clock);
    const begun = performance.now();
    for (let n = 0; n < 90; n++) notifier.notify({ ...down, alias: `app${n}` });
    assert.ok(performance.now() - begun < 500);
    await quick.until(90);
    assert.deepEqual(errors(), []);
    for (let n = 90; n < 121; n++) notifier.notify({ ...down, alias: `app${n}` });
    await quick.until(121);
    // One is on its way, a hundred wait.
    assert.deepEqual(
      errors().map(({ context }) => [context["error"], (context["notice"] as Notice).alias]),
      Array.from({ length: 20 }, (_, n) => ["too many are waiting", `app${n + 1}`]),
    );
    assert.equal(slow.received.length, 1);
    await until(clock, () => slow.received.length === 2);
  });

  it("tells only what was asked for, a test always", async (t) => {
    const receiver = await httpReceiver(t);
    const { notifier } = setUp(t, [{ ...webhook(receiver.url), events: ["provider"] }]);
    notifier.notify(down);
    notifier.notify({ ...up, event: "provider.back" });
    await receiver.until(1);
    assert.equal((await notifier.test())[0]?.error, null);
    const events = receiver.received.map(({ body }) => (JSON.parse(body) as { event: string }).event);
    assert.deepEqual(events, ["provider.back", "test"]);
  });

  it("keeps what waits for a receiver that stays the same, and closes the others", async (t) => {
    const clock = fakeClock();
    const receiver = await httpReceiver(t);
    const spec = webhook(receiver.url);
    const { notifier, errors, counts } = setUp(t, [spec], clock);
    receiver.answers.push(500);
    notifier.notify(down);
    await receiver.until(1);
    notifier.update([{ ...spec }]);
    await until(clock, () => counts()[0]?.[0] === 1);
    receiver.answers.push(null);
    notifier.notify(down);
    notifier.notify(up);
    await receiver.until(3);
    notifier.update([{ ...spec, secret: "new" } as NotifierSpec]);
    await until(clock, () => errors().length === 2);
    for (const { context } of errors()) assert.equal(context["error"], "the receiver was changed or taken out");
    assert.deepEqual(counts(), [[0, 0]]);
    notifier.update([]);
    assert.deepEqual(counts(), []);
    notifier.notify(down);
    assert.deepEqual(await notifier.test(), []);
  });
});
