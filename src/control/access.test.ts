import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parsePasswordHash } from "../core/password-hash.ts";
import {
  adminAccess,
  assertProblem,
  read,
  type Reply,
  startControl,
  token,
  visitFrom,
} from "../../test/support/control.ts";
import type { AskOptions } from "../../test/support/control.ts";
import { hashPassword } from "./password.ts";
import { Session } from "./schema.ts";
import type { AdminAccess } from "./deps.ts";

type World = Awaited<ReturnType<typeof startControl>>;

const password = "correct höchst battery";
const passwordHash = parsePasswordHash(await hashPassword(password))!;
const withUsers = adminAccess({
  users: [
    { name: "ops", passwordHash, role: "operator" },
    { name: "guest", passwordHash, role: "viewer" },
  ],
});

function basic(name: string, word: string): AskOptions {
  return { bearer: null, headers: { authorization: `Basic ${Buffer.from(`${name}:${word}`).toString("base64")}` } };
}

describe("admin token", () => {
  const wrong: readonly (readonly [string, AskOptions])[] = [
    ["no header", { bearer: null }],
    ["another token", { bearer: "wrong" }],
    ["a token that begins right", { bearer: token.slice(0, -1) }],
    ["a token that goes on", { bearer: `${token}x` }],
    ["an empty token", { bearer: "" }],
    ["another scheme", { bearer: null, headers: { authorization: `Basic ${btoa("admin:x")}` } }],
    ["no scheme", { bearer: null, headers: { authorization: "right" } }],
    ["a session nobody has", { bearer: null, headers: { cookie: "nodoff_session=x" } }],
    ["a cookie that is broken", { bearer: null, headers: { cookie: "nodoff_session=%E0%A4%A; =; ;;" } }],
  ];
  for (const [name, options] of wrong) {
    it(`refuses ${name}`, async (t) => {
      const { ask } = await startControl(t);
      for (const path of ["/api/v1/workloads", "/api/v1/nothing", "/metrics"]) {
        const reply = await ask(path, options);
        assertProblem(reply, 401, "UNAUTHORIZED");
        assert.match(String(reply.headers["www-authenticate"]), /^Bearer/);
        assert.doesNotMatch(reply.body, /töken/);
      }
    });
  }

  it("takes the scheme in any case", async (t) => {
    const { ask } = await startControl(t, { admin: adminAccess({ token: "abc" }) });
    const reply = await ask("/api/v1/version", { bearer: null, headers: { authorization: "bearer  abc" } });
    assert.equal(reply.status, 200);
  });

  it("keeps everything closed while there is none", async (t) => {
    const { ask } = await startControl(t, { admin: adminAccess({ token: null }) });
    for (const bearer of [null, "null", "undefined", ""]) {
      assertProblem(await ask("/api/v1/workloads", { bearer }), 401, "UNAUTHORIZED");
    }
    assert.equal((await ask("/healthz", { bearer: null })).status, 200);
  });

  it("makes an address wait after ten wrong tokens within a minute, guesses that would be right included", async (t) => {
    const { ask, clock, logger, journal } = await startControl(t, {
      visit: (request) => visitFrom(String(request.headers["x-test-client"] ?? "192.0.2.1"))(request),
    });
    // Without credentials nobody guesses.
    for (let round = 0; round < 20; round++) await ask("/api/v1/version", { bearer: null });
    for (let round = 0; round < 10; round++) {
      assertProblem(await ask("/api/v1/version", { bearer: `wrong${round}` }), 401, "UNAUTHORIZED");
    }
    const refused = await ask("/api/v1/version");
    assertProblem(refused, 429, "RATE_LIMITED");
    assert.ok(Number(refused.headers["retry-after"]) > 0);
    assert.equal((await ask("/api/v1/version", { headers: { "x-test-client": "192.0.2.2" } })).status, 200);
    assert.equal(logger.lines.length, 10);
    assert.doesNotMatch(JSON.stringify([logger.lines, journal.since(0)]), /wrong\d/);
    assert.deepEqual(journal.since(0).map(({ type, message }) => [type, message])[9], [
      "audit",
      "login failed (token), from 192.0.2.1",
    ]);
    clock.advance(60_001);
    assert.equal((await ask("/api/v1/version")).status, 200);
  });

  it("tells the history of so many failures a minute and no more, wherever they come from", async (t) => {
    let asked = 0;
    const { ask, journal } = await startControl(t, {
      visit: (request) => visitFrom(`192.0.2.${asked++ % 200}`)(request),
    });
    for (let round = 0; round < 100; round++) await ask("/api/v1/version", { bearer: "wrong" });
    assert.equal(journal.since(0).length, 60);
  });
});

describe("users", () => {
  it("come in with their password, as who they are", async (t) => {
    const { ask } = await startControl(t, { admin: withUsers });
    assert.deepEqual(read(Session, await ask("/api/v1/session", basic("ops", password))), {
      name: "ops",
      role: "operator",
      via: "basic",
    });
    // The same letters, composed another way.
    const decomposed = basic("guest", password.normalize("NFD"));
    assert.equal(read(Session, await ask("/api/v1/session", decomposed)).role, "viewer");
  });

  it("come in with nothing else", async (t) => {
    const { ask, logger } = await startControl(t, { admin: withUsers });
    for (const [name, word] of [
      ["ops", "wrong"],
      ["ops", ""],
      ["", password],
      ["nobody", password],
      ["ops", "x".repeat(5_000)],
      ["ops:", password],
    ] as const) {
      assertProblem(await ask("/api/v1/session", basic(name, word)), 401, "UNAUTHORIZED");
    }
    assert.equal(logger.lines.length, 6);
  });

  it("look and ask for nothing as viewers", async (t) => {
    const { ask, changes } = await startControl(t, { admin: withUsers });
    const guest = basic("guest", password);
    assert.equal((await ask("/api/v1/workloads", guest)).status, 200);
    assert.equal((await ask("/metrics", guest)).status, 200);
    for (const path of ["workloads/blog/wake", "workloads/blog/restart", "health/blog/check", "notify/test"]) {
      assertProblem(await ask(`/api/v1/${path}`, { ...guest, method: "POST" }), 403, "FORBIDDEN");
    }
    assert.deepEqual(changes, []);
  });

  it("stand in the history with what they asked for", async (t) => {
    const { ask, journal } = await startControl(t, { admin: withUsers });
    const asked = { ...basic("ops", password), method: "POST", body: { reason: "film" } };
    assert.equal((await ask("/api/v1/workloads/blog/wake", asked)).status, 202);
    for (const path of ["health/blog/check", "notify/test", "doctor"])
      assert.equal((await ask(`/api/v1/${path}`, { ...basic("ops", password), method: "POST" })).status, 200);
    assert.deepEqual(
      journal.since(0).map(({ alias, message }) => [alias, message]),
      [
        ["blog", "ops: wake asked (reason: film)"],
        ["blog", "ops: health check asked"],
        [null, "ops: test notices asked"],
        [null, "ops: examination of the proxies asked"],
      ],
    );
  });
});

describe("login", () => {
  it("by token opens a session that only our own pages may use, until it is closed", async (t) => {
    const { ask, changes, port } = await startControl(t);
    const reply = await signIn(ask, { token });
    assert.deepEqual([reply.status, reply.headers.location], [303, "./"]);
    const [set] = reply.headers["set-cookie"] ?? [];
    assert.match(set ?? "", /^nodoff_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    const session: AskOptions = { bearer: null, headers: { cookie: cookieOf(reply) } };
    assert.deepEqual(read(Session, await ask("/api/v1/session", session)), {
      name: "admin",
      role: "operator",
      via: "session",
    });
    const own = `http://127.0.0.1:${port}`;
    const wake = (headers: Record<string, string>): Promise<Reply> =>
      ask("/api/v1/workloads/blog/wake", { ...session, method: "POST", headers: { ...session.headers, ...headers } });
    const foreign: readonly Record<string, string>[] = [
      {},
      { origin: "null" },
      { origin: "http://evil.test" },
      { origin: `http://127.0.0.1:${port + 1}` },
      { origin: own, "sec-fetch-site": "cross-site" },
    ];
    for (const headers of foreign) assertProblem(await wake(headers), 403, "FOREIGN_ORIGIN");
    assert.deepEqual(changes, []);
    assert.equal((await wake({ origin: own })).status, 202);
    assert.equal((await wake({ origin: own, "sec-fetch-site": "same-origin" })).status, 202);
    const out = await ask("/logout", { ...session, method: "POST", headers: { ...session.headers, origin: own } });
    assert.deepEqual([out.status, out.headers.location], [303, "login"]);
    assert.match(out.headers["set-cookie"]?.[0] ?? "", /^nodoff_session=; /);
    assertProblem(await ask("/api/v1/session", session), 401, "UNAUTHORIZED");
  });

  it("by name and password, and shows the form again after a wrong one", async (t) => {
    const { ask, journal } = await startControl(t, { admin: withUsers });
    const reply = await signIn(ask, { user: "guest", password });
    const session = { bearer: null, headers: { cookie: cookieOf(reply) } };
    assert.equal(read(Session, await ask("/api/v1/session", session)).name, "guest");
    const again = await signIn(ask, { user: "guest", password: "wrong" }, { accept: "text/html,*/*" });
    assert.equal(again.status, 401);
    assert.match(again.body, /role="alert"/);
    assert.equal(again.headers["set-cookie"], undefined);
    assertProblem(await signIn(ask, { user: "<b>", password: "wrong" }), 401, "UNAUTHORIZED");
    assert.deepEqual(
      journal.since(0).map(({ message }) => message),
      [
        "guest signed in, from 127.0.0.1",
        "login failed for guest (form), from 127.0.0.1",
        "login failed (form), from 127.0.0.1",
      ],
    );
  });

  it("shows whoever is in on to the dashboard", async (t) => {
    const { ask } = await startControl(t);
    const page = await ask("/login", { bearer: null });
    assert.equal(page.status, 200);
    assert.match(String(page.headers["content-type"]), /^text\/html/);
    assert.match(page.body, /name="token"/);
    assert.doesNotMatch(page.body, /name="user"|<script|style="/);
    assert.match(String(page.headers["content-security-policy"]), /default-src 'none'/);
    const session = { bearer: null, headers: { cookie: cookieOf(await signIn(ask, { token })) } };
    assert.deepEqual((await ask("/login", session)).headers.location, "./");
    assert.equal((await ask("/login.css", { bearer: null })).status, 200);
  });

  it("takes forms of our own pages alone, and no other bodies", async (t) => {
    const { ask } = await startControl(t);
    assertProblem(await signIn(ask, { token }, { origin: "http://evil.test" }), 403, "FOREIGN_ORIGIN");
    for (const fields of [{}, { token: "" }, { user: "x" }, { password: "x" }, { token: "x".repeat(2_000) }]) {
      assertProblem(await signIn(ask, fields), 400, "BAD_REQUEST");
    }
    assertProblem(await ask("/login", { bearer: null, method: "POST", body: { token } }), 400, "BAD_REQUEST");
    assertProblem(await ask("/login", { bearer: null, method: "PUT" }), 405, "METHOD_NOT_ALLOWED");
    assertProblem(await ask("/logout", { bearer: null }), 405, "METHOD_NOT_ALLOWED");
  });

  it("makes an address wait after ten attempts within a minute", async (t) => {
    const { ask, clock } = await startControl(t);
    for (let round = 0; round < 10; round++) await signIn(ask, { token: `wrong${round}` });
    const refused = await signIn(ask, { token });
    assertProblem(refused, 429, "RATE_LIMITED");
    assert.ok(Number(refused.headers["retry-after"]) > 0);
    clock.advance(60_001);
    assert.equal((await signIn(ask, { token })).status, 303);
  });

  it("sends its cookie over TLS alone where it came by TLS, and below the base path alone where there is one", async (t) => {
    const { ask } = await startControl(t, {
      basePath: "/nodoff",
      visit: visitFrom("192.0.2.1", { isSecure: true }),
    });
    const below = await signIn(ask, { token }, {}, "/nodoff/login");
    assert.equal(below.headers.location, "./");
    assert.match(below.headers["set-cookie"]?.[0] ?? "", /; Path=\/nodoff; HttpOnly; Secure; SameSite=Strict$/);
    const session = { bearer: null, headers: { cookie: cookieOf(below) } };
    for (const path of ["/nodoff/api/v1/session", "/api/v1/session"]) read(Session, await ask(path, session));
    const bare = await ask("/nodoff", session);
    assert.deepEqual([bare.status, bare.headers.location], [308, "/nodoff/"]);
    assert.match((await signIn(ask, { token })).headers["set-cookie"]?.[0] ?? "", /; Path=\/;/);
  });

  it("ends with the token or the password it was made with", async (t) => {
    const admin: { -readonly [K in keyof AdminAccess]: AdminAccess[K] } = { ...withUsers };
    const { ask } = await startControl(t, { admin });
    const [byToken, byPassword] = [await signIn(ask, { token }), await signIn(ask, { user: "ops", password })];
    const stillIn = async (reply: Reply): Promise<number> =>
      (await ask("/api/v1/session", { bearer: null, headers: { cookie: cookieOf(reply) } })).status;
    assert.deepEqual([await stillIn(byToken), await stillIn(byPassword)], [200, 200]);
    admin.token = "another";
    assert.deepEqual([await stillIn(byToken), await stillIn(byPassword)], [401, 200]);
    admin.users = [{ name: "ops", passwordHash, role: "viewer" }];
    assert.deepEqual([await stillIn(byToken), await stillIn(byPassword)], [401, 401]);
  });

  it("ends a day after it was last used, and after a week in any case", async (t) => {
    const { ask, clock } = await startControl(t);
    const session = { bearer: null, headers: { cookie: cookieOf(await signIn(ask, { token })) } };
    const hour = 3_600_000;
    for (let day = 0; day < 7; day++) {
      clock.advance(23 * hour);
      assert.equal((await ask("/api/v1/session", session)).status, 200, `day ${day}`);
    }
    clock.advance(8 * hour);
    assert.equal((await ask("/api/v1/session", session)).status, 401);
    const second = { bearer: null, headers: { cookie: cookieOf(await signIn(ask, { token })) } };
    clock.advance(24 * hour);
    assert.equal((await ask("/api/v1/session", second)).status, 401);
  });
});

describe("a proxy that says who it is", () => {
  const admin = adminAccess({
    trustedHeader: { name: "remote-user", isFrom: (address) => address === "127.0.0.1", role: "operator" },
  });

  it("is believed where it is named, and nowhere else", async (t) => {
    const named = { bearer: null, headers: { "remote-user": "anna" } };
    const { ask } = await startControl(t, { admin });
    assert.deepEqual(read(Session, await ask("/api/v1/session", named)), {
      name: "anna",
      role: "operator",
      via: "header",
    });
    // A proxy may ask for passwords of its own, which the browser then sends to us as well.
    const withBasic = { bearer: null, headers: { ...named.headers, authorization: `Basic ${btoa("anna:x")}` } };
    assert.equal((await ask("/api/v1/session", withBasic)).status, 200);
    for (const headers of [{}, { "remote-user": "" }, { "remote-user": " " }])
      assertProblem(await ask("/api/v1/session", { bearer: null, headers }), 401, "UNAUTHORIZED");
    const elsewhere = await startControl(t, {
      admin: adminAccess({ trustedHeader: { name: "remote-user", isFrom: () => false, role: "operator" } }),
    });
    assertProblem(await elsewhere.ask("/api/v1/session", named), 401, "UNAUTHORIZED");
  });

  it("adds its word to what other sites send as well, which is refused", async (t) => {
    const { ask, changes, port } = await startControl(t, { admin });
    const wake = (headers: Record<string, string>): Promise<Reply> =>
      ask("/api/v1/workloads/blog/wake", { bearer: null, method: "POST", headers: { "remote-user": "a", ...headers } });
    assertProblem(await wake({ origin: "https://evil.test" }), 403, "FOREIGN_ORIGIN");
    assertProblem(await wake({ "sec-fetch-site": "cross-site" }), 403, "FOREIGN_ORIGIN");
    assert.deepEqual(changes, []);
    assert.equal((await wake({ origin: `http://127.0.0.1:${port}` })).status, 202);
    // A script behind the proxy is no browser.
    assert.equal((await wake({})).status, 202);
  });
});

describe("no login", () => {
  const admin = adminAccess({ auth: "none" });

  it("makes everybody an operator who asks for an address nobody else can have", async (t) => {
    const { ask, port } = await startControl(t, { admin, visit: visitFrom("127.0.0.1", { publicHost: "n.test" }) });
    for (const host of [`127.0.0.1:${port}`, "localhost", "[::1]:80", "app.localhost:1", "n.test"]) {
      const session = read(Session, await ask("/api/v1/session", { bearer: null, headers: { host } }));
      assert.deepEqual([session.role, session.via], ["operator", "none"]);
    }
    assert.equal((await ask("/api/v1/session", { bearer: "outdated" })).status, 200);
  });

  it("is for this machine alone, whatever name is asked for", async (t) => {
    const { ask } = await startControl(t, { admin, visit: visitFrom("192.0.2.1", { isLocal: false }) });
    const headers = { host: "localhost" };
    assertProblem(await ask("/api/v1/session", { bearer: null, headers }), 403, "FOREIGN_ORIGIN");
  });

  it("is no open door for other sites: DNS rebinding, cross-site requests", async (t) => {
    const { ask, changes, port } = await startControl(t, { admin });
    for (const host of ["evil.test", "127.0.0.1.evil.test", "localhost.evil.test:80", "192.0.2.1"])
      assertProblem(await ask("/api/v1/session", { bearer: null, headers: { host } }), 403, "FOREIGN_ORIGIN");
    const wake = (headers: Record<string, string>): Promise<Reply> =>
      ask("/api/v1/workloads/blog/wake", { bearer: null, method: "POST", headers });
    assertProblem(await wake({ origin: "https://evil.test" }), 403, "FOREIGN_ORIGIN");
    assert.deepEqual(changes, []);
    assert.equal((await wake({ origin: `http://127.0.0.1:${port}` })).status, 202);
  });
});

function signIn(
  ask: World["ask"],
  fields: Record<string, string>,
  headers: Record<string, string> = {},
  path = "/login",
): Promise<Reply> {
  const type = { "content-type": "application/x-www-form-urlencoded" };
  const body = new URLSearchParams(fields).toString();
  return ask(path, { bearer: null, method: "POST", body, headers: { ...type, ...headers } });
}

function cookieOf({ headers }: Reply): string {
  return headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
}
